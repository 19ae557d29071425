// What ranks, slates and windows add up to, by numbers computed by hand.

#include "topologies/evaluation_figures.h"

#include <gtest/gtest.h>

#include <cmath>

#include "topologies/strata.h"

namespace fovea::topologies {
namespace {

TEST(Exposure, IsCoverageConcentrationAndNovelty) {
  Exposure exposure;
  for (int i = 0; i < 3; ++i) exposure.add(0, 0.5);
  exposure.add(2, 0.125);

  EXPECT_DOUBLE_EQ(exposure.coverage(4), 0.5);
  // Sorted 0, 0, 1, 3: (-3 * 0 - 1 * 0 + 1 * 1 + 3 * 3) / (4 * 4).
  EXPECT_DOUBLE_EQ(exposure.gini(4), 10.0 / 16);
  EXPECT_DOUBLE_EQ(exposure.novelty(), (3 * 1 + 3) / 4.0);
}

TEST(Exposure, OfNothingIsNothing) {
  const Exposure exposure;
  EXPECT_EQ(exposure.coverage(0), 0);
  EXPECT_EQ(exposure.gini(5), 0);
  EXPECT_EQ(exposure.novelty(), 0);
}

TEST(Exposure, OfAllAlikeHasNoConcentration) {
  Exposure exposure;
  for (std::uint32_t item = 0; item < 7; ++item) exposure.add(item, 0.1);
  EXPECT_DOUBLE_EQ(exposure.coverage(7), 1);
  EXPECT_NEAR(exposure.gini(7), 0, 1e-12);
}

void add(PairedSums& sums, std::uint64_t user, std::vector<double> figures) {
  sums.add(UserKey{user}, figures);
}

TEST(PairedSums, TheRatioIsCertainWhereEveryUserSaysTheSame) {
  PairedSums sums(3);
  for (std::uint64_t user = 0; user < 50; ++user) add(sums, user, {0.6, 0.4, 0.0});

  const auto intervals = sums.ratio_intervals();

  ASSERT_EQ(intervals.size(), 2U);
  EXPECT_NEAR(intervals[0].low, 1.5, 1e-9);
  EXPECT_NEAR(intervals[0].high, 1.5, 1e-9);
  EXPECT_EQ(intervals[1].high, 0);  // nothing to divide by
}

TEST(PairedSums, TheIntervalIsThatOfTheNormalApproximationForManyUsers) {
  // a is 0 or 1, b always .5, so the ratio is 2 mean(a): its error is 2 sqrt(.25 / n).
  PairedSums sums(2);
  for (std::uint64_t user = 0; user < 400; ++user)
    add(sums, user, {user % 2 == 0 ? 1.0 : 0.0, 0.5});

  const Interval interval = sums.ratio_intervals()[0];

  const double half_width = 1.96 * 2 * std::sqrt(0.25 / 400);
  EXPECT_NEAR(interval.low, 1 - half_width, 0.01);
  EXPECT_NEAR(interval.high, 1 + half_width, 0.01);
}

TEST(PairedSums, AUsersEventsAreOneObservation) {
  PairedSums few(2);
  PairedSums many(2);
  for (std::uint64_t event = 0; event < 400; ++event) {
    const double figure = event % 2 == 0 ? 1.0 : 0.0;
    add(few, event % 8, {figure, 0.5});
    add(many, event, {figure, 0.5});
  }
  const Interval wide = few.ratio_intervals()[0];
  const Interval narrow = many.ratio_intervals()[0];
  EXPECT_EQ(few.users(), 8U);
  EXPECT_GT(wide.high - wide.low, 3 * (narrow.high - narrow.low));
}

TEST(PairedSums, TheSameFiguresGiveTheSameInterval) {
  PairedSums sums(2);
  for (std::uint64_t user = 0; user < 30; ++user) add(sums, user, {double(user), 10.0});
  EXPECT_EQ(sums.ratio_intervals()[0].low, sums.ratio_intervals()[0].low);
}

TEST(LearningCurve, MergesNeighboursWhenFull) {
  LearningCurve curve(2);
  const std::size_t count = 16 * LearningCurve::kWindowsMax + 1;
  for (std::size_t i = 0; i < count; ++i) {
    const std::vector<double> figures = {double(i), 1.0};
    curve.add(TimeMs{static_cast<std::int64_t>(i)}, figures);
  }

  ASSERT_EQ(curve.windows().size(), LearningCurve::kWindowsMax / 2 + 1);
  EXPECT_EQ(curve.width(), 32U);
  const auto& second = curve.windows()[1];
  EXPECT_EQ(second.count, 32U);
  EXPECT_EQ(second.last, TimeMs{63});
  EXPECT_DOUBLE_EQ(second.sums[0], 32 * (32 + 63) / 2.0);
  EXPECT_DOUBLE_EQ(second.sums[1], 32);
  EXPECT_EQ(curve.windows().back().count, 1U);
}

RecommendedItem shown(std::uint64_t key, float share) {
  RecommendedItem item;
  item.item.key = ItemKey{key};
  item.attention = share;
  return item;
}

TEST(SlateFindings, SharesAreHeldAgainstWhatWasChosen) {
  SlateFindings findings;
  const std::vector<RecommendedItem> slate = {shown(1, 0.75F), shown(2, 0.25F)};
  findings.add(slate, ItemKey{1}, {}, TimeMs{0});
  findings.add(slate, ItemKey{2}, {}, TimeMs{0});
  findings.add(slate, ItemKey{3}, {}, TimeMs{0});  // not in the slate: says nothing

  const auto& high = findings.calibration()[7];
  EXPECT_EQ(high.count, 2U);
  EXPECT_EQ(high.chosen, 1U);
  EXPECT_DOUBLE_EQ(high.sum, 1.5);
  EXPECT_EQ(findings.calibration()[2].count, 2U);
}

TEST(SlateFindings, ProbabilitiesAreHeldAgainstEverySlate) {
  SlateFindings findings;
  std::vector<RecommendedItem> slate = {shown(1, 0.5F), shown(2, 0.5F), shown(3, 0)};
  slate[0].probability = 0.75F;
  slate[1].probability = 0.25F;
  findings.add(slate, ItemKey{1}, {}, TimeMs{0});
  findings.add(slate, ItemKey{9}, {},
               TimeMs{0});  // not in the slate: three items did not come true

  const auto& bins = findings.probabilities();
  EXPECT_EQ(bins[15].count, 2U);
  EXPECT_EQ(bins[15].chosen, 1U);
  EXPECT_DOUBLE_EQ(bins[15].sum, 1.5);
  EXPECT_EQ(bins[14].count, 2U);
  EXPECT_EQ(bins[14].chosen, 0U);
  EXPECT_EQ(bins[0].count, 2U);
}

TEST(SlateFindings, AttentionIsThatOfThePlaceAndOfTheAge) {
  RecommendedItem best = shown(9, 1);
  best.why = Explanation{};
  // Strongest first, as an explanation is: the older entry weighs more.
  best.why->history = {{ItemKey{1}, "", EventType::kView, 7'000, 0.75F, 2.0},
                       {ItemKey{2}, "", EventType::kView, 0, 0.25F, 1.0}};
  const std::vector<HistoryEntry> history = {{ItemKey{1}, EventType::kView, TimeMs{1'000}},
                                             {ItemKey{2}, EventType::kView, TimeMs{8'000}}};
  SlateFindings findings;

  findings.add(std::vector{best}, ItemKey{5}, history, TimeMs{8'000});

  EXPECT_DOUBLE_EQ(findings.by_position()[0].sum, 0.25);
  EXPECT_DOUBLE_EQ(findings.by_position()[1].sum, 0.75);
  EXPECT_DOUBLE_EQ(findings.by_gap()[0].sum, 0.25);
  EXPECT_DOUBLE_EQ(findings.by_gap()[3].sum, 0.75);  // log2(1 + 7)
  EXPECT_EQ(findings.by_gap()[3].count, 1U);
}

TEST(Strata, BoundsBelongToTheLowerClass) {
  const auto strata = empty_strata(2);
  const auto names = [&](const StratumKey& key) {
    std::vector<std::string> all;
    const auto classes = strata_of(key);
    for (std::size_t s = 0; s < classes.size(); ++s) {
      all.push_back(strata[s].parts[classes[s]].name);
    }
    return all;
  };
  EXPECT_EQ(names({5, 3'600'000, 3, 60'000}),
            (std::vector<std::string>{"1-5", "1 h", "2-3", "1 min"}));
  EXPECT_EQ(names({6, 3'600'001, 4, 60'001}),
            (std::vector<std::string>{"6-20", "1 d", "4-10", "1 h"}));
  EXPECT_EQ(names({501, std::int64_t{91} * 86'400'000, 50, std::int64_t{31} * 86'400'000}),
            (std::vector<std::string>{">500", "longer", "50+", "longer"}));
  EXPECT_EQ(strata[0].parts[0].baselines.size(), 2U);
}

}  // namespace
}  // namespace fovea::topologies
