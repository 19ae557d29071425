#pragma once

// Latencies in buckets an eighth of a power of two wide: quantiles within 9 %, in fixed memory.
//
// Threads   Not thread-safe.

#include <array>
#include <bit>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace fovea::topologies {

class LatencyHistogram {
 public:
  void add(std::chrono::nanoseconds latency) {
    ++counts_[bucket(static_cast<std::uint64_t>(latency.count() < 0 ? 0 : latency.count()))];
    ++total_;
  }

  // The upper bound of the bucket that holds the quantile; 0 without any.
  [[nodiscard]] std::chrono::nanoseconds quantile(double share) const {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(total_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < counts_.size(); ++i) {
      seen += counts_[i];
      if (seen > wanted || (seen == total_ && seen > 0)) {
        return std::chrono::nanoseconds(static_cast<std::int64_t>(upper(i)));
      }
    }
    return std::chrono::nanoseconds(0);
  }

  [[nodiscard]] std::uint64_t count() const { return total_; }

 private:
  static constexpr std::size_t kSteps = 8;  // of a power of two

  static std::size_t bucket(std::uint64_t value) {
    if (value < kSteps) return static_cast<std::size_t>(value);
    const auto shift =
        static_cast<std::size_t>(std::bit_width(value)) - 4;  // leaves four significant bits: 8..15
    return kSteps * shift + static_cast<std::size_t>(value >> shift);
  }

  static std::uint64_t upper(std::size_t index) {
    if (index < 2 * kSteps) return index;
    const std::size_t shift = index / kSteps - 1;
    return ((index % kSteps + kSteps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kSteps * 62> counts_{};
  std::uint64_t total_ = 0;
};

}  // namespace fovea::topologies
