#include "topologies/local_topology.h"

#include <utility>

#include "profile_store/memory_profile_store.h"
#include "vocab/assert.h"

namespace fovea::topologies {

Result<LocalTopology> LocalTopology::create(const Config& config, LocalSettings settings) {
  LocalTopology local;
  local.settings_ = std::move(settings);
  local.withdrawn_ = std::make_unique<WithdrawnItems>();
  local.store_ = profile_store::make_memory_profile_store();

  auto learner = scorer::Learner::create(config.model, local.settings_.kernels);
  if (!learner) return learner.error();
  local.learner_ = *std::move(learner);

  PipelineSettings pipeline;
  pipeline.clock = local.settings_.clock;
  pipeline.kernels = local.settings_.kernels;
  pipeline.withdrawn = [items = local.withdrawn_.get()] { return items->mask(); };
  pipeline.on_item = [items = local.withdrawn_.get()](const ItemChange& change) {
    items->note(change);
  };
  auto created = Pipeline::create(config, std::move(pipeline));
  if (!created) return created.error();
  local.pipeline_ = std::make_unique<Pipeline>(*std::move(created));
  return local;
}

Result<Effects> LocalTopology::step(std::span<const ingest::SourceRecord> batch) {
  auto effects = pipeline_->process(batch, *store_, *learner_->view());
  if (!effects) return effects.error();
  const Interval interval = pipeline_->close_interval();
  if (const auto stored = store_->apply(interval.batch); !stored) return stored.error();
  if (const auto learned = learn(effects->learning); !learned) return learned.error();
  return effects;
}

Result<void> LocalTopology::learn(const std::vector<LearningRecord>& records) {
  if (records.empty()) return {};
  for (const LearningRecord& record : records) {
    if (settings_.on_learning) {
      if (auto kept = settings_.on_learning(record); !kept) return kept;
    }
    if (const auto folded = learner_->fold(record, learning_next_++); !folded) {
      return folded.error();
    }
  }
  pipeline_->settle_learning(learning_next_ - 1);
  // One thread: nobody can be holding the retired view.
  FOVEA_ASSERT(learner_->publish());
  return {};
}

}  // namespace fovea::topologies
