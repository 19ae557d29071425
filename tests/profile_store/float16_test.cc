// binary16 against its definition: every value there is, and random floats between them.

#include "profile_store/float16.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

#include "profile_store/profile_codec.h"

namespace fovea::profile_store {
namespace {

TEST(Float16, EveryFiniteValueSurvivesTheRoundTrip) {
  for (std::uint32_t half = 0; half <= 0xFFFF; ++half) {
    const float value = from_float16(static_cast<std::uint16_t>(half));
    if (!std::isfinite(value)) continue;
    ASSERT_EQ(to_float16(value), half);
  }
}

TEST(Float16, RoundsToTheNearestAndTiesToEven) {
  for (std::uint16_t half = 0; half < 0x7BFF; ++half) {
    const float low = from_float16(half);
    const float high = from_float16(static_cast<std::uint16_t>(half + 1));
    const float middle = (low + high) / 2;
    const auto even = static_cast<std::uint16_t>((half & 1U) == 0 ? half : half + 1);
    ASSERT_EQ(to_float16(middle), even) << half;
    ASSERT_EQ(to_float16(std::nextafter(middle, low)), half);
    ASSERT_EQ(to_float16(std::nextafter(middle, high)), half + 1);
    ASSERT_EQ(to_float16(-std::nextafter(middle, high)), 0x8000U | (half + 1U));
  }
}

TEST(Float16, IsWithinHalfAUnitOfTheValue) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(-100.0F, 100.0F);
  for (int i = 0; i < 100'000; ++i) {
    const float value = uniform(random);
    ASSERT_NEAR(round_to_float16(value), value, std::abs(value) * 0x1p-11F + 0x1p-25F);
  }
}

TEST(Float16, StaysFiniteForEveryNumberAndKeepsNaN) {
  EXPECT_EQ(round_to_float16(65519.0F), 65504.0F);
  EXPECT_EQ(round_to_float16(65520.0F), 65504.0F);
  EXPECT_EQ(round_to_float16(-1e30F), -65504.0F);
  EXPECT_EQ(round_to_float16(std::numeric_limits<float>::infinity()), 65504.0F);
  EXPECT_TRUE(std::isnan(round_to_float16(std::numeric_limits<float>::quiet_NaN())));
  EXPECT_TRUE(std::signbit(round_to_float16(-0.0F)));
}

}  // namespace
}  // namespace fovea::profile_store
