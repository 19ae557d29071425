#pragma once

// A made-up stream with something to learn: items come in groups, a user stays in a group for a
// while, the item after item i is often i + 1 of the same group, and users come back to what they
// had. Same seed, same records, on every machine.

#include <algorithm>
#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "scorer/example.h"
#include "scorer/learner.h"
#include "scorer/model_settings.h"
#include "scorer/random.h"
#include "vocab/assert.h"

namespace fovea::scorer {

inline ModelSettings small_settings() {
  ModelSettings settings;
  settings.topology = "small";
  settings.dim = 16;
  settings.history_max = 30;
  settings.half_life_s = 600;
  settings.negatives = 16;
  settings.transition_row_max = 20;
  settings.pair_rows = 64;
  settings.neighbour_ring = 256;
  settings.recent_items_max = 200;
  settings.warmup_examples = 20;
  settings.context_fields = {"device", "hour"};
  settings.positive.insert(EventType::kClick);
  settings.positive.insert(EventType::kPurchase);
  settings.negative.insert(EventType::kDislike);
  return settings;
}

// Keys are spread over 64 bits, as hashes are.
inline ItemKey small_key(std::uint64_t item) {
  return ItemKey{mix64(item + 1)};
}
inline ItemRef small_item(std::uint64_t item) {
  return {small_key(item), "item-" + std::to_string(item)};
}

struct SmallStream {
  static constexpr std::size_t kItems = 60;
  static constexpr std::size_t kGroup = 10;
  static constexpr std::size_t kUsers = 25;

  explicit SmallStream(const ModelSettings& model_settings, std::uint64_t seed = 1)
      : settings(model_settings), random(seed, 0), users(kUsers), last_item(kUsers, kItems) {}

  // Folds an event into the user's behaviour as the profile store would.
  void apply(Behaviour& behaviour, const Event& event) const {
    behaviour.history.push_back({event.item.key, event.type, event.event_time, 1.0F});
    if (behaviour.history.size() > 100) behaviour.history.erase(behaviour.history.begin());
    ++behaviour.event_count;
    behaviour.context = event.context;
    OwnItem own{event.item.key, event.event_time, 1};
    const auto found =
        std::find_if(behaviour.own_items.begin(), behaviour.own_items.end(),
                     [&](const OwnItem& known) { return known.item == event.item.key; });
    if (found != behaviour.own_items.end()) {
      own.count += found->count;
      behaviour.own_items.erase(found);
    }
    behaviour.own_items.push_back(own);
  }

  // The next event and who it is of; behaviour is as before it.
  std::pair<Event, std::size_t> next_event() {
    const std::size_t user = random.below(kUsers);
    const Behaviour& before = users[user];
    now_ms += 1000 + random.below(20'000);
    Event event;
    event.user.value = "user-" + std::to_string(user);
    event.event_time = TimeMs{now_ms};
    event.record_time = event.event_time;
    event.type = random.below(12) == 0 ? EventType::kDislike : EventType::kClick;
    std::uint64_t item = random.below(kItems);
    const float dice = random.uniform();
    if (last_item[user] < kItems) {
      const std::uint64_t last = last_item[user];
      const std::uint64_t group = last / kGroup * kGroup;
      if (dice < .5F)
        item = group + (last + 1) % kGroup;
      else if (dice < .8F)
        item = group + random.below(kGroup);
      else if (dice < .9F && !settings.exclude_seen)
        item = last;
    }
    if (settings.exclude_seen) {
      // Nobody chooses twice; who has had everything starts anew.
      if (before.own_items.size() >= kItems / 2) users[user] = Behaviour{};
      while (std::any_of(users[user].own_items.begin(), users[user].own_items.end(),
                         [&](const OwnItem& own) { return own.item == small_key(item); })) {
        item = (item + 1) % kItems;
      }
    }
    if (event.type == EventType::kClick) last_item[user] = item;
    event.item = small_item(item);
    if (random.below(3) != 0) {
      event.context.push_back({"device", std::string(random.below(2) == 0 ? "phone" : "desk")});
    }
    if (random.below(2) != 0)
      event.context.push_back({"hour", static_cast<double>(now_ms / 3'600'000 % 24)});
    return {event, user};
  }

  LearningRecord record_of(const Event& event, std::size_t user) {
    LearningRecord record;
    record.source = {"events", static_cast<Partition>(user % 3), static_cast<Offset>(++offset), 0};
    record.body = make_example(settings, users[user], event, UserKey{user});
    return record;
  }

  // The next record; the user's behaviour moves on.
  LearningRecord next() {
    if (++records % 50 == 0) {
      // Now and then the catalogue says something.
      LearningRecord record;
      record.source = {"items", 0, static_cast<Offset>(records), 0};
      ItemChange change;
      const std::uint64_t item = random.below(kItems);
      change.item.item = small_item(item);
      change.item.title = "title of " + std::to_string(item);
      change.item.categories = {"group-" + std::to_string(item / kGroup)};
      change.item.attributes = {{"price", 9.5}, {"colour", std::string("blue")}};
      record.body = std::move(change);
      return record;
    }
    const auto [event, user] = next_event();
    LearningRecord record = record_of(event, user);
    apply(users[user], event);
    return record;
  }

  [[nodiscard]] TimeMs now() const { return TimeMs{now_ms}; }

  ModelSettings settings;
  Random random;
  std::vector<Behaviour> users;
  std::vector<std::uint64_t> last_item;  // of each user; kItems: none yet
  std::int64_t now_ms = 1'700'000'000'000;
  std::uint64_t offset = 0;
  std::uint64_t records = 0;
};

inline std::unique_ptr<Learner> new_learner(const ModelSettings& settings,
                                            KernelLevel level = fastest_kernel_level()) {
  auto learner = Learner::create(settings, level);
  FOVEA_ASSERT(learner.has_value());
  return std::move(*learner);
}

inline void fold(Learner& learner, const LearningRecord& record, Offset position) {
  FOVEA_ASSERT(learner.fold(record, position).has_value());
}

// Folds `count` records at positions from `position` on.
inline void fold(Learner& learner, SmallStream& stream, int count, Offset position = 0) {
  for (int i = 0; i < count; ++i) fold(learner, stream.next(), position + i);
}

inline std::vector<KernelLevel> supported_levels() {
  std::vector<KernelLevel> levels;
  for (const auto level : {KernelLevel::kPortable, KernelLevel::kAvx2, KernelLevel::kAvx512}) {
    if (supported(level)) levels.push_back(level);
  }
  return levels;
}

}  // namespace fovea::scorer
