// Every kernel level gives the bits of the portable loops, on random and on extreme input.

#include "scorer/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <vector>

#include "scorer/random.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
  std::vector<std::uint32_t> out;
  for (const float x : values) {
    // Which NaN it is, is nobody's business.
    out.push_back(std::isnan(x) ? 0x7FC00000U : std::bit_cast<std::uint32_t>(x));
  }
  return out;
}

// Exponents spread over all floats, both signs, some zeros.
std::vector<float> wild(Random& random, std::size_t n, int exponent_max) {
  std::vector<float> values(n);
  for (float& x : values) {
    const int exponent =
        static_cast<int>(random.below(static_cast<std::uint32_t>(2 * exponent_max + 1))) -
        exponent_max;
    x = std::ldexp(2.0F * random.uniform() - 1.0F, exponent);
    if (random.below(10) == 0) x = 0.0F;
  }
  return values;
}

class EveryLevel : public testing::TestWithParam<KernelLevel> {
 protected:
  const Kernels& portable = kernels(KernelLevel::kPortable);
  const Kernels& tested = kernels(GetParam());
  Random random{7, 0};
};

TEST_P(EveryLevel, HasTheBitsOfThePortableDot) {
  for (const int exponent_max : {2, 30, 70, 126}) {
    for (std::size_t n = 16; n <= 256; n += 16) {
      const auto a = wild(random, n, exponent_max);
      const auto b = wild(random, n, exponent_max);
      EXPECT_EQ(bits({portable.dot(a.data(), b.data(), n)}),
                bits({tested.dot(a.data(), b.data(), n)}))
          << n << " numbers up to 2^" << exponent_max;
    }
  }
}

TEST_P(EveryLevel, HasTheBitsOfThePortableAxpy) {
  for (const int exponent_max : {2, 30, 126}) {
    for (std::size_t n = 16; n <= 256; n += 16) {
      const auto x = wild(random, n, exponent_max);
      auto expected = wild(random, n, exponent_max);
      auto found = expected;
      const float w = wild(random, 1, 20)[0];

      portable.axpy(w, x.data(), expected.data(), n);
      tested.axpy(w, x.data(), found.data(), n);

      EXPECT_EQ(bits(expected), bits(found)) << n << " numbers up to 2^" << exponent_max;
    }
  }
}

TEST_P(EveryLevel, HasTheBitsOfThePortableAdagrad) {
  for (const int exponent_max : {2, 10, 60}) {
    for (std::size_t n = 16; n <= 256; n += 16) {
      const auto x = wild(random, n, exponent_max);
      auto expected = wild(random, n, 5);
      auto found = expected;
      std::vector<float> expected_sum(n, 1e-2F);
      auto found_sum = expected_sum;

      for (int round = 0; round < 3; ++round) {
        const float scale = 2.0F * random.uniform() - 1.0F;
        portable.adagrad(.08F, scale, x.data(), expected.data(), expected_sum.data(), n);
        tested.adagrad(.08F, scale, x.data(), found.data(), found_sum.data(), n);
      }

      EXPECT_EQ(bits(expected), bits(found));
      EXPECT_EQ(bits(expected_sum), bits(found_sum));
    }
  }
}

TEST_P(EveryLevel, AddsUpBytesExactly) {
  for (std::size_t n = 16; n <= 512; n += 16) {
    std::vector<std::int8_t> a(n), b(n);
    std::int64_t exact = 0;
    for (std::size_t d = 0; d < n; ++d) {
      a[d] = static_cast<std::int8_t>(random.next());
      b[d] = d % 3 == 0 ? std::int8_t{-128} : static_cast<std::int8_t>(random.next());
      exact += std::int64_t{a[d]} * std::int64_t{b[d]};
    }
    EXPECT_EQ(tested.dot_bytes(a.data(), b.data(), n), exact);
  }
}

TEST_P(EveryLevel, KeepsInfinitiesAndNotANumbers) {
  std::vector<float> a(32, 1.0F);
  const std::vector<float> b(32, 2.0F);
  a[17] = INFINITY;
  EXPECT_EQ(tested.dot(a.data(), b.data(), 32), INFINITY);
  a[3] = -INFINITY;
  EXPECT_TRUE(std::isnan(tested.dot(a.data(), b.data(), 32)));
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryLevel, testing::ValuesIn(supported_levels()),
                         [](const auto& level) { return std::string(name(level.param)); });

TEST(Kernels, DotIsWithinRoundingOfFloat64) {
  Random random(8, 0);
  for (int round = 0; round < 200; ++round) {
    const auto a = wild(random, 64, 3);
    const auto b = wild(random, 64, 3);
    double exact = 0.0;
    double size = 0.0;
    for (std::size_t d = 0; d < 64; ++d) {
      exact += static_cast<double>(a[d]) * static_cast<double>(b[d]);
      size += std::fabs(static_cast<double>(a[d]) * static_cast<double>(b[d]));
    }
    const float found = kernels(fastest_kernel_level()).dot(a.data(), b.data(), 64);
    EXPECT_NEAR(static_cast<double>(found), exact, 1e-6 * size);
  }
}

TEST(Kernels, LevelsAreFoundByTheirNames) {
  for (const KernelLevel level : supported_levels()) EXPECT_EQ(kernel_level(name(level)), level);
  EXPECT_EQ(kernel_level("fastest"), fastest_kernel_level());
  EXPECT_FALSE(kernel_level("sse9"));
}

}  // namespace
}  // namespace fovea::scorer
