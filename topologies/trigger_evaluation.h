#pragma once

// Served slates against the evaluator, at exactly the triggers that were served.

#include "topologies/commands.h"
#include "topologies/config.h"
#include "vocab/result.h"

namespace fovea::topologies {

// What `fovea evaluate --triggers DUMP` does. `options.events` is a dump of the input topic and
// `options.triggers` one of the recommendations, both as `kcat -C -J` writes them.
//
// At each trigger, in the state just after it, the user's next scorable event (by offset in the
// trigger's partition) is the target: a hit of the served slate if the slate holds it, a hit of
// the evaluator if it ranks it among the first ten. Both count only where the item had been chosen
// before by anybody.
//
// Errors: kStop naming the dump and the line at fault.
[[nodiscard]] Result<void> evaluate_triggers(const Config& config, const EvaluateOptions& options);

}  // namespace fovea::topologies
