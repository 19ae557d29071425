#pragma once

// What an event teaches, as the learning log carries it: (profile before the event, event) ->
// example.

#include "scorer/model_settings.h"
#include "vocab/event.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"

namespace fovea::scorer {

// Requires: the event is of a positive or negative type and `before` is the behaviour without it.
[[nodiscard]] Example make_example(const ModelSettings& settings, const Behaviour& before,
                                   const Event& event, UserKey user);

}  // namespace fovea::scorer
