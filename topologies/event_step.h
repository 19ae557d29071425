#pragma once

// One event meets one profile: what it teaches, and what the profile is afterwards.
//
// The only place where an event is folded, so that serving, replay and evaluation cannot differ.
// The example is made from the behaviour before the event: the model never sees what it is asked
// to predict.

#include <optional>

#include "profile_store/fold.h"
#include "scorer/model_settings.h"
#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"

namespace fovea::topologies {

struct Config;

struct EventStep {
  profile_store::FoldOutcome outcome = profile_store::FoldOutcome::kFolded;
  bool late = false;               // beyond the configured lateness: folded, not learned from
  std::optional<Example> example;  // absent where the event teaches nothing
};

// Folds `event` into `behaviour`. `highest` is the highest event time of the input partition so
// far, and is moved along. The caller sets `behaviour.applied` once the whole record is folded.
[[nodiscard]] EventStep step_event(const Config& config, const Event& event, UserKey user,
                                   TimeMs& highest, Behaviour& behaviour);

// True for the types that [events.learn] names.
[[nodiscard]] bool teaches(const scorer::ModelSettings& settings, EventType type);

}  // namespace fovea::topologies
