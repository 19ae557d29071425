#pragma once

// What it says of an item that the user had it so many choices ago, by the moment.
//
// Used twice, with a rate of its own each: in own(i) (repeat.h) and in the head (ranking_head.h).

#include <array>
#include <cstddef>

#include "scorer/attention.h"
#include "scorer/own_items.h"
#include "scorer/query.h"
#include "scorer/scalar.h"

namespace fovea::scorer {

// The discrete facts that the tables go by.
struct RepeatBuckets {
  std::size_t length = 0;
  std::size_t pair = 0;  // 1: the newest two are equal; 2: the newest and the one before that
  std::size_t gap = 0;
  std::size_t share = 0;  // min(7, floor(8 (n - distinct) / n))
};
[[nodiscard]] RepeatBuckets repeat_buckets(const Query& query, const MomentBuckets& buckets);

// All start at 0. Requires everywhere: the item is in the history (lag class 1 and more).
class RepeatTables {
 public:
  [[nodiscard]] float sum(const QueryOwnItem& own, const RepeatBuckets& buckets) const {
    const LagTable& table = tables_[own.lag_class];
    return table.length[buckets.length].value + table.pair[buckets.pair].value +
           table.gap[buckets.gap].value + table.share[buckets.share].value;
  }
  // Of the attention product.
  [[nodiscard]] float gate(const QueryOwnItem& own) const { return gate_[own.lag_class].value; }

  // A cell is met by one candidate an example as a rule: nothing is gathered. `match_gradient` is
  // d loss / d gate.
  void step(const QueryOwnItem& own, const RepeatBuckets& buckets, float rate, float gradient,
            float match_gradient) {
    LagTable& table = tables_[own.lag_class];
    table.length[buckets.length].step(rate, gradient);
    table.pair[buckets.pair].step(rate, gradient);
    table.gap[buckets.gap].step(rate, gradient);
    table.share[buckets.share].step(rate, gradient);
    gate_[own.lag_class].step(rate, match_gradient);
  }

 private:
  static constexpr std::size_t kShares = 8;
  static constexpr std::size_t kPairs = 3;
  struct LagTable {
    std::array<Scalar, kLengthBuckets> length;
    std::array<Scalar, kPairs> pair;
    std::array<Scalar, kCoarseGapBuckets> gap;
    std::array<Scalar, kShares> share;
  };

  std::array<LagTable, kLagClasses> tables_;
  std::array<Scalar, kLagClasses> gate_;
};

}  // namespace fovea::scorer
