// exp and log: how far from exact, and the bits that another compiler or machine must give too.

#include "scorer/same_bits.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "scorer/random.h"

namespace fovea::scorer {
namespace {

TEST(SameBits, Exp2IsWithin3e7OfExactRelatively) {
  double worst = 0.0;
  for (double x = -126.0; x <= 126.0; x += 1.0 / 4096.0) {
    const auto at = static_cast<float>(x);
    const double exact = std::exp2(static_cast<double>(at));
    worst = std::max(worst, std::fabs(static_cast<double>(exp2_same_bits(at)) / exact - 1.0));
  }
  EXPECT_LT(worst, 3e-7);
}

TEST(SameBits, Log2IsWithin3e7OfExactRelativeToItsSize) {
  Random random(3, 0);
  double worst = 0.0;
  for (int round = 0; round < 1'000'000; ++round) {
    const auto bits = static_cast<std::uint32_t>(0x00800000U + random.below(0x7F000000U));
    const float x = std::bit_cast<float>(bits);
    const double exact = std::log2(static_cast<double>(x));
    const double error = std::fabs(static_cast<double>(log2_same_bits(x)) - exact);
    worst = std::max(worst, error / std::max(1.0, std::fabs(exact)));
  }
  EXPECT_LT(worst, 3e-7);
}

TEST(SameBits, Exp2ClampsInsteadOfOverflowing) {
  EXPECT_EQ(exp2_same_bits(1000.0F), 0x1p126F);
  EXPECT_EQ(exp2_same_bits(-1000.0F), 0x1p-126F);
  EXPECT_EQ(exp2_same_bits(INFINITY), 0x1p126F);
  EXPECT_EQ(exp2_same_bits(-INFINITY), 0x1p-126F);
}

TEST(SameBits, PowersOfTwoAreExact) {
  for (int e = -126; e <= 126; ++e) {
    EXPECT_EQ(exp2_same_bits(static_cast<float>(e)), std::ldexp(1.0F, e));
    EXPECT_EQ(log2_same_bits(std::ldexp(1.0F, e)), static_cast<float>(e));
  }
}

TEST(SameBits, Log2NeverFallsAsItsArgumentGrowsOverACount) {
  for (int n = 1; n < 1 << 20; ++n) {
    ASSERT_LE(log2_same_bits(static_cast<float>(n)), log2_same_bits(static_cast<float>(n + 1)))
        << n;
  }
}

TEST(SameBits, EachIsTheSameAsOneByOneAndInOrder) {
  for (std::size_t n = 0; n <= 50; ++n) {
    std::vector<std::size_t> order;
    each<log_same_bits>(
        n, [](std::size_t i) { return 0.5F + static_cast<float>(i); },
        [&](std::size_t i, float log) {
          order.push_back(i);
          EXPECT_EQ(log, log_same_bits(0.5F + static_cast<float>(i)));
        });
    ASSERT_EQ(order.size(), n);
    for (std::size_t i = 0; i < n; ++i) EXPECT_EQ(order[i], i);
  }
}

// A compiler that fuses or reorders on its own, or a machine that rounds otherwise, shows here.
TEST(SameBits, GoldenBits) {
  struct Golden {
    float x;
    std::uint32_t exp2, log2;
  };
  constexpr Golden kGolden[] = {
      {0x1.0624dep-11F, 0x3f800b5cU, 0xc12f73daU}, {0x1.99999ap-4F, 0x3f892fdfU, 0xc0549a78U},
      {0x1.555554p-2F, 0x3fa14518U, 0xbfcae00eU},  {0x1.6a09e4p-1F, 0x3fd0f6a4U, 0xbf000002U},
      {0x1.6a09eap-1F, 0x3fd0f6a5U, 0xbefffff9U},  {0x1.000002p+0F, 0x40000001U, 0x3438aa3bU},
      {0x1.6a09e6p+0F, 0x402a91b9U, 0x3f000000U},  {0x1.5bf0a8p+1F, 0x40d2969dU, 0x3fb8aa3bU},
      {0x1.921fb6p+1F, 0x410d331cU, 0x3fd3643aU},  {0x1.14ccccp+4F, 0x481d961eU, 0x40839b3dU},
      {0x1.4d999ap+5F, 0x544fefcdU, 0x40ac3925U},  {0x1.8ff5c2p+6F, 0x717e3b37U, 0x40d4994aU},
  };
  for (const Golden& golden : kGolden) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(exp2_same_bits(golden.x)), golden.exp2) << golden.x;
    EXPECT_EQ(std::bit_cast<std::uint32_t>(log2_same_bits(golden.x)), golden.log2) << golden.x;
  }
  std::uint64_t digest = 0;
  for (float x = 0x1p-20F; x < 100.0F; x *= 1.0009765625F) {
    digest = mix64(digest ^ std::bit_cast<std::uint32_t>(exp2_same_bits(x)));
    digest = mix64(digest ^ std::bit_cast<std::uint32_t>(exp2_same_bits(-x)));
    digest = mix64(digest ^ std::bit_cast<std::uint32_t>(log2_same_bits(x)));
    digest = mix64(digest ^ std::bit_cast<std::uint32_t>(sqrt_same_bits(x)));
  }
  EXPECT_EQ(digest, 0xA26BA1FB5141EF5EULL);
}

}  // namespace
}  // namespace fovea::scorer
