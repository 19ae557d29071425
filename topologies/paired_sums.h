#pragma once

// How many times as good one ranker is as another on the same events, and how sure that is.
//
//   ratio = sum of a's figure / sum of b's, over all events
//
// The interval is that of a percentile bootstrap which draws users, not events: a user's events are
// alike, and 600 users with 200 events each say less than 120,000 strangers. Each of the resamples
// gives each user a Poisson(1) weight, the same for both rankers.
//
// Source    Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 8 and 13;
//           Poisson weights: Hanley and MacGibbon, "Creating non-parametric bootstrap samples using
//           Poisson frequencies", 2006.

#include <cstddef>
#include <cstdint>
#include <span>
#include <unordered_map>
#include <vector>

#include "vocab/ids.h"

namespace fovea::topologies {

struct Interval {
  double low = 0;
  double high = 0;
};

class PairedSums {
 public:
  explicit PairedSums(std::size_t rankers = 0) : rankers_(rankers) {}

  // One event's figures, one a ranker. Requires: figures.size() is the number of rankers.
  void add(UserKey user, std::span<const double> figures);

  // Of ranker 0 to each other one, at the given share in the middle; the same call gives the same
  // result. {0, 0} where there is nothing to divide by.
  [[nodiscard]] std::vector<Interval> ratio_intervals(double share = 0.95,
                                                      std::size_t resamples = 1'000) const;

  [[nodiscard]] std::size_t users() const { return rows_.size(); }

 private:
  std::size_t rankers_;
  std::unordered_map<UserKey, std::size_t> rows_;
  std::vector<double> sums_;  // users x rankers
};

}  // namespace fovea::topologies
