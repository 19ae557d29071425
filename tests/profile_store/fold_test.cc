// The laws of the fold, and the fold against a slow one that keeps everything and sorts at the end.
// FOVEA_SEED=... plays a random case again.

#include "profile_store/fold.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

#include "profile_store/profile_codec.h"
#include "tests/profile_store/random_profiles.h"

namespace fovea::profile_store {
namespace {

Event done(EventType type, std::uint64_t item, std::int64_t time) {
  Event event;
  event.type = type;
  event.item = {ItemKey{item}, ""};
  event.event_time = TimeMs{time};
  return event;
}

std::vector<std::uint64_t> items(const Behaviour& behaviour) {
  std::vector<std::uint64_t> keys;
  for (const HistoryEntry& entry : behaviour.history) keys.push_back(value(entry.item));
  return keys;
}

std::vector<std::uint64_t> owned(const Behaviour& behaviour) {
  std::vector<std::uint64_t> keys;
  for (const OwnItem& own_item : behaviour.own_items) keys.push_back(value(own_item.item));
  return keys;
}

using Keys = std::vector<std::uint64_t>;

TEST(Fold, KeepsHistoryInOrderOfEventTime) {
  Behaviour behaviour;
  for (const auto& [item, time] : {std::pair{1, 100}, {2, 300}, {3, 200}}) {
    fold({}, done(EventType::kView, static_cast<std::uint64_t>(item), time), 0, behaviour);
  }

  EXPECT_EQ(items(behaviour), (Keys{1, 3, 2}));
}

TEST(Fold, BreaksTiesByArrival) {
  Behaviour behaviour;
  for (std::uint64_t item = 1; item <= 3; ++item) {
    fold({}, done(EventType::kView, item, 100), 0, behaviour);
  }

  EXPECT_EQ(items(behaviour), (Keys{1, 2, 3}));
  EXPECT_EQ(owned(behaviour), (Keys{1, 2, 3}));
}

TEST(Fold, AnItemHadAgainAtTheSameTimeIsTheLatest) {
  Behaviour behaviour;
  for (const std::uint64_t item : {1U, 2U, 1U}) {
    fold({}, done(EventType::kView, item, 100), 0, behaviour);
  }

  EXPECT_EQ(owned(behaviour), (Keys{2, 1}));
  EXPECT_EQ(behaviour.own_items.back().count, 2U);
}

TEST(Fold, AFullCountStaysFull) {
  constexpr std::uint32_t kFull = std::numeric_limits<std::uint32_t>::max();
  Behaviour behaviour;
  behaviour.event_count = kFull;
  behaviour.own_items = {{ItemKey{1}, TimeMs{50}, kFull}};
  fold({}, done(EventType::kView, 1, 100), 0, behaviour);

  EXPECT_EQ(behaviour.event_count, kFull);
  EXPECT_EQ(behaviour.own_items.back().count, kFull);
}

TEST(Fold, KeepsNoMoreContextThanItsLimit) {
  FoldSettings settings;
  settings.context_fields_max = 2;
  settings.context_fields = {"a", "b", "c"};
  Event event = done(EventType::kView, 1, 100);
  event.context = {{"a", 1.0}, {"b", 2.0}, {"c", 3.0}};
  Behaviour behaviour;
  fold(settings, event, 0, behaviour);

  ASSERT_EQ(behaviour.context.size(), 2U);
  EXPECT_EQ(behaviour.context[1].name, "b");
}

TEST(Fold, DropsTheOldestEntryBeyondTheLimit) {
  const FoldSettings settings = {.history_max = 2, .context_fields = {}};
  Behaviour behaviour;
  for (std::uint64_t item = 1; item <= 3; ++item) {
    fold(settings, done(EventType::kView, item, static_cast<std::int64_t>(item)), 0, behaviour);
  }
  fold(settings, done(EventType::kView, 9, 0), 0, behaviour);

  EXPECT_EQ(items(behaviour), (Keys{2, 3}));
  EXPECT_EQ(behaviour.event_count, 4U);
}

TEST(Fold, TakesStrengthFromTheValueElseOne) {
  Behaviour behaviour;
  Event rated = done(EventType::kRate, 1, 1);
  rated.value = 4.5F;
  fold({}, rated, 0, behaviour);
  fold({}, done(EventType::kView, 2, 2), 0, behaviour);

  EXPECT_EQ(behaviour.history[0].strength, 4.5F);
  EXPECT_EQ(behaviour.history[1].strength, 1.0F);
}

TEST(Fold, LeavesImpressionsAndSearchesOutOfHistoryButCountsThem) {
  Behaviour behaviour;
  fold({}, done(EventType::kImpression, 1, 10), 0, behaviour);
  fold({}, done(EventType::kSearch, 2, 20), 0, behaviour);

  EXPECT_TRUE(behaviour.history.empty());
  EXPECT_TRUE(behaviour.own_items.empty());
  EXPECT_EQ(behaviour.event_count, 0U);
  EXPECT_EQ(behaviour.counters[static_cast<std::size_t>(EventType::kImpression)],
            (DecayedCounter{1.0F, TimeMs{10}}));
  EXPECT_EQ(behaviour.counters[static_cast<std::size_t>(EventType::kSearch)],
            (DecayedCounter{1.0F, TimeMs{20}}));
}

TEST(Fold, IsNotChangedByWhatIsSaid) {
  for (const EventType type : {EventType::kRequest, EventType::kIdentify, EventType::kForget}) {
    Behaviour behaviour;
    fold({}, done(EventType::kView, 1, 10), 5, behaviour);
    const Behaviour before = behaviour;

    fold({}, done(type, 2, 20), 6, behaviour);

    EXPECT_EQ(behaviour, before) << name(type);
  }
}

TEST(Fold, ChangesNothingForAnEventIdItRemembers) {
  Behaviour behaviour;
  EXPECT_EQ(fold({}, done(EventType::kView, 1, 10), 77, behaviour), FoldOutcome::kFolded);
  const Behaviour before = behaviour;

  EXPECT_EQ(fold({}, done(EventType::kPurchase, 2, 20), 77, behaviour), FoldOutcome::kDuplicate);
  EXPECT_EQ(behaviour, before);
}

TEST(Fold, ForgetsTheOldestEventIdBeyondTheLimit) {
  const FoldSettings settings = {.event_ids_max = 2, .context_fields = {}};
  Behaviour behaviour;
  for (const std::uint64_t id : {1U, 2U, 3U}) {
    fold(settings, done(EventType::kView, 1, 1), id, behaviour);
  }

  EXPECT_EQ(behaviour.recent_event_ids, (Keys{2, 3}));
  EXPECT_EQ(fold(settings, done(EventType::kView, 1, 1), 1, behaviour), FoldOutcome::kFolded);
}

TEST(Fold, OwnsEveryItemHadLeastRecentlyHadFirst) {
  Behaviour behaviour;
  for (const auto& [item, time] : {std::pair{1, 100}, {2, 200}, {1, 300}, {3, 250}}) {
    fold({}, done(EventType::kPurchase, static_cast<std::uint64_t>(item), time), 0, behaviour);
  }

  EXPECT_EQ(owned(behaviour), (Keys{2, 3, 1}));
  EXPECT_EQ(behaviour.own_items[2], (OwnItem{ItemKey{1}, TimeMs{300}, 2}));
}

TEST(Fold, ALateEventAddsToAnOwnItemsCountAndLeavesItsTime) {
  Behaviour behaviour;
  fold({}, done(EventType::kView, 1, 300), 0, behaviour);
  fold({}, done(EventType::kView, 1, 100), 0, behaviour);

  EXPECT_EQ(behaviour.own_items, (std::vector<OwnItem>{{ItemKey{1}, TimeMs{300}, 2}}));
}

TEST(Fold, KeepsOnlyDeclaredContextInDeclaredOrder) {
  const FoldSettings settings = {.context_fields = {"hour", "device"}};
  Event event = done(EventType::kView, 1, 10);
  event.context = {{"device", std::string("tv")}, {"secret", 1.0}, {"hour", 7.0}};
  Behaviour behaviour;
  fold(settings, event, 0, behaviour);

  EXPECT_EQ(behaviour.context,
            (std::vector<ContextField>{{"hour", 7.0}, {"device", std::string("tv")}}));
}

TEST(Fold, ContextIsThatOfTheNewestEventByEventTime) {
  const FoldSettings settings = {.context_fields = {"hour"}};
  Behaviour behaviour;
  Event event = done(EventType::kView, 1, 100);
  event.context = {{"hour", 7.0}};
  fold(settings, event, 0, behaviour);
  event = done(EventType::kSearch, 0, 50);
  event.context = {{"hour", 3.0}};
  fold(settings, event, 0, behaviour);
  EXPECT_EQ(behaviour.context, (std::vector<ContextField>{{"hour", 7.0}}));

  fold(settings, done(EventType::kImpression, 0, 100), 0, behaviour);
  EXPECT_TRUE(behaviour.context.empty()) << "the newest one, which came with none";
}

TEST(Fold, ACounterHalvesInItsHalfLife) {
  const FoldSettings settings = {.counter_half_life_s = 10, .context_fields = {}};
  Behaviour behaviour;
  fold(settings, done(EventType::kView, 1, 0), 0, behaviour);
  fold(settings, done(EventType::kView, 1, 10'000), 0, behaviour);

  EXPECT_EQ(behaviour.counters[0], (DecayedCounter{1.5F, TimeMs{10'000}}));
}

TEST(Fold, DecayNeverRunsBackwards) {
  const FoldSettings settings = {.counter_half_life_s = 10, .context_fields = {}};
  Behaviour behaviour;
  fold(settings, done(EventType::kView, 1, 20'000), 0, behaviour);
  fold(settings, done(EventType::kView, 1, 0), 0, behaviour);

  EXPECT_EQ(behaviour.counters[0], (DecayedCounter{1.25F, TimeMs{20'000}}));
}

TEST(Fold, StandsTheLargestDistanceInTime) {
  Behaviour behaviour;
  fold({}, done(EventType::kView, 1, INT64_MAX), 0, behaviour);
  fold({}, done(EventType::kView, 1, INT64_MIN), 0, behaviour);
  fold({}, done(EventType::kView, 1, INT64_MAX), 0, behaviour);

  EXPECT_EQ(behaviour.counters[0], (DecayedCounter{2.0F, TimeMs{INT64_MAX}}));
  EXPECT_TRUE(decode_profile(encode_profile({behaviour, {}, {}, {}})).has_value());
}

TEST(Fold, ARecordAtOrBelowAppliedIsKnown) {
  Behaviour behaviour;
  EXPECT_FALSE(already_applied(behaviour, 0));
  behaviour.applied = 7;
  EXPECT_TRUE(already_applied(behaviour, 7));
  EXPECT_FALSE(already_applied(behaviour, 8));
}

TEST(HalfPower, AgreesWithTheTruthAndIsExactAtWholeNumbers) {
  for (double x = 0.0; x < 40.0; x += 0.0137) {
    const double truth = std::exp2(-x);
    EXPECT_NEAR(half_power(x), truth, 1e-9 * truth) << x;
  }
  for (int n = 0; n < 900; ++n) EXPECT_EQ(half_power(n), std::ldexp(1.0, -n));
  EXPECT_EQ(half_power(1e300), 0.0);
}

TEST(HalfPower, HasTheseBits) {
  EXPECT_EQ(half_power(0.5), 0x1.6a09e667f3bcdp-1);
  EXPECT_EQ(half_power(0.3), 0x1.9fdf8bcdcbd01p-1);
  EXPECT_EQ(half_power(123.456), 0x1.75401a4843ccdp-124);
}

// Keeps every event and derives each part from the whole list, in the plainest way.
Behaviour slow_fold(const FoldSettings& settings, const std::vector<Event>& events) {
  Behaviour behaviour;
  std::vector<Event> ordered;
  for (const Event& event : events) {
    if (is_done(event.type)) ordered.push_back(event);
  }
  for (const Event& event : ordered) {
    DecayedCounter& counter = behaviour.counters[static_cast<std::size_t>(event.type)];
    const double half_life_ms = settings.counter_half_life_s * 1000;
    const auto age = static_cast<double>(milliseconds_between(counter.last_time, event.event_time));
    if (counter.value == 0.0F) {
      counter = {1.0F, event.event_time};
    } else if (age < 0) {
      counter.value = static_cast<float>(double{counter.value} + half_power(-age / half_life_ms));
    } else {
      counter.value =
          static_cast<float>(double{counter.value} * half_power(age / half_life_ms) + 1);
      counter.last_time = event.event_time;
    }
  }

  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const Event& a, const Event& b) { return a.event_time < b.event_time; });
  if (!ordered.empty()) {
    for (const std::string& declared : settings.context_fields) {
      for (const ContextField& field : ordered.back().context) {
        if (field.name == declared) behaviour.context.push_back(field);
      }
    }
  }
  std::map<ItemKey, std::pair<std::size_t, OwnItem>> own_items;
  for (const Event& event : ordered) {
    if (!enters_history(event.type)) continue;
    behaviour.history.push_back(
        {event.item.key, event.type, event.event_time, event.value.value_or(1.0F)});
    auto& [position, own_item] = own_items[event.item.key];
    position = ++behaviour.event_count;
    own_item = {event.item.key, event.event_time, own_item.count + 1};
  }
  if (behaviour.history.size() > settings.history_max) {
    behaviour.history.erase(
        behaviour.history.begin(),
        behaviour.history.end() - static_cast<std::ptrdiff_t>(settings.history_max));
  }
  std::map<std::size_t, OwnItem> by_position;
  for (const auto& [key, entry] : own_items) by_position.insert(entry);
  for (const auto& [position, own_item] : by_position) behaviour.own_items.push_back(own_item);
  return behaviour;
}

TEST(Fold, AgreesWithASlowFoldThatKeepsEverything) {
  Generator generate(test_seed());
  FoldSettings settings = small_settings();
  settings.own_items_max = 1000;
  for (int round = 0; round < 300; ++round) {
    std::vector<Event> events;
    Behaviour behaviour;
    for (std::uint64_t i = generate.below(80); i > 0; --i) {
      events.push_back(generate.event());
      fold(settings, events.back(), 0, behaviour);
    }

    ASSERT_EQ(behaviour, slow_fold(settings, events)) << "round " << round;
  }
}

TEST(Fold, TheSameEventsGiveTheSameBytes) {
  const std::uint64_t seed = test_seed();
  Generator first(seed);
  Generator second(seed);

  EXPECT_EQ(encode_profile(first.profile(small_settings(), 200, 64)),
            encode_profile(second.profile(small_settings(), 200, 64)));
}

TEST(Fold, StaysWithinItsBounds) {
  Generator generate(test_seed());
  const FoldSettings settings = small_settings();
  Behaviour behaviour;
  for (int i = 0; i < 2000; ++i) {
    fold(settings, generate.event(), 1 + generate.below(5000), behaviour);

    ASSERT_LE(behaviour.history.size(), settings.history_max);
    ASSERT_LE(behaviour.own_items.size(), settings.own_items_max);
    ASSERT_LE(behaviour.recent_event_ids.size(), settings.event_ids_max);
    ASSERT_TRUE(std::is_sorted(
        behaviour.own_items.begin(), behaviour.own_items.end(),
        [](const OwnItem& a, const OwnItem& b) { return a.last_time < b.last_time; }));
  }
}

}  // namespace
}  // namespace fovea::profile_store
