#pragma once

// Vector arithmetic with the same bits on every machine.
//
// Every sum runs in 16 fixed lanes with explicit fused multiply-add and is folded in one fixed
// tree; so portable loops, AVX2 and AVX-512 agree bit for bit (tests/scorer/kernels_test.cc).
// exp2 and log2 are our own polynomials: no libm.
//
// Shapes    Vectors are float32, `n` a multiple of 16 (rows are padded with zeros).

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fovea::scorer {

enum class KernelLevel : std::uint8_t { kPortable, kAvx2, kAvx512 };

[[nodiscard]] std::string_view name(KernelLevel level);
[[nodiscard]] bool supported(KernelLevel level);
[[nodiscard]] KernelLevel fastest_kernel_level();

inline constexpr std::size_t kLanes = 16;

struct Kernels {
  float (*dot)(const float* a, const float* b, std::size_t n);
  // y += w * x
  void (*axpy)(float w, const float* x, float* y, std::size_t n);
};

// Requires: supported(level).
[[nodiscard]] const Kernels& kernels(KernelLevel level);

// 2^x for x clamped to [-126, 126]; log2(x) for x > 0 and normal. Relative (absolute) error below
// 2e-7 (tests). Monotone where it matters is not promised.
[[nodiscard]] float exp2_same_bits(float x);
[[nodiscard]] float log2_same_bits(float x);

}  // namespace fovea::scorer
