#pragma once

// IEEE 754 binary16 in plain integer arithmetic: the same bits on every machine.
//
// Numerics  Round to nearest, ties to even. What would round beyond the largest finite value,
//           65504, is that value: a stored vector stays finite. NaN stays NaN.

#include <bit>
#include <cstdint>

namespace fovea::profile_store {

[[nodiscard]] constexpr std::uint16_t to_float16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16U & 0x8000U);
  const std::uint32_t magnitude = bits & 0x7FFFFFFFU;
  if (magnitude > 0x7F800000U) return static_cast<std::uint16_t>(sign | 0x7E00U);   // NaN
  if (magnitude >= 0x477FF000U) return static_cast<std::uint16_t>(sign | 0x7BFFU);  // >= 65520

  const std::uint32_t exponent = magnitude >> 23U;
  if (exponent < 102) return sign;  // below half of the smallest subnormal

  // The 24-bit significand, to be shifted until its last bit is worth a unit of the result.
  const std::uint32_t significand = (magnitude & 0x007FFFFFU) | 0x00800000U;
  const bool subnormal = exponent < 113;
  const std::uint32_t shift = subnormal ? 126U - exponent : 13U;
  const std::uint32_t half = 1U << (shift - 1U);
  const std::uint32_t rest = significand & ((1U << shift) - 1U);
  std::uint32_t rounded = significand >> shift;
  if (rest > half || (rest == half && (rounded & 1U) != 0)) ++rounded;
  // Adding, not or-ing, lets a carry out of the significand raise the exponent.
  if (!subnormal) rounded += (exponent - 113U) << 10U;
  return static_cast<std::uint16_t>(sign | rounded);
}

[[nodiscard]] constexpr float from_float16(std::uint16_t half) {
  const auto sign = static_cast<std::uint32_t>(half & 0x8000U) << 16U;
  const std::uint32_t exponent = half >> 10U & 0x1FU;
  const std::uint32_t significand = half & 0x3FFU;
  if (exponent == 0x1F) {
    return std::bit_cast<float>(sign | 0x7F800000U | significand << 13U);
  }
  if (exponent == 0) {
    // Exact: a subnormal is an integer times 2^-24.
    const float magnitude = static_cast<float>(significand) * 0x1p-24F;
    return sign != 0 ? -magnitude : magnitude;
  }
  return std::bit_cast<float>(sign | (exponent + 112U) << 23U | significand << 13U);
}

}  // namespace fovea::profile_store
