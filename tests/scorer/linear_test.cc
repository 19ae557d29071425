// Features, slopes and curves by hand-computed values.

#include "scorer/linear.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

namespace fovea::scorer {
namespace {

MomentBuckets moment(std::size_t gap, std::size_t length, std::size_t mass) {
  return {gap, length, mass};
}

TEST(Linear, FeatureValuesAreTheirFormulas) {
  const Popularity popularity(1000.0);
  ItemCounts counts;
  counts.decayed = {1.0F, 2.0F, 3.0F};
  counts.first_s = 0.0;
  counts.last_s = 800.0;
  counts.count = 3;
  counts.log_count = 2.0F;
  SparseLine line;
  line.follows = .25F;
  line.precedes = .125F;
  line.neighbours = .5F;
  line.pairs = .75F;
  line.content = 1.5F;

  const FeatureValues x = feature_values(popularity, counts, line, 1000.0, .5F);

  const double shortest = std::exp2(-200.0 / 125.0);
  const double expected[] = {std::log2(.1 + shortest),
                             std::log2(.1 + 2.0 * std::exp2(-.2)),
                             std::log2(.1 + 3.0 * std::exp2(-200.0 / 8000.0)),
                             std::log2(1001.0),
                             std::log2(201.0),
                             2.0,
                             std::log2(1e-6 + .25 + .5 * shortest),
                             std::log2(5e-4 + .25),
                             std::log2(5e-4 + .125),
                             std::log2(5e-4 + .5),
                             std::log2(5e-4 + .75),
                             std::log2(5e-4 + 1.5),
                             std::log2(5e-4 + 1.5 / 4.0)};
  ASSERT_EQ(std::size(expected), kFeatureCount);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    EXPECT_NEAR(static_cast<double>(x[f]), expected[f], 1e-5) << kFeatures[f].name;
  }
}

TEST(Linear, WhatNoMemoryKnowsIsAtTheFirstKnot) {
  const Popularity popularity(1000.0);
  const FeatureValues x = feature_values(popularity, ItemCounts{}, SparseLine{}, 1000.0, .5F);
  Linear linear(Parts{});
  linear.gather(x, -1.0F);
  linear.step(moment(0, 0, 0));
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!kFeatures[f].sparse) continue;
    const auto feature = static_cast<Feature>(f);
    EXPECT_EQ(x[f], sparse_floor()) << kFeatures[f].name;
    EXPECT_GT(linear.curve(feature, sparse_floor()), 0.0F);
    // On the way to the next knot, which stayed at 0.
    EXPECT_NEAR(linear.curve(feature, std::nextafter(sparse_floor(), 0.0F)),
                linear.curve(feature, sparse_floor()), 1e-5F);
  }
}

TEST(Linear, NamesAreDifferentAndListedInOrder) {
  std::set<std::string_view> names;
  for (const FeatureSpec& feature : kFeatures) names.insert(feature.name);
  EXPECT_EQ(names.size(), kFeatureCount);
  EXPECT_EQ(kFeatures[index(Feature::kFollows)].name, "follows");
  EXPECT_EQ(kFeatures[index(Feature::kCount)].name, "count");
  EXPECT_EQ(kFeatures[index(Feature::kContentOfNew)].name, "content_of_new");
}

TEST(Linear, StartsAtTheFirstSlopesWithFlatCurves) {
  const Linear linear(Parts{});
  const FeatureValues slopes = linear.slopes(moment(31, 5, 9));
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    EXPECT_EQ(slopes[f], kFeatures[f].first_slope);
    EXPECT_EQ(linear.curve(static_cast<Feature>(f), -3.0F), 0.0F);
  }
}

