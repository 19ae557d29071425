#pragma once

// The model's formulas in float64 and plain loops, to be checked by eye against README.md.
//
// It shares no arithmetic with the fast path: std::exp2 and std::log2, no kernels, no scratch; and
// it reads the parameters from the bytes that the parts save, not from their members. Gradients
// are central differences of the scores, taken one occurrence at a time: an item that lies in the
// history twice is moved twice, and so has two gradients.
//
// For tests only; hundreds of times slower than what it checks.

#include <array>
#include <cstddef>
#include <map>
#include <string>
#include <vector>

#include "scorer/model.h"

namespace fovea::scorer::reference {

// A learned number and its Adagrad sum.
struct Number {
  double value = 0.0;
  double sum = 0.0;
  void step(double rate, double gradient);
};

// A row of numbers that share one sum, fed with mean squares.
struct Row {
  std::vector<double> value;
  double sum = 0.0;
  void step(double rate, const std::vector<double>& gradient);
};

struct Item {
  Row in;                                                  // a
  Row residual;                                            // b = S - a
  Number bias;                                             // c
  std::vector<std::pair<Slot, double>> follows, precedes;  // T and R rows
  double follows_total = 0.0, follows_increment = 1.0;
  double precedes_total = 0.0, precedes_increment = 1.0;
  double repeats = 0.0;                                // rep_i
  std::vector<std::pair<Slot, double>> alike;          // linked by content, with the cosine
  std::map<std::size_t, std::vector<double>> content;  // by kind
};

struct Slope {
  Number base;
  std::array<Number, kLengthBuckets> length;
  std::array<Number, kMassBuckets> mass;
  std::array<Number, kCoarseGapBuckets> gap;
  std::array<Number, kKnots> knots;
};

struct LagTable {
  std::array<Number, kLengthBuckets> length;
  std::array<Number, 3> pair;
  std::array<Number, kCoarseGapBuckets> gap;
  std::array<Number, 8> share;
  Number rate;
};

using Curve = std::array<Number, kKnots>;

// ranking_head.h
struct Head {
  std::array<Slope, kFeatureCount> slopes;
  std::array<LagTable, kLagClasses> tables;  // the rates are not used
  std::array<Number, kLagClasses> gates;
  std::array<Number, kCoarseGapBuckets> gap_gate;
  std::array<Number, kLengthBuckets> length_gate;
  std::array<Number, kMassBuckets> mass_gate;
};

struct PairRow {
  double total = 0.0;
  std::vector<std::pair<Slot, double>> items;
};

// Every number that a score depends on, but the counts of popularity.
struct Parameters {
  std::size_t dim = 0;
  double half_life_s = 0.0;
  Parts parts;
  std::vector<Item> items;
  // attention.h
  std::vector<std::vector<Number>> matrix;  // W
  std::vector<Number> offset;               // q
  std::vector<Number> position;             // r_pos
  std::array<Number, kGapBuckets> gap;      // r_gap
  std::array<Number, kLengthBuckets> lasting_factor;
  std::vector<Row> gap_rows, length_rows, context_rows;  // v, v', v_c
  // linear.h
  std::array<Slope, kFeatureCount> slopes;
  // transitions.h
  std::vector<Number> beta_position;
  std::array<Number, kGapBuckets> beta_gap;
  // pairs.h, by pair_key()
  std::map<std::uint32_t, PairRow> pairs;
  // neighbours.h: the choices that the ring holds, oldest first
  std::vector<std::pair<UserKey, Slot>> choices;
  // repeat.h
  std::array<LagTable, kLagClasses> tables;
  std::array<Number, kLagClasses> gates;
  std::array<Number, kFeatureCount> own_slopes;
  Curve own_recency, own_count;
  double repeat_mean = 0.0;  // rho
  Head head;
  Number calibration_slope, calibration_offset;  // calibration.h
  // content_attention.h
  std::vector<Number> content_logits;  // u, by kind
  Number content_sharpness;
};

[[nodiscard]] Parameters read(const Model& model);

// The buckets that a question falls in, all from README.md.
struct Buckets {
  std::size_t gap = 0, length = 0, mass = 0;
  std::size_t pair = 0, share = 0;
};

// A question, with each history entry's vector and each softmax logit apart, so that each can be
// moved by itself.
struct Question {
  const Query* query = nullptr;
  Buckets buckets;
  std::vector<std::vector<double>> entries;  // a_k, oldest first
  std::vector<double> shift;                 // added to z_k
  std::vector<double> beta_shift;            // added to the logit of beta_k, newest first
  std::vector<double> lasting_mean;
};

[[nodiscard]] Question ask(const Parameters& parameters, const Model& model, const Query& query);

struct Interest {
  std::vector<double> alpha;  // oldest first
  std::vector<double> j;      // all 0 without attention
};

[[nodiscard]] Interest attend(const Parameters& parameters, const Question& question);

// What a sparse memory says of every item, and what each entry, newest first, adds to it.
struct Column {
  std::vector<double> whole;            // by slot
  std::vector<std::vector<double>> of;  // by entry, by slot
};

struct Memory {
  std::vector<double> beta;                              // newest first
  Column follows, precedes, pairs, neighbours, content;  // tw, rv, t2, kn, ct
  double backoff = 0.0;                                  // b0 / all choices decayed at H/8
};

// Requires: `total` is all choices decayed at H/8, Popularity::total().
[[nodiscard]] Memory remember(const Parameters& parameters, const Question& question, double total);

struct Terms {
  std::array<double, kFeatureCount> x{};
  double match = 0.0;  // S_i . j
  double gate = 1.0;
  double head_gate = 0.0;
  double bias = 0.0, attention = 0.0, linear = 0.0, own = 0.0, head = 0.0;
  [[nodiscard]] double base() const { return bias + attention + linear + own; }
  [[nodiscard]] double score() const { return base() + head; }
};

[[nodiscard]] Terms score(const Parameters& parameters, const Question& question,
                          const Interest& interest, const Memory& memory, Slot slot,
                          const ItemCounts& counts);

// A score taken apart (README.md: Explain).
struct Explained {
  double bias = 0.0;
  double user = 0.0;
  std::vector<double> history;             // oldest first
  std::map<std::string, double> features;  // every name that an explanation may use
  [[nodiscard]] double sum() const;
};

// Requires: `context_fields` are those of the model's settings.
[[nodiscard]] Explained explain(const Parameters& parameters,
                                const std::vector<std::string>& context_fields,
                                const Question& question, const Interest& interest,
                                const Memory& memory, Slot slot, const ItemCounts& counts);

// What an example is compared with, as the fast step drew it.
struct Drawn {
  Slot slot = kNoSlot;
  double log_correction = 0.0;
};

// -ln p_target, or -ln(1 - p_target) where the target was refused; candidates[0] is the target.
[[nodiscard]] double loss(const std::vector<double>& logits, bool positive);

// -m / log2(2 + r), where r is what stands before the target, scores[0]: approx_ndcg.h. A weight is
// 1 / (inclusion probability).
[[nodiscard]] double ndcg_loss(const std::vector<double>& scores,
                               const std::vector<double>& weights, double m);

// One step of every parameter, in place.
// Requires: `model` is as it was before the fast step, and `parameters` was read from it.
void learn(Parameters& parameters, const Model& model, const Query& query,
           const std::vector<Drawn>& candidates, bool positive, double strength = 1.0);

}  // namespace fovea::scorer::reference
