#pragma once

// One event meets one profile: what it teaches, and what the profile is afterwards.
//
// The only place where an event is folded, so that serving, replay and evaluation cannot differ.
// The example is made from the behaviour before the event: the model never sees what it is asked
// to predict.

#include <cstdint>
#include <optional>

#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"

namespace fovea::topologies {

struct Config;

// What can be said of an event before it is folded.
struct EventVerdict {
  bool late = false;          // beyond the configured lateness: folded, not learned from
  bool duplicate = false;     // its id is still in the profile's ring: changes nothing
  bool teaches = false;       // neither, and of a type that [events.learn] names
  std::uint64_t id_hash = 0;  // 0 where it has no id
};

// `highest` is the highest event time of the input partition so far.
[[nodiscard]] EventVerdict judge_event(const Config& config, const Event& event, TimeMs highest,
                                       const Behaviour& behaviour);

// How much of what an event teaches counts, by its value and [events.learn.grade]: 0..1.
[[nodiscard]] float graded(const Config& config, const Event& event);

struct EventStep {
  EventVerdict verdict;
  std::optional<Example> example;  // absent where the event teaches nothing
};

// Folds `event` into `behaviour` and moves `highest` along. The caller sets `behaviour.applied`
// once the whole record is folded.
[[nodiscard]] EventStep step_event(const Config& config, const Event& event, UserKey user,
                                   TimeMs& highest, Behaviour& behaviour);

}  // namespace fovea::topologies
