// The laws of the fold, for any events: what order, repetition, lateness and bounds may do.

#include "profile_store/fold.h"

#include <algorithm>
#include <map>
#include <set>

#include "profile_store/profile_codec.h"
#include "tests/support/generators.h"
#include "tests/support/property.h"

namespace fovea::profile_store {
namespace {

using generate::small_event;
using Events = std::vector<Event>;

rc::Gen<Events> events() {
  return rc::gen::container<Events>(small_event());
}

rc::Gen<FoldSettings> settings() {
  return rc::gen::map(
      rc::gen::tuple(rc::gen::inRange<std::size_t>(1, 12), rc::gen::inRange<std::size_t>(1, 8),
                     rc::gen::inRange<std::size_t>(1, 6), rc::gen::inRange(1, 100)),
      [](const std::tuple<std::size_t, std::size_t, std::size_t, int>& drawn) {
        FoldSettings made;
        made.history_max = std::get<0>(drawn);
        made.own_items_max = std::get<1>(drawn);
        made.event_ids_max = std::get<2>(drawn);
        made.counter_half_life_s = std::get<3>(drawn);
        made.context_fields = {"hour", "device"};
        return made;
      });
}

// Nothing is dropped within a property's events.
FoldSettings unbounded() {
  FoldSettings made;
  made.history_max = made.own_items_max = made.event_ids_max = 1000;
  made.counter_half_life_s = 20;
  made.context_fields = {"hour", "device"};
  return made;
}

std::uint64_t id_hash(const Event& event) {
  return event.id.empty() ? 0 : 1 + std::hash<std::string>{}(event.id) % 1'000'000;
}

// Folds the event at `at` of a log, unless it is known.
void fold_at(const FoldSettings& with, const Event& event, Offset at, Behaviour& behaviour) {
  if (already_applied(behaviour, at)) return;
  (void)fold(with, event, id_hash(event), behaviour);
  behaviour.applied = at;
}

Behaviour folded(const FoldSettings& with, const Events& log) {
  Behaviour behaviour;
  for (std::size_t at = 0; at < log.size(); ++at) {
    fold_at(with, log[at], static_cast<Offset>(at), behaviour);
  }
  return behaviour;
}

Events without_ids(Events log) {
  for (Event& event : log) event.id.clear();
  return log;
}

TEST(FoldLaw, AnyPrefixMayBeReadAgainAtAnyMoment) {
  expect_holds([] {
    const FoldSettings with = *settings();
    const Events log = *events();
    const auto size = static_cast<int>(log.size());
    // A start over: from an offset before what was reached.
    const auto restarts = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(0, size + 1), rc::gen::inRange(0, size + 1)));
    Behaviour behaviour;
    std::size_t reached = 0;
    for (const auto& [to, from] : restarts) {
      for (; reached < static_cast<std::size_t>(to); ++reached) {
        fold_at(with, log[reached], static_cast<Offset>(reached), behaviour);
      }
      reached = std::min(reached, static_cast<std::size_t>(from));
    }
    for (; reached < log.size(); ++reached) {
      fold_at(with, log[reached], static_cast<Offset>(reached), behaviour);
    }
    RC_ASSERT(behaviour == folded(with, log));
  });
}

TEST(FoldLaw, HistoryIsInOrderOfEventTimeThenOfArrival) {
  expect_holds([] {
    const FoldSettings with = *settings();
    const Events log = without_ids(*events());
    std::vector<HistoryEntry> expected;
    for (const Event& event : log) {
      if (!enters_history(event.type)) continue;
      expected.push_back(
          {event.item.key, event.type, event.event_time, event.value.value_or(1.0F)});
    }
    std::stable_sort(expected.begin(), expected.end(),
                     [](const auto& a, const auto& b) { return a.time < b.time; });
    if (expected.size() > with.history_max) {
      expected.erase(expected.begin(),
                     expected.end() - static_cast<std::ptrdiff_t>(with.history_max));
    }
    RC_ASSERT(folded(with, log).history == expected);
  });
}

