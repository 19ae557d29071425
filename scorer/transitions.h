#pragma once

// Memory: what follows what. Sparse, non-parametric attention over the newest items.
//
//   row T[h]  items that followed h        row R[i]  items that preceded i
//   p(i|h)  = w_{h,i} / (total_h + 5 increment_h)
//   beta    = softmax over the newest 6 of position[l] + gap[G(age)]
//   tw(i)   = sum_k beta_k p_T(i|h_k)      rv(i) = sum over the newest 5 of beta_k p_R(i|h_k)
//   backoff = sum_k beta_k 5 increment_k / (total_k + 5 increment_k)
//
// T forgets: a row's increment grows by 2 % each time something follows its item directly, which
// is a decay of everything older, kept in scale. beta is learned by gradient through tw.
//
// A slot that another item takes over leaves entries behind in rows that nobody can find. So each
// row remembers how many slots had changed hands when it was last written, each slot when it last
// did: an entry is stale if its slot changed hands since. Stale entries are passed over, and
// removed when the row is next written.
//
// Shapes    At most `row_max` entries a row; the smallest gives way. Bytes an entry: 8.

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "scorer/buckets.h"
#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/prefetch.h"
#include "scorer/query.h"
#include "scorer/scalar.h"
#include "scorer/sparse_columns.h"

namespace fovea::scorer {

inline constexpr std::size_t kFollowsDepth = 6;   // newest items whose T rows are read
inline constexpr std::size_t kPrecedesDepth = 5;  // newest items whose R rows are read
inline constexpr std::size_t kCountDepth = 5;     // newest items that a choice is counted for

// How much each of the newest items says, and how much none of them knows.
struct TransitionWeights {
  std::size_t depth = 0;
  std::array<float, kFollowsDepth> beta{};
  float backoff = 0.0F;
};

class Transitions {
 public:
  Transitions(std::size_t row_max, std::size_t history_max);

  void add();             // a new item's rows
  void reset(Slot slot);  // another item's from here on

  // Fills tw and rv of every item the rows touch.
  [[nodiscard]] TransitionWeights read(const Query& query, SparseColumns& columns) const;

  // The parts of tw(i) and rv(i) that the k-th newest entry explains.
  [[nodiscard]] float follows(const Query& query, const TransitionWeights& weights, std::size_t k,
                              Slot item) const;
  [[nodiscard]] float precedes(const Query& query, const TransitionWeights& weights, std::size_t k,
                               Slot item) const;

  // What has followed `slot`, in units of the newest increment. 0 for an unknown item.
  [[nodiscard]] float mass(Slot slot) const;

  // Gradient step on beta. `slope_of(slot)` is d loss / d tw(slot), 0 for items not sampled.
  template <class SlopeOf>
  void learn(const Query& query, const TransitionWeights& weights, float rate, SlopeOf&& slope_of);

  // Counts `item` as chosen after the query's history. Immediate repeats are the caller's to leave
  // out.
  void observe(const Query& query, Slot item);

  void copy_changed(Transitions& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);
  // Passes over what load() reads: a tenth of its time.
  void skip(ByteReader& in, std::size_t item_count) const;
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Row {
    float total = 0.0F;
    float increment = 1.0F;
    std::uint64_t written = 0;  // changes_of_hands_ then
    std::vector<Slot> items;
    std::vector<float> weights;

    void fetch() const {
      prefetch(items.data(), items.size() * sizeof(Slot));
      prefetch(weights.data(), weights.size() * sizeof(float));
    }
  };
  static constexpr float kPrior = 5.0F;
  static constexpr float kIgnoredBeta = 1e-3F;

  [[nodiscard]] bool stale(const Row& row, Slot item) const {
    return row.written != changes_of_hands_ && changed_hands_[item] > row.written;
  }
  void drop_stale(Row& row) const;
  void add_to(Row& row, Slot item, float weight) const;
  [[nodiscard]] float weight_of(const Row& row, Slot item) const;
  [[nodiscard]] static bool read_row(const TransitionWeights& weights, std::size_t k) {
    return k == 0 || weights.beta[k] >= kIgnoredBeta;
  }
  void step(const Query& query, const TransitionWeights& weights, float rate,
            const std::array<float, kFollowsDepth>& slope);

  std::size_t row_max_;
  std::vector<Row> follows_;   // T
  std::vector<Row> precedes_;  // R
  std::vector<Scalar> position_;
  std::array<Scalar, kGapBuckets> gap_;
  std::uint64_t changes_of_hands_ = 0;
  std::vector<std::uint64_t> changed_hands_;  // by slot, the how manieth; empty before the first
  Changes changes_;
};

template <class SlopeOf>
void Transitions::learn(const Query& query, const TransitionWeights& weights, float rate,
                        SlopeOf&& slope_of) {
  std::array<float, kFollowsDepth> slope{};  // d loss / d beta_k
  for (std::size_t k = 0; k < weights.depth; ++k) {
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot || !read_row(weights, k)) continue;
    const Row& row = follows_[slot];
    const float scale = 1.0F / (row.total + kPrior * row.increment);
    float sum = 0.0F;
    for (std::size_t e = 0; e < row.items.size(); ++e) {
      const float item_slope = stale(row, row.items[e]) ? 0.0F : slope_of(row.items[e]);
      if (item_slope != 0.0F) sum += item_slope * row.weights[e] * scale;
    }
    slope[k] = sum;
  }
  step(query, weights, rate, slope);
}

}  // namespace fovea::scorer
