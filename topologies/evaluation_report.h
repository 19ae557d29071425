#pragma once

// The figures of an evaluation as a table to paste and as JSON.

#include <string>

#include "topologies/commands.h"
#include "topologies/config.h"
#include "topologies/evaluation.h"

namespace fovea::topologies {

// Ends with a newline.
[[nodiscard]] std::string evaluation_table(const Config& config, const EvaluateOptions& options,
                                           const Evaluation& evaluation);

// One object, ends with a newline.
[[nodiscard]] std::string evaluation_json(const Config& config, const EvaluateOptions& options,
                                          const Evaluation& evaluation);

}  // namespace fovea::topologies
