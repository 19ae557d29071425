// Was the next choice in the slate we sent? By hand.

#include "topologies/online_quality.h"

#include <gtest/gtest.h>

#include <string>

#include "scorer/learner.h"
#include "tests/scorer/small_stream.h"

namespace fovea::topologies {
namespace {

using scorer::small_key;

Event choice_of(std::uint64_t item, std::int64_t time) {
  Event event;
  event.type = EventType::kClick;
  event.item = scorer::small_item(item);
  event.event_time = TimeMs{time};
  return event;
}

// A user who got items 1, 2, 3 at time 100 and has not chosen since.
Profile served() {
  Profile profile;
  profile.served.slate_count = 1;
  profile.served.emitted_at = TimeMs{100};
  for (const std::uint64_t item : {1U, 2U, 3U}) profile.served.items.push_back({small_key(item)});
  profile.behaviour.history.push_back({small_key(9), EventType::kClick, TimeMs{100}, 1.0F});
  profile.behaviour.own_items.push_back({small_key(9), TimeMs{100}, 1});
  return profile;
}

class Quality : public testing::Test {
 protected:
  static OnlineQualitySettings settings(bool exclude_seen) {
    OnlineQualitySettings out;
    out.positive.insert(EventType::kClick);
    out.exclude_seen = exclude_seen;
    out.refresh_interval = std::chrono::nanoseconds(0);
    out.refresh_share = 0;
    return out;
  }
  [[nodiscard]] std::uint64_t hits(QualityList list, QualityK k) const {
    return metrics.hits[static_cast<std::size_t>(list)][static_cast<std::size_t>(k)].value();
  }

  OnlineQualityMetrics metrics;
  OnlineQuality quality{settings(false), metrics};
};

TEST_F(Quality, AChoiceFromTheSlateIsAHit) {
  quality.judge(choice_of(3, 101), served());
  EXPECT_EQ(metrics.judged.value(), 1U);
  EXPECT_EQ(hits(QualityList::kSlate, QualityK::kSlateSize), 1U);
  EXPECT_EQ(hits(QualityList::kSlate, QualityK::kTen), 1U);
  EXPECT_EQ(hits(QualityList::kPopularity, QualityK::kSlateSize), 0U);
  EXPECT_EQ(metrics.decayed_judged.value(), 1.0);
}

TEST_F(Quality, AnotherChoiceIsAMissOfBoth) {
  quality.judge(choice_of(7, 101), served());
  EXPECT_EQ(metrics.judged.value(), 1U);
  EXPECT_EQ(hits(QualityList::kSlate, QualityK::kSlateSize), 0U);
}

TEST_F(Quality, AnItemBeyondTheTenthIsAHitOfTheSlateOnly) {
  Profile profile = served();
  for (std::uint64_t item = 10; item < 20; ++item)
    profile.served.items.push_back({small_key(item)});
  quality.judge(choice_of(19, 101), profile);
  EXPECT_EQ(hits(QualityList::kSlate, QualityK::kSlateSize), 1U);
  EXPECT_EQ(hits(QualityList::kSlate, QualityK::kTen), 0U);
}

TEST_F(Quality, OnlyTheFirstChoiceAfterASlateIsJudged) {
  Profile profile = served();
  profile.behaviour.history.push_back({small_key(4), EventType::kClick, TimeMs{101}, 1.0F});
  quality.judge(choice_of(1, 102), profile);
  EXPECT_EQ(metrics.judged.value(), 0U);
}

TEST_F(Quality, NothingIsJudgedWithoutASlateOrOfBeforeIt) {
  Profile never = served();
  never.served = {};
  quality.judge(choice_of(1, 102), never);
  quality.judge(choice_of(1, 100), served());
  EXPECT_EQ(metrics.judged.value(), 0U);
}

TEST_F(Quality, ARepeatIsCountedApartWhereTheSeenAreExcluded) {
  OnlineQuality excluding(settings(true), metrics);
  excluding.judge(choice_of(9, 101), served());
  EXPECT_EQ(metrics.repeats.value(), 1U);
  EXPECT_EQ(metrics.judged.value(), 0U);
  quality.judge(choice_of(9, 101), served());
  EXPECT_EQ(metrics.judged.value(), 1U)
      << "where repeats are allowed it is a choice like any other";
}

TEST_F(Quality, ThePopularListIsTheModelsAndMakesRoomForWhatTheUserHasHad) {
  const auto learner = scorer::new_learner(scorer::small_settings());
  scorer::SmallStream stream(scorer::small_settings());
  // Item k is chosen 20 - k times.
  Offset position = 0;
  for (std::uint64_t item = 0; item < 20; ++item) {
    for (std::uint64_t times = item; times < 20; ++times) {
      Event event = choice_of(item, 1'700'000'000'000 + position);
      scorer::fold(*learner, stream.record_of(event, 0), position);
      ++position;
    }
  }
  ASSERT_TRUE(learner->publish());
  const auto now = TimeMs{1'700'000'001'000};
  quality.refresh(*learner->view(), now);
  // Three in a list: items 0, 1, 2.
  Profile profile = served();
  quality.judge(choice_of(2, 101), profile);
  EXPECT_EQ(hits(QualityList::kPopularity, QualityK::kSlateSize), 1U);
  quality.judge(choice_of(3, 101), profile);
  EXPECT_EQ(hits(QualityList::kPopularity, QualityK::kSlateSize), 1U);

  OnlineQuality excluding(settings(true), metrics);
  excluding.refresh(*learner->view(), now);
  profile.behaviour.own_items = {{small_key(0), TimeMs{50}, 1}};
  excluding.judge(choice_of(3, 101), profile);
  EXPECT_EQ(hits(QualityList::kPopularity, QualityK::kSlateSize), 2U) << "0 made room for 3";
}

TEST_F(Quality, AChoiceWeighsHalfAfterAThousandMore) {
  quality.judge(choice_of(1, 101), served());
  for (int i = 0; i < 1'000; ++i) quality.judge(choice_of(7, 101), served());
  EXPECT_NEAR(metrics.decayed_hits[0][0].value(), .5, 1e-9);
}

}  // namespace
}  // namespace fovea::topologies
