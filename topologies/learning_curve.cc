#include "topologies/learning_curve.h"

#include <utility>

#include "vocab/assert.h"

namespace fovea::topologies {

void LearningCurve::add(TimeMs time, std::span<const double> figures) {
  FOVEA_ASSERT(figures.size() == rankers_);
  if (windows_.empty() || windows_.back().count == width_) {
    if (windows_.size() == kWindowsMax) {
      for (std::size_t i = 0; i < kWindowsMax / 2; ++i) {
        Window& even = windows_[2 * i];
        const Window& odd = windows_[2 * i + 1];
        even.count += odd.count;
        even.last = odd.last;
        for (std::size_t r = 0; r < rankers_; ++r) even.sums[r] += odd.sums[r];
        if (i > 0) windows_[i] = std::move(even);
      }
      windows_.resize(kWindowsMax / 2);
      width_ *= 2;
    }
    windows_.push_back({0, time, std::vector<double>(rankers_, 0.0)});
  }
  Window& window = windows_.back();
  ++window.count;
  window.last = time;
  for (std::size_t r = 0; r < rankers_; ++r) window.sums[r] += figures[r];
}

}  // namespace fovea::topologies
