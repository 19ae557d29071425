#pragma once

// Vector arithmetic with the same bits on every machine.
//
// Every sum runs in 16 fixed lanes with explicit fused multiply-add and is folded in one fixed
// tree; so portable loops, AVX2 and AVX-512 agree bit for bit (tests/scorer/kernels_test.cc).
//
// Shapes    Vectors are float32, `n` a multiple of 16 (rows are padded with zeros).

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace fovea::scorer {

enum class KernelLevel : std::uint8_t { kPortable, kAvx2, kAvx512 };

[[nodiscard]] std::string_view name(KernelLevel level);
[[nodiscard]] std::optional<KernelLevel> kernel_level(std::string_view name);
[[nodiscard]] bool supported(KernelLevel level);
[[nodiscard]] KernelLevel fastest_kernel_level();

inline constexpr std::size_t kLanes = 16;

struct Kernels {
  float (*dot)(const float* a, const float* b, std::size_t n);
  // y += w * x
  void (*axpy)(float w, const float* x, float* y, std::size_t n);
  // One Adagrad step of a matrix row whose gradient is scale * x:
  //   g = scale * x[d];  sum[d] += g * g;  w[d] -= rate * g / sqrt(sum[d])
  void (*adagrad)(float rate, float scale, const float* x, float* w, float* sum, std::size_t n);
  // Of whole numbers, exact in any order. Requires: the sum fits 31 bits.
  std::int32_t (*dot_bytes)(const std::int8_t* a, const std::int8_t* b, std::size_t n);
};

// Requires: supported(level).
[[nodiscard]] const Kernels& kernels(KernelLevel level);

}  // namespace fovea::scorer
