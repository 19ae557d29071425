// What an event teaches, made from the behaviour before it.

#include "scorer/example.h"

#include <gtest/gtest.h>

#include <set>

#include "scorer/own_items.h"
#include "scorer/seen_filter.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

constexpr std::int64_t kNow = 1'700'000'000'000;

// Items had at kNow - 1000 * age, oldest first.
Behaviour behaviour_of(const std::vector<std::pair<std::uint64_t, std::int64_t>>& item_ages,
                       EventType type = EventType::kClick) {
  const SmallStream stream(small_settings());
  Behaviour behaviour;
  for (const auto& [item, age] : item_ages) {
    Event event;
    event.type = type;
    event.item = small_item(item);
    event.event_time = TimeMs{kNow - 1000 * age};
    stream.apply(behaviour, event);
  }
  return behaviour;
}

Event click(std::uint64_t item) {
  Event event;
  event.type = EventType::kClick;
  event.item = small_item(item);
  event.event_time = TimeMs{kNow};
  return event;
}

TEST(Example, CarriesTheEventAndWhatPrecededIt) {
  Behaviour before = behaviour_of({{1, 30}, {2, 20}, {1, 10}});
  before.context = {{"device", std::string("phone")}, {"undeclared", 1.0}};
  Event event = click(3);
  event.value = 4.0F;
  event.context = {{"device", std::string("the event's own, which nobody knew before")}};

  const Example example = make_example(small_settings(), before, event, UserKey{9});

  EXPECT_EQ(example.user, UserKey{9});
  EXPECT_EQ(example.item, small_item(3));
  EXPECT_EQ(example.time, TimeMs{kNow});
  EXPECT_EQ(example.type, EventType::kClick);
  EXPECT_EQ(example.strength, 1.0F) << "grades are the topology's to give";
  EXPECT_TRUE(example.positive);
  EXPECT_FALSE(example.count_only);
  EXPECT_EQ(example.context, (std::vector<ContextField>{{"device", std::string("phone")}}));
  EXPECT_EQ(example.history_length, 3U);
  EXPECT_EQ(example.history,
            (std::vector<ExampleHistoryEntry>{
                {small_key(1), 30'000}, {small_key(2), 20'000}, {small_key(1), 10'000}}));
  EXPECT_TRUE(example.older_history.empty());
  EXPECT_EQ(example.own_items, (std::vector<ExampleOwnItem>{{small_key(1), 1, 10'000, 2},
                                                            {small_key(2), 2, 20'000, 1}}));
  EXPECT_EQ(example.seen_filter, "");
}

TEST(Example, OfARefusedItemIsNotPositive) {
  Event event = click(3);
  event.type = EventType::kDislike;
  EXPECT_FALSE(make_example(small_settings(), {}, event, UserKey{1}).positive);
}

TEST(Example, AgesAreNeverNegative) {
  const Example example =
      make_example(small_settings(), behaviour_of({{1, -60}}), click(2), UserKey{1});
  EXPECT_EQ(example.history[0].age_ms, 0);
  EXPECT_EQ(example.own_items[0].age_ms, 0);
}

TEST(Example, OnlyPositiveTypesAreAttendedOver) {
  Behaviour before = behaviour_of({{1, 30}});
  before.history.push_back({small_key(2), EventType::kDislike, TimeMs{kNow - 20'000}});
  before.history.push_back({small_key(3), EventType::kView, TimeMs{kNow - 10'000}});
  const Example example = make_example(small_settings(), before, click(4), UserKey{1});
  EXPECT_EQ(example.history_length, 1U);
  ASSERT_EQ(example.history.size(), 1U);
  EXPECT_EQ(example.history[0].item, small_key(1));
}

TEST(Example, CarriesTheNewestEntriesWithAgesAndTheOlderOnesAsKeys) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> items;
  for (std::uint64_t k = 0; k < 70; ++k) items.emplace_back(k, 100 - static_cast<std::int64_t>(k));
  ModelSettings settings = small_settings();
  settings.history_max = 50;
  settings.example_history_max = 20;

  const Example example = make_example(settings, behaviour_of(items), click(99), UserKey{1});

  EXPECT_EQ(example.history_length, 50U);
  ASSERT_EQ(example.history.size(), 20U);
  EXPECT_EQ(example.history.front().item, small_key(50));
  EXPECT_EQ(example.history.back().item, small_key(69));
  ASSERT_EQ(example.older_history.size(), 30U);
  EXPECT_EQ(example.older_history.front(), small_key(20));
  EXPECT_EQ(example.older_history.back(), small_key(49));
  // 50 of the history, 20 from before it.
  ASSERT_EQ(example.own_items.size(), 70U);
  EXPECT_EQ(example.own_items[0].lag_class, 1);
  EXPECT_EQ(example.own_items[49].lag_class, 10);
  EXPECT_EQ(example.own_items[50].lag_class, 0);
  EXPECT_EQ(example.own_items[50].item, small_key(19));
}

TEST(Example, OwnItemsOlderThanTheHistoryAreTheLatest32) {
  std::vector<std::pair<std::uint64_t, std::int64_t>> items;
  for (std::uint64_t k = 0; k < 90; ++k) items.emplace_back(k, 100 - static_cast<std::int64_t>(k));
  const Example example =
      make_example(small_settings(), behaviour_of(items), click(99), UserKey{1});
  EXPECT_EQ(example.own_items.size(), 30U + kOlderOwnItems);
  EXPECT_EQ(example.own_items.back().item, small_key(90 - 30 - kOlderOwnItems));
}

TEST(Example, OwnItemsAreThereOnceEachWithTheirLatestLag) {
  const Example example =
      make_example(small_settings(), behaviour_of({{1, 9}, {1, 8}, {2, 7}, {1, 6}, {3, 5}, {2, 4}}),
                   click(1), UserKey{1});
  ASSERT_EQ(example.own_items.size(), 3U);
  EXPECT_EQ(example.own_items[0], (ExampleOwnItem{small_key(2), 1, 4000, 2}));
  EXPECT_EQ(example.own_items[1], (ExampleOwnItem{small_key(3), 2, 5000, 1}));
  EXPECT_EQ(example.own_items[2], (ExampleOwnItem{small_key(1), 3, 6000, 3}));
}

TEST(Example, WhereSeenItemsAreExcludedThereIsAFilterAndNoOwnItems) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  const Example example =
      make_example(settings, behaviour_of({{1, 30}, {2, 20}}), click(3), UserKey{1});
  EXPECT_TRUE(example.own_items.empty());
  EXPECT_EQ(example.seen_filter.size(), 2U);
  EXPECT_TRUE(maybe_seen(example.seen_filter, small_key(1)));
  EXPECT_TRUE(maybe_seen(example.seen_filter, small_key(2)));
}

TEST(SeenFilter, MissesNothingThatWasHad) {
  for (const std::uint64_t count : {1U, 2U, 7U, 100U, 1023U, 1024U, 1025U, 5000U}) {
    std::vector<OwnItem> own;
    for (std::uint64_t i = 0; i < count; ++i) own.push_back({small_key(i), {}, 1});
    const std::string filter = make_seen_filter(own);
    EXPECT_LE(filter.size(), 1024U);
    for (const OwnItem& item : own) EXPECT_TRUE(maybe_seen(filter, item.item));
  }
}

TEST(SeenFilter, TakesOneInThirtyThreeOfOthersForSeen) {
  std::vector<OwnItem> own;
  for (std::uint64_t i = 0; i < 200; ++i) own.push_back({small_key(i), {}, 1});
  const std::string filter = make_seen_filter(own);
  int taken = 0;
  for (std::uint64_t i = 1000; i < 11'000; ++i) taken += maybe_seen(filter, small_key(i)) ? 1 : 0;
  // (1 - e^{-3/8})^3 = .0306
  EXPECT_NEAR(taken / 10'000.0, .0306, .01);
}

TEST(SeenFilter, WithoutOwnItemsNothingWasSeen) {
  EXPECT_EQ(make_seen_filter({}), "");
  EXPECT_FALSE(maybe_seen("", small_key(1)));
}

}  // namespace
}  // namespace fovea::scorer
