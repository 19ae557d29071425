#pragma once

// The few discrete facts about a moment that parameters are indexed by (README.md: G, B, M).

#include <algorithm>
#include <bit>
#include <cstdint>

#include "scorer/same_bits.h"

namespace fovea::scorer {

inline constexpr std::size_t kGapBuckets = 32;
inline constexpr std::size_t kCoarseGapBuckets = 16;
inline constexpr std::size_t kLengthBuckets = 6;
inline constexpr std::size_t kMassBuckets = 10;

// G(dt) = min(31, floor(log2(1 + dt seconds))); 0 for a negative gap.
[[nodiscard]] inline std::size_t gap_bucket(std::int64_t gap_ms) {
  const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, gap_ms) / 1000);
  return std::min<std::size_t>(kGapBuckets - 1,
                               static_cast<std::size_t>(std::bit_width(seconds + 1) - 1));
}

// B(n): history length 1, 2, 3-5, 6-12, 13-49, 50 and more. 0 counts as 1.
[[nodiscard]] inline std::size_t length_bucket(std::uint32_t length) {
  if (length <= 2) return length <= 1 ? 0 : 1;
  if (length <= 5) return 2;
  if (length <= 12) return 3;
  return length < 50 ? 4 : 5;
}

// M: how much is known of what follows the last item. `mass` in newest-increment units.
[[nodiscard]] inline std::size_t mass_bucket(float mass) {
  if (mass <= 0.0F) return 0;
  const float level = log2_same_bits(1.0F + mass);
  return std::min<std::size_t>(kMassBuckets - 1, 1 + static_cast<std::size_t>(level));
}

}  // namespace fovea::scorer
