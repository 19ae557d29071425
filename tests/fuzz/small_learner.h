#pragma once

// A learner small enough to be restored for every input, and what is asked of whatever it became.

#include <cmath>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "scorer/learner.h"
#include "scorer/slate_scorer.h"
#include "tests/scorer/small_stream.h"
#include "vocab/assert.h"
#include "vocab/recommendation.h"

namespace fovea::fuzz {

inline scorer::ModelSettings tiny_settings() {
  scorer::ModelSettings settings = scorer::small_settings();
  settings.dim = 4;
  settings.context_fields = {"device"};
  settings.history_max = 6;
  settings.example_history_max = 4;
  settings.negatives = 4;
  settings.transition_row_max = 6;
  settings.pair_rows = 4;
  settings.neighbour_ring = 16;
  settings.recent_items_max = 100;
  settings.warmup_examples = 5;
  return settings;
}

// Bytes of a learner that has folded a little of everything.
inline const std::string& trained_snapshot() {
  static const std::string bytes = [] {
    const auto learner = scorer::new_learner(tiny_settings());
    scorer::SmallStream stream(tiny_settings());
    scorer::fold(*learner, stream, 120);
    return learner->snapshot();
  }();
  return bytes;
}

// Scores a slate for a user who has had `item`, with every part of its explanation.
inline std::vector<RecommendedItem> slate_after(const scorer::Learner& learner, ItemKey item) {
  static scorer::SlateScorer scorer(tiny_settings());
  Behaviour behaviour;
  behaviour.history = {{item, EventType::kClick, TimeMs{1'700'000'000'000}, 1.0F},
                       {scorer::small_key(3), EventType::kClick, TimeMs{1'700'000'060'000}, 1.0F}};
  behaviour.event_count = 2;
  behaviour.own_items = {{item, TimeMs{1'700'000'000'000}, 1}};
  behaviour.context = {{"device", std::string("phone")}, {"hour", 7.0}};
  scorer::SlateRequest request;
  request.now = TimeMs{1'700'000'120'000};
  request.explain = scorer::ExplainLevel::kFull;
  const scorer::ModelView view = learner.view();
  return scorer.slate(*view, behaviour, request);
}

}  // namespace fovea::fuzz
