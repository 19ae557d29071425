#pragma once

// exp and log with the same bits on every machine: no libm, explicit fma, round to nearest.
//
// Numerics  Relative error of exp2 and absolute error of log2 below 3e-7 (same_bits_test.cc).
//           Branch-free, so that loops over them vectorise; any vector width gives the same bits.

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace fovea::scorer {

inline float fma_same_bits(float a, float b, float c) {
  return __builtin_fmaf(a, b, c);
}

// IEEE 754 requires a correctly rounded square root: the same bits everywhere.
inline float sqrt_same_bits(float x) {
  return __builtin_sqrtf(x);
}

// 2^x, x clamped to [-126, 126].
inline float exp2_same_bits(float x) {
  x = x < -126.0F ? -126.0F : x;
  x = x > 126.0F ? 126.0F : x;
  // Adding 1.5 * 2^23 leaves the nearest integer in the low bits of the sum.
  constexpr float kRounder = 12582912.0F;
  const float shifted = x + kRounder;
  const float f = x - (shifted - kRounder);  // in [-.5, .5], exact
  // Taylor series of e^(f ln 2): the first term left out is below 6e-9.
  float p = 1.5252733804e-5F;
  p = fma_same_bits(p, f, 1.5403530393e-4F);
  p = fma_same_bits(p, f, 1.3333558146e-3F);
  p = fma_same_bits(p, f, 9.6181291076e-3F);
  p = fma_same_bits(p, f, 5.5504108665e-2F);
  p = fma_same_bits(p, f, 2.4022650696e-1F);
  p = fma_same_bits(p, f, 6.9314718056e-1F);
  p = fma_same_bits(p, f, 1.0F);
  const std::uint32_t exponent = std::bit_cast<std::uint32_t>(shifted) << 23U;
  return std::bit_cast<float>(std::bit_cast<std::uint32_t>(p) + exponent);
}

// log2(x). Requires: x > 0 and normal.
inline float log2_same_bits(float x) {
  // m in [sqrt(1/2), sqrt(2)), x = m 2^e.
  constexpr std::uint32_t kRootHalf = 0x3f3504f3U;
  const std::uint32_t bits = std::bit_cast<std::uint32_t>(x);
  const auto e = static_cast<std::int32_t>(bits - kRootHalf) >> 23;
  const float m = std::bit_cast<float>(bits - (static_cast<std::uint32_t>(e) << 23U));
  // ln m = 2 artanh(s), s = (m-1)/(m+1), |s| < .1716: the first term left out is below 3e-9.
  const float s = (m - 1.0F) / (m + 1.0F);
  const float s2 = s * s;
  float p = 1.0F / 9.0F;
  p = fma_same_bits(p, s2, 1.0F / 7.0F);
  p = fma_same_bits(p, s2, 1.0F / 5.0F);
  p = fma_same_bits(p, s2, 1.0F / 3.0F);
  p = fma_same_bits(p, s2, 1.0F);
  constexpr float kTwoOverLn2 = 2.8853900817779268F;
  return fma_same_bits(s * kTwoOverLn2, p, static_cast<float>(e));
}

inline float exp_same_bits(float x) {
  return exp2_same_bits(x * 1.4426950408889634F);
}
inline float log_same_bits(float x) {
  return log2_same_bits(x) * 0.6931471805599453F;
}

// take(i, f(of(i))) for i = 0..n-1, f by sixteen: it vectorises, whatever the other two do.
// Requires: take(i) changes nothing that of() reads for another i.
template <float (*f)(float), class Of, class Take>
void each(std::size_t n, Of&& of, Take&& take) {
  constexpr std::size_t kBlock = 16;
  std::array<float, kBlock> block;
  block.fill(1.0F);
  for (std::size_t from = 0; from < n; from += kBlock) {
    const std::size_t size = std::min(kBlock, n - from);
    for (std::size_t i = 0; i < size; ++i) block[i] = of(from + i);
    for (float& x : block) x = f(x);
    for (std::size_t i = 0; i < size; ++i) take(from + i, block[i]);
  }
}

}  // namespace fovea::scorer
