#pragma once

// The figures of an evaluation as a table to paste and as JSON.

#include <string>

#include "topologies/commands.h"
#include "topologies/config.h"
#include "topologies/evaluation.h"

namespace fovea::topologies {

// What a run was, and what came of it.
struct EvaluationSummary {
  std::string topology;
  EvaluateOptions options;
  scorer::Parts parts;
  double half_life_s = 0;
  EvaluationFigures figures;
  std::vector<Interval> ratios;  // 95 % interval of model / baseline in NDCG@10, one a baseline
  std::uint64_t model_items = 0;
  std::uint64_t examples = 0;
  std::uint64_t model_id = 0;
  std::uint64_t digest = 0;
};

[[nodiscard]] EvaluationSummary summarise(const Config& config, const EvaluateOptions& options,
                                          const Evaluation& evaluation);

// For a progress bar: the model beside the best baseline so far.
[[nodiscard]] std::string running_figures(const EvaluationFigures& figures);

// Ends with a newline.
[[nodiscard]] std::string evaluation_table(const EvaluationSummary& summary);

// One object, ends with a newline. topologies/README.md says what is in it.
[[nodiscard]] std::string evaluation_json(const EvaluationSummary& summary);

}  // namespace fovea::topologies
