// Choices that the view has not learned: what is kept, for whom, and until when.

#include "topologies/recent_choices.h"

#include <gtest/gtest.h>

namespace fovea::topologies {
namespace {

constexpr UserKey kU{1};
constexpr UserKey kV{2};

TEST(RecentChoices, AChoiceIsKeptUntilTheViewHasPassedItsPlace) {
  RecentChoices recent;
  recent.add(kU, {ItemKey{10}, TimeMs{1}});
  recent.settle(5);
  recent.add(kU, {ItemKey{11}, TimeMs{2}});
  recent.settle(9);

  recent.forget_learned(4);
  EXPECT_EQ(recent.of(kU).size(), 2U);
  recent.forget_learned(5);
  ASSERT_EQ(recent.of(kU).size(), 1U);
  EXPECT_EQ(recent.of(kU)[0].item, ItemKey{11});
  recent.forget_learned(9);
  EXPECT_TRUE(recent.of(kU).empty());
}

TEST(RecentChoices, WhatIsNotAcknowledgedIsNotForgotten) {
  RecentChoices recent;
  recent.add(kU, {ItemKey{10}, TimeMs{1}});

  recent.forget_learned(1'000);

  EXPECT_EQ(recent.of(kU).size(), 1U);
}

TEST(RecentChoices, UsersAreKeptApart) {
  RecentChoices recent;
  recent.add(kU, {ItemKey{10}, TimeMs{1}});
  recent.add(kV, {ItemKey{11}, TimeMs{2}});
  recent.settle(3);
  recent.add(kU, {ItemKey{12}, TimeMs{3}});

  recent.forget_learned(3);

  ASSERT_EQ(recent.of(kU).size(), 1U);
  EXPECT_EQ(recent.of(kU)[0].item, ItemKey{12});
  EXPECT_TRUE(recent.of(kV).empty());
}

TEST(RecentChoices, ALearnerThatStandsStillDoesNotFillTheMemory) {
  RecentChoices recent;

  for (std::uint64_t i = 0; i < 150'000; ++i) {
    recent.add(UserKey{i % 100}, {ItemKey{i}, TimeMs{static_cast<std::int64_t>(i)}});
  }

  EXPECT_EQ(recent.size(), 100'000U);
}

}  // namespace
}  // namespace fovea::topologies
