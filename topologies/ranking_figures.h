#pragma once

// What ranks add up to: NDCG, hit rates and reciprocal ranks with their standard errors.
//
// With one relevant item a query, at rank r from 0:
//
//   NDCG@10 = [r < 10] / log2(r + 2)     HR@k = [r < k]     MRR@20 = [r < 20] / (r + 1)
//
// Source    Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002.
//           The paired difference compares two rankers on the same events: its standard error is
//           that of the mean of the per-event differences.

#include <cmath>
#include <cstdint>
#include <optional>

namespace fovea::topologies {

// Mean and its standard error, from running sums.
class Mean {
 public:
  void add(double value) {
    ++count_;
    sum_ += value;
    squares_ += value * value;
  }
  [[nodiscard]] std::uint64_t count() const { return count_; }
  [[nodiscard]] double value() const { return count_ == 0 ? 0 : sum_ / double(count_); }
  [[nodiscard]] double error() const {
    if (count_ < 2) return 0;
    const double n = double(count_);
    const double variance = (squares_ - sum_ * sum_ / n) / (n - 1);
    return variance > 0 ? std::sqrt(variance / n) : 0;
  }

 private:
  std::uint64_t count_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

// A rank from 0; absent where the ranker does not know the item at all, which is a miss.
using Rank = std::optional<std::int32_t>;

[[nodiscard]] inline double ndcg10(Rank rank) {
  return rank && *rank < 10 ? 1 / std::log2(*rank + 2.0) : 0;
}
[[nodiscard]] inline double hit(Rank rank, std::int32_t k) {
  return rank && *rank < k ? 1 : 0;
}
[[nodiscard]] inline double mrr20(Rank rank) {
  return rank && *rank < 20 ? 1 / (*rank + 1.0) : 0;
}

struct RankingFigures {
  Mean ndcg_10;
  Mean hr_10;
  Mean hr_20;
  Mean mrr_20;

  void add(Rank rank) {
    ndcg_10.add(ndcg10(rank));
    hr_10.add(hit(rank, 10));
    hr_20.add(hit(rank, 20));
    mrr_20.add(mrr20(rank));
  }
};

}  // namespace fovea::topologies
