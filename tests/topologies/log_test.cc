// The limit on repeated log lines.

#include "topologies/log.h"

#include <gtest/gtest.h>

namespace fovea::topologies {
namespace {

TEST(RateLimiter, LetsOneThroughASecondAndCountsTheOthers) {
  RateLimiter limiter;

  EXPECT_EQ(limiter.admit("reason", TimeMs{5'000}), 0U);
  EXPECT_EQ(limiter.admit("reason", TimeMs{5'001}), std::nullopt);
  EXPECT_EQ(limiter.admit("reason", TimeMs{5'999}), std::nullopt);
  EXPECT_EQ(limiter.admit("reason", TimeMs{6'000}), 2U);
  EXPECT_EQ(limiter.admit("reason", TimeMs{7'000}), 0U);
}

TEST(RateLimiter, KeepsKeysApart) {
  RateLimiter limiter;

  EXPECT_EQ(limiter.admit("a", TimeMs{0}), 0U);
  EXPECT_EQ(limiter.admit("b", TimeMs{0}), 0U);
  EXPECT_EQ(limiter.admit("a", TimeMs{1}), std::nullopt);
}

}  // namespace
}  // namespace fovea::topologies
