#pragma once

// How figures change along a stream of unknown length: at most 60 windows of the same number of
// events. When they are full, neighbours are merged and each holds twice as many from then on.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "vocab/ids.h"

namespace fovea::topologies {

class LearningCurve {
 public:
  struct Window {
    std::uint64_t count = 0;
    TimeMs last{};             // of its newest event
    std::vector<double> sums;  // one a ranker; divided by count, the means
  };

  explicit LearningCurve(std::size_t rankers = 0) : rankers_(rankers) {}

  void add(TimeMs time, std::span<const double> figures);

  // The last one may be incomplete.
  [[nodiscard]] const std::vector<Window>& windows() const { return windows_; }
  [[nodiscard]] std::uint64_t width() const { return width_; }

  static constexpr std::size_t kWindowsMax = 60;

 private:
  std::size_t rankers_;
  std::uint64_t width_ = 16;
  std::vector<Window> windows_;
};

}  // namespace fovea::topologies
