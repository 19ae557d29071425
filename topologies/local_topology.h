#pragma once

// The whole topology in one thread: profiles and learning log in memory.
//
// What replay, dry runs and the demo stand on. It runs the pipeline and the learner that `run`
// does; only the world around them is missing. Positions of the learning log are the ordinals of
// its records.
//
// Threads   Not thread-safe.

#include <functional>
#include <memory>
#include <span>
#include <string>

#include "profile_store/profile_store.h"
#include "scorer/kernels.h"
#include "scorer/learner.h"
#include "topologies/config.h"
#include "topologies/pipeline.h"
#include "topologies/withdrawn_items.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct LocalSettings {
  const Clock* clock = nullptr;  // absent: emission time is event time, nothing is too old
  scorer::KernelLevel kernels = scorer::fastest_kernel_level();
  // Told of every record of the learning log, in order; may be empty.
  std::function<Result<void>(const LearningRecord&)> on_learning;
};

class LocalTopology {
 public:
  // Errors: kStop naming the setting at fault.
  [[nodiscard]] static Result<LocalTopology> create(const Config& config, LocalSettings settings);

  // Folds, scores, commits and learns one batch; the next batch sees what this one taught. So the
  // cut into batches is part of the input.
  [[nodiscard]] Result<Effects> step(std::span<const ingest::SourceRecord> batch);

  [[nodiscard]] const PipelineCounts& counts() const { return pipeline_->counts(); }
  [[nodiscard]] const scorer::Learner& learner() const { return *learner_; }
  [[nodiscard]] profile_store::ProfileStore& store() { return *store_; }

 private:
  LocalTopology() = default;

  [[nodiscard]] Result<void> learn(const std::vector<LearningRecord>& records);

  LocalSettings settings_;
  std::unique_ptr<WithdrawnItems> withdrawn_;
  std::unique_ptr<scorer::Learner> learner_;
  std::unique_ptr<profile_store::ProfileStore> store_;
  std::unique_ptr<Pipeline> pipeline_;
  Offset learning_next_ = 0;
};

}  // namespace fovea::topologies