// What is distinct in time may come in any order; counters are sums of floats, and so are near.
TEST(FoldLaw, EventsOfDifferentTimesMayArriveInAnyOrder) {
  expect_holds([] {
    Events log = without_ids(*events());
    for (std::size_t i = 0; i < log.size(); ++i) {
      log[i].event_time = TimeMs{1'700'000'000'000 + static_cast<std::int64_t>(i) * 700};
    }
    const auto order = *rc::gen::container<std::vector<std::uint64_t>>(
        log.size(), rc::gen::arbitrary<std::uint64_t>());
    std::vector<std::size_t> places(log.size());
    for (std::size_t i = 0; i < places.size(); ++i) places[i] = i;
    std::stable_sort(places.begin(), places.end(),
                     [&](std::size_t a, std::size_t b) { return order[a] < order[b]; });
    Events shuffled;
    for (const std::size_t place : places) shuffled.push_back(log[place]);

    const Behaviour straight = folded(unbounded(), log);
    Behaviour mixed = folded(unbounded(), shuffled);
    for (std::size_t i = 0; i < mixed.counters.size(); ++i) {
      RC_ASSERT(mixed.counters[i].last_time == straight.counters[i].last_time);
      RC_ASSERT(std::abs(mixed.counters[i].value - straight.counters[i].value) <=
                1e-5F * straight.counters[i].value);
    }
    mixed.counters = straight.counters;
    RC_ASSERT(mixed == straight);
  });
}

TEST(FoldLaw, AnEventThatTheRingRemembersChangesNothing) {
  expect_holds([] {
    const FoldSettings with = *settings();
    Behaviour behaviour;
    std::vector<std::uint64_t> ring;  // in the plainest way
    for (const Event& event : *events()) {
      const std::uint64_t hash = id_hash(event);
      const Behaviour before = behaviour;
      const bool known =
          hash != 0 && is_done(event.type) && std::count(ring.begin(), ring.end(), hash) > 0;
      const FoldOutcome outcome = fold(with, event, hash, behaviour);
      RC_ASSERT((outcome == FoldOutcome::kDuplicate) == known);
      if (known || !is_done(event.type)) RC_ASSERT(behaviour == before);
      if (hash != 0 && is_done(event.type) && !known) ring.push_back(hash);
      if (ring.size() > with.event_ids_max) ring.erase(ring.begin());
      RC_ASSERT(behaviour.recent_event_ids == ring);
    }
  });
}

TEST(FoldLaw, OwnItemsAreTheMostRecentlyHadWithTheirCounts) {
  expect_holds([] {
    const Events log = without_ids(*events());
    std::map<ItemKey, OwnItem> had;
    for (const Event& event : log) {
      if (!enters_history(event.type)) continue;
      OwnItem& own = had.try_emplace(event.item.key, OwnItem{event.item.key, event.event_time, 0})
                         .first->second;
      own.last_time = std::max(own.last_time, event.event_time);
      ++own.count;
    }
    const Behaviour behaviour = folded(unbounded(), log);
    RC_ASSERT(behaviour.own_items.size() == had.size());
    for (const OwnItem& own : behaviour.own_items) RC_ASSERT(own == had.at(own.item));
  });
}

TEST(FoldLaw, OwnItemsBeyondTheirBoundLoseTheLeastRecentlyHad) {
  expect_holds([] {
    const FoldSettings with = *settings();
    Behaviour behaviour;
    for (const Event& event : without_ids(*events())) {
      const Behaviour before = behaviour;
      (void)fold(with, event, 0, behaviour);
      RC_ASSERT(behaviour.own_items.size() <= with.own_items_max);
      RC_ASSERT(std::is_sorted(
          behaviour.own_items.begin(), behaviour.own_items.end(),
          [](const OwnItem& a, const OwnItem& b) { return a.last_time < b.last_time; }));
      // At most one goes, and nothing that stays was had before it.
      std::set<ItemKey> now;
      for (const OwnItem& own : behaviour.own_items) now.insert(own.item);
      std::size_t gone = 0;
      for (const OwnItem& own : before.own_items) {
        if (now.contains(own.item)) continue;
        ++gone;
        RC_ASSERT(own.last_time <= behaviour.own_items.front().last_time);
      }
      RC_ASSERT(gone <= 1U);
    }
  });
}

