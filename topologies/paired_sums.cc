#include "topologies/paired_sums.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "scorer/random.h"
#include "vocab/assert.h"

namespace fovea::topologies {
namespace {

// P(X <= k) of Poisson(1), k = 0..8.
constexpr std::array<float, 9> kPoisson = {0.36787944F, 0.73575888F, 0.91969860F,
                                           0.98101184F, 0.99634015F, 0.99940582F,
                                           0.99991676F, 0.99998981F, 1.0F};

double poisson(scorer::Random& random) {
  const float u = random.uniform();
  std::size_t k = 0;
  while (k + 1 < kPoisson.size() && u >= kPoisson[k]) ++k;
  return static_cast<double>(k);
}

Interval middle(std::vector<double>& values, double share) {
  if (values.empty()) return {};
  std::sort(values.begin(), values.end());
  const auto at = [&](double quantile) {
    return values[static_cast<std::size_t>(
        std::lround(quantile * static_cast<double>(values.size() - 1)))];
  };
  return {at((1 - share) / 2), at((1 + share) / 2)};
}

}  // namespace

void PairedSums::add(UserKey user, std::span<const double> figures) {
  FOVEA_ASSERT(figures.size() == rankers_);
  const auto [row, added] = rows_.try_emplace(user, rows_.size());
  if (added) sums_.resize(sums_.size() + rankers_, 0.0);
  for (std::size_t i = 0; i < rankers_; ++i) sums_[row->second * rankers_ + i] += figures[i];
}

std::vector<Interval> PairedSums::ratio_intervals(double share, std::size_t resamples) const {
  if (rankers_ < 2) return {};
  std::vector<std::vector<double>> ratios(rankers_ - 1);
  std::vector<double> totals(rankers_);
  for (std::size_t resample = 0; resample < resamples; ++resample) {
    scorer::Random random(0, resample);
    std::fill(totals.begin(), totals.end(), 0.0);
    for (std::size_t row = 0; row < rows_.size(); ++row) {
      const double weight = poisson(random);
      if (weight == 0.0) continue;
      for (std::size_t i = 0; i < rankers_; ++i) totals[i] += weight * sums_[row * rankers_ + i];
    }
    for (std::size_t i = 1; i < rankers_; ++i) {
      if (totals[i] > 0.0) ratios[i - 1].push_back(totals[0] / totals[i]);
    }
  }
  std::vector<Interval> intervals;
  intervals.reserve(ratios.size());
  for (std::vector<double>& of_one : ratios) intervals.push_back(middle(of_one, share));
  return intervals;
}

}  // namespace fovea::topologies
