#pragma once

// Popularity: how often each item was chosen by anybody, decayed.
//
//   score(i) = log2 of sum over i's choices of 2^((t_choice - now) / half-life)
//
// Units     half-life in seconds; 0: nothing decays. A score is log2 of a decayed count.

#include <limits>
#include <memory>
#include <vector>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

// Counts that never need decaying: each is kept as log2 of a sum of 2^(time / half-life).
class DecayedCounts {
 public:
  explicit DecayedCounts(double half_life_s)
      : per_second_(half_life_s > 0 ? 1 / half_life_s : 0.0) {}

  void observe(ItemIndex item, double now_s);
  // log2 of every item's count as of now; -infinity where nothing was observed.
  [[nodiscard]] double offset(double now_s) const { return now_s * per_second_; }
  // Without that offset: the same order at any time.
  [[nodiscard]] double log2_count(ItemIndex item) const {
    return item < log2_.size() ? log2_[item] : -std::numeric_limits<double>::infinity();
  }

 private:
  double per_second_;
  std::vector<double> log2_;
};

[[nodiscard]] std::unique_ptr<Baseline> make_popularity(double half_life_s);

}  // namespace fovea::baselines
