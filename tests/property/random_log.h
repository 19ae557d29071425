#pragma once

// A made-up learning log out of generated steps, and settings to learn it with. Users' behaviours
// are folded as the profile store folds them, so that examples are what a process would write.

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "profile_store/fold.h"
#include "scorer/example.h"
#include "scorer/learner.h"
#include "scorer/model_settings.h"
#include "tests/scorer/small_stream.h"
#include "tests/support/generators.h"

namespace fovea::scorer {

struct RandomLog {
  RandomLog(const ModelSettings& model_settings, const std::vector<generate::LogStep>& steps)
      : settings(model_settings), users(4) {
    fold_settings.history_max = 40;
    fold_settings.own_items_max = 20;
    fold_settings.context_fields = settings.context_fields;
    for (const generate::LogStep& step : steps) add(step);
  }

  [[nodiscard]] TimeMs now() const { return TimeMs{now_ms}; }

  ModelSettings settings;
  profile_store::FoldSettings fold_settings;
  std::vector<Behaviour> users;
  std::vector<LearningRecord> records;
  std::int64_t now_ms = 1'700'000'000'000;  // of the newest step

 private:
  void add(const generate::LogStep& step) {
    using Kind = generate::LogStep::Kind;
    LearningRecord record;
    if (step.kind == Kind::kAnnouncement || step.kind == Kind::kRemoval) {
      ItemChange change;
      change.item.item = small_item(step.item);
      change.removed = step.kind == Kind::kRemoval;
      if (!change.removed) describe(step, change.item);
      record.source = {"items", 0, static_cast<Offset>(records.size()), 0};
      record.body = std::move(change);
    } else {
      Behaviour& behaviour = users[step.user % users.size()];
      Event event = event_of(step);
      if (settings.exclude_seen && had(behaviour, event.item.key)) return;  // nobody chooses twice
      Example example = make_example(settings, behaviour, event, UserKey{step.user});
      example.count_only = step.count_only;
      record.source = {"events", static_cast<Partition>(step.user % 3),
                       static_cast<Offset>(records.size()), 0};
      record.body = std::move(example);
      (void)profile_store::fold(fold_settings, event, 0, behaviour);
    }
    records.push_back(std::move(record));
  }

  // Few words, so that items are alike; now and then a vector.
  static void describe(const generate::LogStep& step, Item& item) {
    item.title = "title " + std::to_string(step.circumstances);
    if (step.item % 3 == 0) item.categories = {"group " + std::to_string(step.item % 2)};
    if (step.item % 4 == 1) {
      item.vectors = {{"image", {1.0F, static_cast<float>(step.circumstances) - 1.5F}}};
    }
  }

  Event event_of(const generate::LogStep& step) {
    Event event;
    const std::int64_t time = now_ms + std::int64_t{step.gap_s} * 1000;
    now_ms = std::max(now_ms, time);
    event.event_time = TimeMs{time};
    event.type =
        step.kind == generate::LogStep::Kind::kRefusal ? EventType::kDislike : EventType::kClick;
    event.item = small_item(step.item);
    if ((step.circumstances & 1U) != 0) event.context.push_back({"device", std::string("phone")});
    if ((step.circumstances & 2U) != 0) {
      event.context.push_back({"hour", static_cast<double>(step.circumstances)});
    }
    return event;
  }

  static bool had(const Behaviour& behaviour, ItemKey item) {
    return std::any_of(behaviour.own_items.begin(), behaviour.own_items.end(),
                       [item](const OwnItem& own) { return own.item == item; });
  }
};

// Small ones, so that every bound is met: vectors of 1 to 40 numbers, rows of a few entries.
inline ModelSettings random_settings() {
  namespace gen = rc::gen;
  ModelSettings settings = small_settings();
  settings.dim = *gen::element(1, 2, 15, 16, 17, 40);
  settings.history_max = *gen::inRange(1, 31);
  settings.example_history_max = *gen::inRange(1, settings.history_max + 1);
  settings.half_life_s = *gen::element(1.0, 60.0, 3600.0, 1e7);
  settings.exclude_seen = *gen::arbitrary<bool>();
  settings.negatives = *gen::inRange(2, 20);
  settings.transition_row_max = *gen::inRange(1, 8);
  settings.pair_rows = *gen::element(1, 8, 64);
  settings.neighbour_ring = *gen::element(1, 2, 16, 256);
  settings.recent_items_max = *gen::element(100, 1000);
  settings.items_max = *gen::element(4, 10, kItemsMaxDefault);
  settings.warmup_examples = *gen::inRange(0, 5);
  const auto on = [] { return *gen::weightedElement<bool>({{5, true}, {1, false}}); };
  settings.parts.learning = on();
  settings.parts.attention = on();
  settings.parts.memory = on();
  settings.parts.pairs = on();
  settings.parts.neighbours = on();
  settings.parts.repeat = on();
  settings.parts.content = on();
  settings.parts.ranking = on();
  return settings;
}

inline RandomLog random_log(const ModelSettings& settings, int most = 200) {
  return RandomLog(settings, *generate::log_steps(most));
}

inline void fold_range(Learner& learner, const std::vector<LearningRecord>& records,
                       std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i) fold(learner, records[i], static_cast<Offset>(i));
}

// A learner that has folded the whole log.
inline std::unique_ptr<Learner> learned(const RandomLog& log,
                                        KernelLevel level = fastest_kernel_level()) {
  auto learner = new_learner(log.settings, level);
  fold_range(*learner, log.records, 0, log.records.size());
  return learner;
}

}  // namespace fovea::scorer
