// Decayed counts against float64, and what late choices do.

#include "scorer/popularity.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorer/random.h"

namespace fovea::scorer {
namespace {

constexpr double kHalfLife = 1000.0;

TEST(Popularity, DecaysAtThreeHalfLives) {
  const Popularity popularity(kHalfLife);
  for (const float dt : {0.0F, 1.0F, 125.0F, 999.0F, 8000.0F, 30'000.0F}) {
    const auto decay = popularity.decay(dt);
    const double rates[] = {8.0, 1.0, .125};
    for (std::size_t h = 0; h < kHalfLives; ++h) {
      // Below 2^-126 everything is as good as nothing.
      const double exact = std::exp2(-static_cast<double>(dt) / kHalfLife * rates[h]);
      EXPECT_NEAR(static_cast<double>(decay[h]), exact, 1e-4 * exact + 1e-37) << dt;
    }
  }
}

TEST(Popularity, CountsAreTheSumOfDecayedChoices) {
  Popularity popularity(kHalfLife);
  popularity.add(0.0);
  Random random(1, 0);
  double now = 1.7e9;
  std::vector<double> times;
  for (int i = 0; i < 500; ++i) {
    now += static_cast<double>(random.below(100)) / 7.0;
    times.push_back(now);
    popularity.observe(0, now);
  }
  const ItemCounts counts = popularity.counts(0);
  const double half_lives[] = {kHalfLife / 8.0, kHalfLife, 8.0 * kHalfLife};
  for (std::size_t h = 0; h < kHalfLives; ++h) {
    double exact = 0.0;
    for (const double time : times) exact += std::exp2((time - now) / half_lives[h]);
    EXPECT_NEAR(static_cast<double>(counts.decayed[h]), exact, 1e-4 * exact);
  }
  EXPECT_EQ(counts.count, 500U);
  EXPECT_EQ(counts.first_s, times.front());
  EXPECT_EQ(counts.last_s, now);
  EXPECT_NEAR(counts.log_count, std::log2(501.0F), 1e-5F);
}

TEST(Popularity, ALateChoiceCountsInFullAndMovesNoTimeBack) {
  Popularity popularity(kHalfLife);
  popularity.add(0.0);
  popularity.observe(0, 5000.0);
  popularity.observe(0, 2000.0);

  const ItemCounts counts = popularity.counts(0);
  EXPECT_EQ(counts.decayed[1], 2.0F);
  EXPECT_EQ(counts.last_s, 5000.0);
  EXPECT_EQ(counts.first_s, 5000.0);
}

TEST(Popularity, AnAnnouncedItemIsAsOldAsItsFirstChoice) {
  Popularity popularity(kHalfLife);
  popularity.add(1000.0);
  EXPECT_EQ(popularity.counts(0).first_s, 1000.0);
  popularity.observe(0, 3000.0);
  EXPECT_EQ(popularity.counts(0).first_s, 3000.0);
  EXPECT_EQ(popularity.counts(0).last_s, 3000.0);
}

TEST(Popularity, TheTotalIsOfAllItemsAtTheShortestHalfLifeAndAtLeastOne) {
  Popularity popularity(kHalfLife);
  popularity.add(0.0);
  popularity.add(0.0);
  EXPECT_EQ(popularity.total(50.0), 1.0F);
  for (int i = 0; i < 10; ++i) popularity.observe(static_cast<Slot>(i % 2), 0.0);
  EXPECT_NEAR(popularity.total(125.0), 5.0F, 1e-4F);
  EXPECT_EQ(popularity.total(1e6), 1.0F);
}

TEST(Popularity, IsEmptyUntilTheFirstChoice) {
  Popularity popularity(kHalfLife);
  popularity.add(0.0);
  EXPECT_TRUE(popularity.empty());
  popularity.observe(0, 5.0);
  EXPECT_FALSE(popularity.empty());
  // As long ago as may be, and for whoever goes on from its bytes.
  popularity.observe(0, 1e9);
  ByteWriter saved;
  popularity.save(saved);
  Popularity loaded(kHalfLife);
  EXPECT_TRUE(loaded.empty());
  ByteReader in(saved.bytes());
  loaded.load(in);
  ASSERT_TRUE(in.at_end());
  EXPECT_FALSE(loaded.empty());
}

TEST(Popularity, AnOverlaidChoiceIsSeenByNobodyElse) {
  Popularity popularity(kHalfLife);
  popularity.add(0.0);
  popularity.observe(0, 100.0);
  ItemCounts own = popularity.counts(0);

  popularity.observe(own, 200.0);

  EXPECT_EQ(own.count, 2U);
  EXPECT_EQ(popularity.counts(0).count, 1U);
  popularity.observe(0, 200.0);
  EXPECT_EQ(popularity.counts(0).decayed, own.decayed);
  EXPECT_EQ(popularity.counts(0).last_s, own.last_s);
}

TEST(Popularity, AViewHasTheChangedRowsAndNoOthers) {
  Popularity popularity(kHalfLife);
  Popularity view(kHalfLife);
  for (int i = 0; i < 3; ++i) popularity.add(0.0);
  popularity.copy_changed(view, 0);
  popularity.observe(1, 10.0);
  EXPECT_EQ(view.count(1), 0U);
  popularity.copy_changed(view, 0);
  EXPECT_EQ(view.count(1), 1U);
  EXPECT_EQ(view.count(2), 0U);
  EXPECT_EQ(view.total(10.0), popularity.total(10.0));
}

}  // namespace
}  // namespace fovea::scorer
