// The repeat model by hand-computed values.

#include "scorer/repeat.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

namespace fovea::scorer {
namespace {

Query query_of(const std::vector<std::uint64_t>& keys, std::uint32_t length = 0) {
  Query query;
  for (const std::uint64_t key : keys) query.history.push_back({ItemKey{key}, kNoSlot, 0});
  query.history_length = length == 0 ? static_cast<std::uint32_t>(keys.size()) : length;
  std::vector<std::uint64_t> distinct;
  for (std::size_t k = keys.size(); k-- > 0;) {
    if (std::find(distinct.begin(), distinct.end(), keys[k]) != distinct.end()) continue;
    distinct.push_back(keys[k]);
    query.own_items.push_back(
        {static_cast<Slot>(keys[k]), lag_class(keys.size() - 1 - k), 1000, 1});
  }
  return query;
}

TEST(Repeat, LagClassesAreThoseOfTheReadme) {
  const std::pair<std::size_t, int> classes[] = {{0, 1},  {5, 6},  {6, 7},  {8, 7},   {9, 8},
                                                 {13, 8}, {14, 9}, {23, 9}, {24, 10}, {900, 10}};
  for (const auto& [distance, expected] : classes) EXPECT_EQ(lag_class(distance), expected);
}

TEST(Repeat, BucketsSeeTheNewestPairAndTheShareOfRepeats) {
  EXPECT_EQ(repeat_buckets(query_of({1, 2, 2}), {}).pair, 1U);
  EXPECT_EQ(repeat_buckets(query_of({2, 1, 2}), {}).pair, 2U);
  EXPECT_EQ(repeat_buckets(query_of({2, 3, 1, 2}), {}).pair, 0U);
  EXPECT_EQ(repeat_buckets(query_of({2}), {}).pair, 0U);
  // 4 entries, 3 distinct: floor(8 / 4) = 2.
  EXPECT_EQ(repeat_buckets(query_of({1, 2, 2, 3}), {}).share, 2U);
  EXPECT_EQ(repeat_buckets(query_of({1, 2, 3}), {}).share, 0U);
  EXPECT_EQ(repeat_buckets(query_of({1, 1, 1, 1, 1, 1, 1, 1, 1, 1}), {}).share, 7U);
  // Own items that the history does not hold do not count as distinct.
  Query query = query_of({1, 1});
  query.own_items.push_back({5, 0, 1000, 1});
  EXPECT_EQ(repeat_buckets(query, {}).share, 4U);
}

class RepeatOf : public testing::Test {
 protected:
  RepeatOf() {
    for (int i = 0; i < 4; ++i) repeat.add();
  }
  [[nodiscard]] RepeatParts parts(const QueryOwnItem& own) const {
    return repeat.parts(own, buckets, 3, x, linear);
  }

  Repeat repeat;
  Linear linear{Parts{}};
  RepeatBuckets buckets{2, 1, 5, 3};
  FeatureValues x{};
};

TEST_F(RepeatOf, StartsAtNothing) {
  const RepeatParts fresh = parts({1, 3, 60'000, 2});
  EXPECT_EQ(fresh.sum(), 0.0F);
  EXPECT_EQ(repeat.gate({1, 3, 60'000, 2}), 0.0F);
  EXPECT_EQ(repeat.gate({1, 0, 60'000, 2}), 1.0F);
}

TEST_F(RepeatOf, AStepMovesTheTermsOfItsLagClass) {
  const QueryOwnItem own{1, 3, 60'000, 2};
  x[index(Feature::kAge)] = 4.0F;
  for (std::size_t f = index(Feature::kNeighbours); f < kFeatureCount; ++f) x[f] = sparse_floor();
  x[index(Feature::kFollows)] = sparse_floor();
  repeat.gather(own, buckets, 3, x, -.5F, .25F);
  repeat.step(linear);

  const auto move = [](float gradient) {
    return -.05F * gradient / std::sqrt(.01F + gradient * gradient);
  };
  const RepeatParts moved = parts(own);
  EXPECT_NEAR(moved.tables, 4.0F * move(-.5F), 1e-6F);
  // rep = 0, rho = .05: log2((0 + .1) / ((3 + 2) .05)).
  const float rate = std::log2(.1F / .25F);
  EXPECT_NEAR(moved.rate, move(-.5F * rate) * rate, 1e-6F);
  // At its floor a sparse feature adds nothing; age adds itself.
  const float floored = -sparse_floor();
  const float features = move(-.5F * 4.0F) * 4.0F + move(-.5F * floored) * floored;
  EXPECT_NEAR(moved.features, features, 1e-5F);
  EXPECT_NEAR(repeat.gate(own), move(.25F), 1e-6F);
  EXPECT_EQ(parts({1, 4, 60'000, 2}).tables, 0.0F);
  EXPECT_EQ(repeat.gate({1, 4, 60'000, 2}), 0.0F);
}

TEST_F(RepeatOf, AnItemOlderThanTheHistoryHasOnlyItsCurves) {
  const QueryOwnItem old{1, 0, 86'400'000, 7};
  x.fill(3.0F);
  repeat.gather(old, buckets, 3, x, -.5F, .25F);
  repeat.step(linear);

  const RepeatParts moved = parts(old);
  EXPECT_EQ(moved.tables + moved.rate + moved.features, 0.0F);
  EXPECT_GT(moved.recency, 0.0F);
  EXPECT_GT(moved.count, 0.0F);
  EXPECT_EQ(repeat.gate(old), 1.0F);
}

TEST_F(RepeatOf, CurvesAreFiniteForAnyAgeAndCount) {
  const QueryOwnItem oldest{1, 0, INT64_MAX, UINT32_MAX};
  const QueryOwnItem newest{1, 0, 0, 0};
  for (const QueryOwnItem& own : {oldest, newest}) {
    repeat.gather(own, buckets, 3, x, 1.0F, 0.0F);
    repeat.step(linear);
    EXPECT_TRUE(std::isfinite(parts(own).sum()));
  }
}

TEST_F(RepeatOf, TheRateIsOfChoicesByThoseWhoHadTheItem) {
  const QueryOwnItem own{1, 3, 60'000, 2};
  repeat.gather(own, buckets, 3, x, -1.0F, 0.0F);
  repeat.step(linear);
  const float before = parts(own).rate;
  // The weight of the rate is negative here: the first step saw a rate below 0.
  repeat.observe(1, true);
  EXPECT_NE(parts(own).rate, before);
  const float after = parts(own).rate;
  repeat.observe(2, true);
  EXPECT_NEAR(parts(own).rate, after, .1F);  // another item's: only rho moved
}

TEST_F(RepeatOf, LoadingGivesWhatWasSaved) {
  const QueryOwnItem own{1, 3, 60'000, 2};
  repeat.observe(1, true);
  repeat.gather(own, buckets, 3, x, -1.0F, .5F);
  repeat.step(linear);
  ByteWriter saved;
  repeat.save(saved);
  Repeat loaded;
  ByteReader in(saved.bytes());
  loaded.load(in, 4);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(loaded.parts(own, buckets, 3, x, linear).sum(), parts(own).sum());
  ByteReader fewer(saved.bytes());
  Repeat().load(fewer, 5);
  EXPECT_TRUE(fewer.failed());
}

}  // namespace
}  // namespace fovea::scorer
