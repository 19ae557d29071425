#include "scorer/kernels.h"

#include <array>

#include "scorer/same_bits.h"
#include "vocab/assert.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace fovea::scorer {
namespace {

// ---- portable: the definition ----

float dot_portable(const float* a, const float* b, std::size_t n) {
  std::array<float, kLanes> lane{};
  for (std::size_t d = 0; d < n; d += kLanes) {
    for (std::size_t l = 0; l < kLanes; ++l) lane[l] = fma_same_bits(a[d + l], b[d + l], lane[l]);
  }
  for (std::size_t half = kLanes / 2; half > 0; half /= 2) {
    for (std::size_t l = 0; l < half; ++l) lane[l] += lane[l + half];
  }
  return lane[0];
}

void axpy_portable(float w, const float* x, float* y, std::size_t n) {
  for (std::size_t d = 0; d < n; ++d) y[d] = fma_same_bits(w, x[d], y[d]);
}

void adagrad_portable(float rate, float scale, const float* x, float* w, float* sum,
                      std::size_t n) {
  for (std::size_t d = 0; d < n; ++d) {
    const float g = scale * x[d];
    sum[d] = fma_same_bits(g, g, sum[d]);
    w[d] -= rate * g / sqrt_same_bits(sum[d]);
  }
}

std::int32_t dot_bytes_portable(const std::int8_t* a, const std::int8_t* b, std::size_t n) {
  std::int32_t sum = 0;
  for (std::size_t d = 0; d < n; ++d) sum += std::int32_t{a[d]} * std::int32_t{b[d]};
  return sum;
}

#if defined(__x86_64__)

// ---- AVX2 + FMA: two registers hold the 16 lanes ----

[[gnu::target("avx2,fma")]] float fold_avx2(__m256 low, __m256 high) {
  const __m256 eight = _mm256_add_ps(low, high);
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps(two, two, 1)));
}

[[gnu::target("avx2,fma")]] float dot_avx2(const float* a, const float* b, std::size_t n) {
  __m256 low = _mm256_setzero_ps();
  __m256 high = _mm256_setzero_ps();
  for (std::size_t d = 0; d < n; d += kLanes) {
    low = _mm256_fmadd_ps(_mm256_loadu_ps(a + d), _mm256_loadu_ps(b + d), low);
    high = _mm256_fmadd_ps(_mm256_loadu_ps(a + d + 8), _mm256_loadu_ps(b + d + 8), high);
  }
  return fold_avx2(low, high);
}

[[gnu::target("avx2,fma")]] void axpy_avx2(float w, const float* x, float* y, std::size_t n) {
  const __m256 factor = _mm256_set1_ps(w);
  for (std::size_t d = 0; d < n; d += 8) {
    _mm256_storeu_ps(y + d,
                     _mm256_fmadd_ps(factor, _mm256_loadu_ps(x + d), _mm256_loadu_ps(y + d)));
  }
}

[[gnu::target("avx2,fma")]] void adagrad_avx2(float rate, float scale, const float* x, float* w,
                                              float* sum, std::size_t n) {
  const __m256 rates = _mm256_set1_ps(rate);
  const __m256 scales = _mm256_set1_ps(scale);
  for (std::size_t d = 0; d < n; d += 8) {
    const __m256 g = _mm256_mul_ps(scales, _mm256_loadu_ps(x + d));
    const __m256 s = _mm256_fmadd_ps(g, g, _mm256_loadu_ps(sum + d));
    _mm256_storeu_ps(sum + d, s);
    const __m256 step = _mm256_div_ps(_mm256_mul_ps(rates, g), _mm256_sqrt_ps(s));
    _mm256_storeu_ps(w + d, _mm256_sub_ps(_mm256_loadu_ps(w + d), step));
  }
}

[[gnu::target("avx2")]] std::int32_t dot_bytes_avx2(const std::int8_t* a, const std::int8_t* b,
                                                    std::size_t n) {
  const auto widen = [](const std::int8_t* x) __attribute__((target("avx2"))) {
    return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
  };
  __m256i sums = _mm256_setzero_si256();
  for (std::size_t d = 0; d < n; d += kLanes) {
    sums = _mm256_add_epi32(sums, _mm256_madd_epi16(widen(a + d), widen(b + d)));
  }
  alignas(32) std::array<std::int32_t, 8> eight;
  _mm256_store_si256(reinterpret_cast<__m256i*>(eight.data()), sums);
  std::int32_t sum = 0;
  for (const std::int32_t part : eight) sum += part;
  return sum;
}

// ---- AVX-512: one register holds the 16 lanes ----

[[gnu::target("avx512f,avx2,fma")]] float dot_avx512(const float* a, const float* b,
                                                     std::size_t n) {
  __m512 lanes = _mm512_setzero_ps();
  for (std::size_t d = 0; d < n; d += kLanes) {
    lanes = _mm512_fmadd_ps(_mm512_loadu_ps(a + d), _mm512_loadu_ps(b + d), lanes);
  }
  alignas(64) std::array<float, kLanes> out;
  _mm512_store_ps(out.data(), lanes);
  return fold_avx2(_mm256_load_ps(out.data()), _mm256_load_ps(out.data() + 8));
}

[[gnu::target("avx512f")]] void axpy_avx512(float w, const float* x, float* y, std::size_t n) {
  const __m512 factor = _mm512_set1_ps(w);
  for (std::size_t d = 0; d < n; d += kLanes) {
    _mm512_storeu_ps(y + d,
                     _mm512_fmadd_ps(factor, _mm512_loadu_ps(x + d), _mm512_loadu_ps(y + d)));
  }
}

#endif

}  // namespace

std::string_view name(KernelLevel level) {
  switch (level) {
    case KernelLevel::kPortable:
      return "portable";
    case KernelLevel::kAvx2:
      return "avx2";
    case KernelLevel::kAvx512:
      return "avx512";
  }
  return "portable";
}

std::optional<KernelLevel> kernel_level(std::string_view text) {
  for (const auto level : {KernelLevel::kPortable, KernelLevel::kAvx2, KernelLevel::kAvx512}) {
    if (name(level) == text) return level;
  }
  if (text == "fastest") return fastest_kernel_level();
  return std::nullopt;
}

bool supported(KernelLevel level) {
  switch (level) {
    case KernelLevel::kPortable:
      return true;
#if defined(__x86_64__)
    case KernelLevel::kAvx2:
      return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case KernelLevel::kAvx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx2") &&
             __builtin_cpu_supports("fma");
#else
    case KernelLevel::kAvx2:
    case KernelLevel::kAvx512:
      return false;
#endif
  }
  return false;
}

KernelLevel fastest_kernel_level() {
  if (supported(KernelLevel::kAvx512)) return KernelLevel::kAvx512;
  if (supported(KernelLevel::kAvx2)) return KernelLevel::kAvx2;
  return KernelLevel::kPortable;
}

const Kernels& kernels(KernelLevel level) {
  FOVEA_ASSERT(supported(level));
  static constexpr Kernels kPortable{dot_portable, axpy_portable, adagrad_portable,
                                     dot_bytes_portable};
#if defined(__x86_64__)
  static constexpr Kernels kAvx2{dot_avx2, axpy_avx2, adagrad_avx2, dot_bytes_avx2};
  // Adagrad is bound by the divider, which is no wider in AVX-512.
  static constexpr Kernels kAvx512{dot_avx512, axpy_avx512, adagrad_avx2, dot_bytes_avx2};
  if (level == KernelLevel::kAvx2) return kAvx2;
  if (level == KernelLevel::kAvx512) return kAvx512;
#endif
  return kPortable;
}

}  // namespace fovea::scorer
