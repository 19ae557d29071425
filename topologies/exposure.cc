#include "topologies/exposure.h"

#include <algorithm>
#include <cmath>

namespace fovea::topologies {

void Exposure::add(std::uint32_t item, double share) {
  if (item >= times_.size()) times_.resize(item + 1, 0);
  ++times_[item];
  ++shown_;
  bits_ -= std::log2(share);
}

double Exposure::coverage(std::size_t item_count) const {
  if (item_count == 0) return 0;
  const auto never = std::count(times_.begin(), times_.end(), 0U);
  return (static_cast<double>(times_.size()) - static_cast<double>(never)) /
         static_cast<double>(item_count);
}

double Exposure::gini(std::size_t item_count) const {
  if (item_count == 0 || shown_ == 0) return 0;
  std::vector<std::uint32_t> times = times_;
  times.resize(item_count, 0);
  std::sort(times.begin(), times.end());
  const auto n = static_cast<double>(item_count);
  double sum = 0.0;
  for (std::size_t i = 0; i < times.size(); ++i) {
    sum += (2.0 * static_cast<double>(i + 1) - n - 1.0) * static_cast<double>(times[i]);
  }
  return sum / (n * static_cast<double>(shown_));
}

double Exposure::novelty() const {
  return shown_ == 0 ? 0 : bits_ / static_cast<double>(shown_);
}

}  // namespace fovea::topologies
