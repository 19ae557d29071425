#pragma once

// The repeat model: whether what the user has had is what comes next. Only where repeats are
// allowed; all parameters start at 0.
//
//   own(i) = r1[l][B(n)] + r2[l][newest pair] + r3[l][G(gap)/2] + r4[l][share of repeats]
//          + r5[l] log2((rep_i + 2 rho) / ((count_i + 2) rho))
//          + sum_f o_f (x_f(i) - d_f)
//          + curve(1 + log2(1 + seconds since had)) + curve'(times had)
//
// l is the lag class of i's latest occurrence. rep_i counts choices of i by users who had it
// before, rho is the running mean of that; d_f is log2(eps) for the sparse features, else 0. The
// attention product of an own item is multiplied by gate[l], which starts at 0.
//
// Why apart from the vectors: a repeat says little about likeness. Letting own items pull at the
// vectors cost a fifth of NDCG on session data.

#include <array>
#include <cstdint>
#include <vector>

#include "scorer/attention.h"
#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/linear.h"
#include "scorer/own_items.h"
#include "scorer/query.h"
#include "scorer/repeat_tables.h"
#include "scorer/scalar.h"

namespace fovea::scorer {

// own(i), term by term.
struct RepeatParts {
  float tables = 0.0F;
  float rate = 0.0F;
  float features = 0.0F;
  float recency = 0.0F;
  float count = 0.0F;
  [[nodiscard]] float sum() const { return tables + rate + features + recency + count; }
};

class Repeat {
 public:
  void add() {
    repeats_.push_back(0.0F);
    changes_.mark(static_cast<Slot>(repeats_.size() - 1));
  }
  void reset(Slot slot) {  // another item's from here on
    repeats_[slot] = 0.0F;
    changes_.mark(slot);
  }
  void observe(Slot slot, bool had_before);

  [[nodiscard]] RepeatParts parts(const QueryOwnItem& own, const RepeatBuckets& buckets,
                                  std::uint32_t item_choices, const FeatureValues& x,
                                  const Linear& linear) const;
  // Of the attention product. 1 for an item older than the history.
  [[nodiscard]] float gate(const QueryOwnItem& own) const {
    return own.lag_class == 0 ? 1.0F : tables_.gate(own);
  }

  // Gathers d loss / d score of one own item; `match_gradient` is d loss / d gate.
  void gather(const QueryOwnItem& own, const RepeatBuckets& buckets, std::uint32_t item_choices,
              const FeatureValues& x, float gradient, float match_gradient);
  void step(const Linear& linear);

  void copy_changed(Repeat& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);
  [[nodiscard]] std::uint64_t bytes() const { return repeats_.size() * sizeof(float); }

 private:
  struct Curve {
    std::array<Scalar, kKnots> knots;
    std::array<float, kKnots> gathered{};
    [[nodiscard]] float at(float x) const;
    void gather(float x, float gradient);
    void step(float rate);
  };

  [[nodiscard]] float rate_feature(Slot slot, std::uint32_t item_choices) const;

  RepeatTables tables_;                   // r1 to r4, and the gates
  std::array<Scalar, kLagClasses> rate_;  // r5
  std::array<Scalar, kFeatureCount> features_;
  std::array<float, kFeatureCount> features_gathered_{};
  Curve recency_, count_;
  std::vector<float> repeats_;  // rep_i
  float mean_ = 0.05F;          // rho
  Changes changes_;
};

}  // namespace fovea::scorer
