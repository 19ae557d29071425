#pragma once

// Random numbers as a function of what they are for: (seed, position, draw).
//
// Source    SplitMix64: Steele, Lea and Flood, "Fast splittable pseudorandom number generators",
//           2014.

#include <cstdint>

namespace fovea::scorer {

[[nodiscard]] inline std::uint64_t mix64(std::uint64_t z) {
  z = (z ^ (z >> 30U)) * 0xBF58476D1CE4E5B9ULL;
  z = (z ^ (z >> 27U)) * 0x94D049BB133111EBULL;
  return z ^ (z >> 31U);
}

class Random {
 public:
  Random(std::uint64_t seed, std::uint64_t position)
      : state_(mix64(seed ^ mix64(position + 0x9E3779B97F4A7C15ULL))) {}

  std::uint64_t next() {
    state_ += 0x9E3779B97F4A7C15ULL;
    return mix64(state_);
  }
  // [0, 1) with 24 bits.
  float uniform() { return static_cast<float>(next() >> 40U) * 0x1p-24F; }
  // 0..n-1. Requires: n > 0.
  std::uint32_t below(std::uint32_t n) {
    return static_cast<std::uint32_t>(((next() >> 32U) * n) >> 32U);
  }

 private:
  std::uint64_t state_;
};

}  // namespace fovea::scorer
