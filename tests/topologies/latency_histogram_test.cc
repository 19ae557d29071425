// Quantiles within the width of a bucket, against a sorted list.

#include "topologies/latency_histogram.h"

#include <gtest/gtest.h>

namespace fovea::topologies {
namespace {

TEST(LatencyHistogram, QuantilesAreWithinAnEighthAboveTheTruth) {
  LatencyHistogram histogram;
  for (std::int64_t i = 1; i <= 1'000'000; ++i) histogram.add(std::chrono::nanoseconds(i));

  for (const double share : {0.01, 0.5, 0.9, 0.99, 1.0}) {
    const double truth = share * 1'000'000;
    const auto found = static_cast<double>(histogram.quantile(share).count());
    EXPECT_GE(found, truth * 0.999) << share;
    EXPECT_LE(found, truth * 1.125) << share;
  }
}

TEST(LatencyHistogram, TakesAnyDuration) {
  LatencyHistogram histogram;
  EXPECT_EQ(histogram.quantile(0.5).count(), 0);

  histogram.add(std::chrono::nanoseconds(-5));
  EXPECT_EQ(histogram.quantile(1).count(), 0);
  histogram.add(std::chrono::nanoseconds::max());
  EXPECT_GE(histogram.quantile(1), std::chrono::nanoseconds::max());
}

}  // namespace
}  // namespace fovea::topologies
