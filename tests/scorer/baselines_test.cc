// The simple alternatives by hand-computed orders.

#include "scorer/baselines.h"

#include <gtest/gtest.h>

#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

TimeMs at_s(std::int64_t seconds) {
  return TimeMs{seconds * 1000};
}

Behaviour history_of(const std::vector<std::uint64_t>& items) {
  Behaviour behaviour;
  for (const std::uint64_t item : items) behaviour.history.push_back({small_key(item)});
  return behaviour;
}

TEST(PopularityBaseline, RanksByDecayedCount) {
  const auto baseline = make_popularity_baseline(100.0);
  // Item 0: three times at 0, worth 3/8 at 300. Item 1: once at 200, worth 1/2. Item 2: now.
  for (int i = 0; i < 3; ++i) baseline->observe({}, small_key(0), at_s(0));
  baseline->observe({}, small_key(1), at_s(200));
  baseline->observe({}, small_key(2), at_s(300));
  EXPECT_EQ(baseline->rank({}, at_s(300), small_key(2), {}), 0);
  EXPECT_EQ(baseline->rank({}, at_s(300), small_key(1), {}), 1);
  EXPECT_EQ(baseline->rank({}, at_s(300), small_key(0), {}), 2);
}

TEST(PopularityBaseline, OfAllTimeCounts) {
  const auto baseline = make_popularity_baseline(1e12);
  for (int i = 0; i < 3; ++i) baseline->observe({}, small_key(0), at_s(1'000'000'000));
  for (int i = 0; i < 2; ++i) baseline->observe({}, small_key(1), at_s(1'700'000'000));
  EXPECT_EQ(baseline->rank({}, at_s(1'700'000'000), small_key(0), {}), 0);
  EXPECT_EQ(baseline->rank({}, at_s(1'700'000'000), small_key(1), {}), 1);
}

TEST(Baselines, TiesCountAgainstTheTarget) {
  for (const auto& baseline : {make_popularity_baseline(100.0), make_transitions_baseline(0.02)}) {
    for (std::uint64_t item = 0; item < 5; ++item) baseline->observe({}, small_key(item), at_s(7));
    EXPECT_EQ(baseline->rank({}, at_s(7), small_key(3), {}), 4) << baseline->name();
  }
}

TEST(Baselines, WhatIsExcludedIsNoRivalAndTheTargetStaysIn) {
  for (const auto& baseline : {make_popularity_baseline(100.0), make_transitions_baseline(0.02)}) {
    for (std::uint64_t item = 0; item < 5; ++item) baseline->observe({}, small_key(item), at_s(7));
    EXPECT_EQ(baseline->rank({}, at_s(7), small_key(3),
                             {small_key(0), small_key(1), small_key(3), small_key(999)}),
              2)
        << baseline->name();
  }
}

TEST(Baselines, WhatWasNeverObservedHasNoRank) {
  for (const auto& baseline : {make_popularity_baseline(100.0), make_transitions_baseline(0.02)}) {
    EXPECT_FALSE(baseline->rank({}, at_s(7), small_key(1), {})) << baseline->name();
    baseline->observe({}, small_key(1), at_s(7));
    EXPECT_FALSE(baseline->rank({}, at_s(7), small_key(2), {})) << baseline->name();
    EXPECT_EQ(baseline->rank({}, at_s(7), small_key(1), {}), 0) << baseline->name();
  }
}

TEST(TransitionsBaseline, RanksByHowOftenItFollowed) {
  const auto baseline = make_transitions_baseline(0.0);
  for (std::uint64_t item = 0; item < 5; ++item) baseline->observe({}, small_key(item), at_s(0));
  // After 0: twice 1, once 2. After 3: once 4.
  baseline->observe(history_of({0}), small_key(1), at_s(1));
  baseline->observe(history_of({0}), small_key(1), at_s(2));
  baseline->observe(history_of({0}), small_key(2), at_s(3));
  baseline->observe(history_of({3}), small_key(4), at_s(4));
  EXPECT_EQ(baseline->rank(history_of({0}), at_s(5), small_key(1), {}), 0);
  EXPECT_EQ(baseline->rank(history_of({0}), at_s(5), small_key(2), {}), 1);
  // The row of 0 says 2 for 1 and 1 for 2, halved where 0 is not the newest; that of 3 says 1
  // for 4.
  EXPECT_EQ(baseline->rank(history_of({3, 0}), at_s(5), small_key(1), {}), 0);
  EXPECT_EQ(baseline->rank(history_of({3, 0}), at_s(5), small_key(2), {}), 1);
  EXPECT_EQ(baseline->rank(history_of({3, 0}), at_s(5), small_key(4), {}), 2);
  EXPECT_EQ(baseline->rank(history_of({0, 3}), at_s(5), small_key(4), {}),
            1);  // 1 against 1: a tie
  EXPECT_EQ(baseline->rank(history_of({0, 3}), at_s(5), small_key(2), {}), 2);
}

TEST(TransitionsBaseline, ForgetsWithEveryUpdateOfARow) {
  const auto forgetful = make_transitions_baseline(0.5);
  const auto faithful = make_transitions_baseline(0.0);
  for (const auto& baseline : {forgetful.get(), faithful.get()}) {
    for (std::uint64_t item = 0; item < 3; ++item) baseline->observe({}, small_key(item), at_s(0));
    for (const std::uint64_t item : {1U, 1U, 2U}) {
      baseline->observe(history_of({0}), small_key(item), at_s(1));
    }
  }
  // With forgetting 1 + 1.5 = 2.5 against 2.25; twice more of 2 turns it.
  EXPECT_EQ(forgetful->rank(history_of({0}), at_s(5), small_key(1), {}), 0);
  forgetful->observe(history_of({0}), small_key(2), at_s(2));
  EXPECT_EQ(forgetful->rank(history_of({0}), at_s(5), small_key(2), {}), 0);
  faithful->observe(history_of({0}), small_key(2), at_s(2));
  EXPECT_EQ(faithful->rank(history_of({0}), at_s(5), small_key(2), {}), 1);  // 2 against 2: a tie
}

// What the rows hold must not be seen by the next question.
TEST(TransitionsBaseline, AQuestionLeavesNothingBehind) {
  const auto baseline = make_transitions_baseline(0.0);
  for (std::uint64_t item = 0; item < 5; ++item) baseline->observe({}, small_key(item), at_s(0));
  baseline->observe(history_of({0}), small_key(1), at_s(1));
  baseline->observe(history_of({3}), small_key(4), at_s(2));
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(baseline->rank(history_of({0}), at_s(3), small_key(1), {small_key(4)}), 0);
    EXPECT_EQ(baseline->rank(history_of({3}), at_s(3), small_key(1), {}), 4);
    EXPECT_EQ(baseline->rank(history_of({3}), at_s(3), small_key(1),
                             {small_key(4), small_key(4), small_key(0)}),
              2);
  }
}

TEST(TransitionsBaseline, IsFiniteAfterAnyNumberOfUpdates) {
  const auto baseline = make_transitions_baseline(0.02);
  baseline->observe({}, small_key(0), at_s(0));
  for (int i = 0; i < 20'000; ++i) {
    baseline->observe(history_of({0}), small_key(1 + static_cast<std::uint64_t>(i % 2)), at_s(i));
  }
  EXPECT_EQ(baseline->rank(history_of({0}), at_s(0), small_key(2), {}), 0);
  EXPECT_EQ(baseline->rank(history_of({0}), at_s(0), small_key(1), {}), 1);
}

}  // namespace
}  // namespace fovea::scorer