TEST(Linear, TheFeaturesOfAPartThatIsOffAreSilent) {
  Parts parts;
  parts.memory = false;
  parts.pairs = false;
  Linear linear(parts);
  FeatureValues x;
  x.fill(1.0F);
  linear.gather(x, 1.0F);
  linear.step(moment(0, 0, 0));
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    const auto feature = static_cast<Feature>(f);
    const bool off = kFeatures[f].part == &Parts::memory || kFeatures[f].part == &Parts::pairs;
    EXPECT_EQ(linear.uses(feature), !off);
    if (!off) continue;
    EXPECT_EQ(linear.slopes(moment(0, 0, 0))[f], 0.0F);
    EXPECT_EQ(linear.curve(feature, 0.0F), 0.0F);
    EXPECT_EQ(linear.curve_slope(feature, 0.0F), 0.0F);
  }
}

TEST(Linear, AStepMovesTheSlopesOfItsMomentOnly) {
  Linear linear(Parts{});
  FeatureValues x{};
  x[index(Feature::kAge)] = 2.0F;
  linear.gather(x, -1.5F);
  linear.gather(x, .5F);
  linear.step(moment(6, 2, 4));

  // Gathered: -2. Adagrad from .01: move = rate 2 / sqrt(4.01).
  const float unit = 2.0F / std::sqrt(4.01F);
  const auto slope = [&](const MomentBuckets& at) {
    return linear.slopes(at)[index(Feature::kAge)];
  };
  EXPECT_NEAR(slope(moment(0, 0, 0)), .05F * unit, 1e-6F);
  EXPECT_NEAR(slope(moment(0, 2, 0)), .075F * unit, 1e-6F);
  EXPECT_NEAR(slope(moment(7, 2, 4)), .125F * unit, 1e-6F);  // gap buckets go by two
  EXPECT_EQ(linear.slopes(moment(6, 2, 4))[index(Feature::kCount)], 0.0F);
}

TEST(Linear, ACurveIsLinearBetweenItsKnots) {
  Linear linear(Parts{});
  FeatureValues x{};
  for (const float at : {-10.0F, -6.3F, -4.0F, -1.2F, .9F}) {
    x[index(Feature::kFollows)] = at;
    linear.gather(x, at);
    linear.step(moment(0, 0, 0));
  }
  const float step = (1.0F - sparse_floor()) / 30.0F;
  for (int knot = 0; knot < 30; ++knot) {
    const float left = sparse_floor() + step * (static_cast<float>(knot) + .01F);
    const float right = left + step * .98F;
    const auto g = [&](float at) { return linear.curve(Feature::kFollows, at); };
    EXPECT_NEAR(g((left + right) / 2.0F), (g(left) + g(right)) / 2.0F, 1e-5F) << knot;
    EXPECT_NEAR(linear.curve_slope(Feature::kFollows, (left + right) / 2.0F),
                (g(right) - g(left)) / (right - left), 1e-4F)
        << knot;
  }
}

TEST(Linear, ACurveIsFiniteBeyondItsEnds) {
  Linear linear(Parts{});
  FeatureValues x{};
  x[index(Feature::kFollows)] = 100.0F;
  linear.gather(x, 1.0F);
  x[index(Feature::kFollows)] = -100.0F;
  linear.gather(x, 1.0F);
  linear.step(moment(0, 0, 0));
  EXPECT_TRUE(std::isfinite(linear.curve(Feature::kFollows, 1e6F)));
  EXPECT_TRUE(std::isfinite(linear.curve(Feature::kFollows, -1e6F)));
  EXPECT_LT(linear.curve(Feature::kFollows, -100.0F), 0.0F);
}

TEST(Linear, LoadingGivesWhatWasSaved) {
  Linear linear(Parts{});
  FeatureValues x;
  x.fill(-2.0F);
  linear.gather(x, .3F);
  linear.step(moment(1, 1, 1));
  ByteWriter saved;
  linear.save(saved);
  Linear loaded(Parts{});
  ByteReader in(saved.bytes());
  loaded.load(in);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(loaded.slopes(moment(1, 1, 1)), linear.slopes(moment(1, 1, 1)));
}

}  // namespace
}  // namespace fovea::scorer