TEST(FoldLaw, DecayNeverRunsBackwards) {
  expect_holds([] {
    const FoldSettings with = *settings();
    Behaviour behaviour;
    for (const Event& event : without_ids(*events())) {
      const Behaviour before = behaviour;
      (void)fold(with, event, 0, behaviour);
      for (std::size_t type = 0; type < behaviour.counters.size(); ++type) {
        const DecayedCounter& was = before.counters[type];
        const DecayedCounter& is = behaviour.counters[type];
        if (was.value == 0.0F) continue;
        RC_ASSERT(is.last_time >= was.last_time);
        // A late event adds at most one, and takes nothing away.
        if (is.last_time == was.last_time) RC_ASSERT(is.value >= was.value);
        RC_ASSERT(is.value <= was.value + 1.0F);
      }
    }
  });
}

TEST(FoldLaw, ACounterIsTheSumOfWhatIsLeftOfEachEvent) {
  expect_holds([] {
    const FoldSettings with = *settings();
    const Events log = without_ids(*events());
    const Behaviour behaviour = folded(with, log);
    for (std::size_t type = 0; type < behaviour.counters.size(); ++type) {
      const DecayedCounter& counter = behaviour.counters[type];
      double sum = 0.0;
      for (const Event& event : log) {
        if (static_cast<std::size_t>(event.type) != type || !is_done(event.type)) continue;
        const auto age_ms =
            static_cast<double>(milliseconds_between(event.event_time, counter.last_time));
        RC_ASSERT(age_ms >= 0.0);
        sum += std::exp2(-age_ms / (1000.0 * with.counter_half_life_s));
      }
      RC_ASSERT(std::abs(static_cast<double>(counter.value) - sum) <= 1e-5 * sum);
    }
  });
}

TEST(FoldLaw, ContextIsThatOfTheNewestEvent) {
  expect_holds([] {
    const FoldSettings with = *settings();
    const Events log = without_ids(*events());
    const Event* newest = nullptr;
    for (const Event& event : log) {
      if (!is_done(event.type)) continue;
      if (newest == nullptr || event.event_time >= newest->event_time) newest = &event;
    }
    std::vector<ContextField> expected;
    for (const std::string& name : with.context_fields) {
      if (newest == nullptr) break;
      for (const ContextField& field : newest->context) {
        if (field.name == name) expected.push_back(field);
      }
    }
    RC_ASSERT(folded(with, log).context == expected);
  });
}

// A user's profile depends on that user's events and their order, on nothing else.
TEST(FoldLaw, UsersMayBeInterleavedInAnyWay) {
  expect_holds([] {
    const FoldSettings with = *settings();
    const Events log = *events();
    std::map<UserId, Events> by_user;
    for (const Event& event : log) by_user[event.user].push_back(event);
    // Another order of the whole that keeps each user's own.
    std::map<UserId, std::size_t> next;
    std::map<UserId, Behaviour> found;
    const auto turns = *rc::gen::container<std::vector<std::size_t>>(
        log.size(), rc::gen::arbitrary<std::size_t>());
    for (const std::size_t turn : turns) {
      std::vector<const UserId*> waiting;
      for (const auto& [user, theirs] : by_user) {
        if (next[user] < theirs.size()) waiting.push_back(&user);
      }
      const UserId& user = *waiting[turn % waiting.size()];
      const std::size_t at = next[user]++;
      fold_at(with, by_user[user][at], static_cast<Offset>(at), found[user]);
    }
    for (const auto& [user, theirs] : by_user) RC_ASSERT(found[user] == folded(with, theirs));
  });
}

TEST(FoldLaw, WhatIsFoldedIsWhatIsStored) {
  expect_holds([] {
    const FoldSettings with = *settings();
    const Behaviour behaviour = folded(with, *events());
    const Result<Profile> stored = decode_profile(encode_profile({behaviour, {}, {}, {}}));
    RC_ASSERT(stored.has_value());
    RC_ASSERT(stored->behaviour == behaviour);
  });
}

}  // namespace
}  // namespace fovea::profile_store
