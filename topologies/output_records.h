#pragma once

// What a topology writes, as records of its topics.

#include "ingest/sink.h"
#include "topologies/config.h"
#include "topologies/model_topic.h"
#include "vocab/learning_record.h"
#include "vocab/recommendation.h"

namespace fovea::topologies {

// Keyed by user, as JSON, in the detail that slate.explain asks for.
[[nodiscard]] ingest::OutputRecord recommendation_record(const Config& config,
                                                         const Recommendation& recommendation);

// To the one partition of the learning log.
[[nodiscard]] ingest::OutputRecord learning_record(const Config& config,
                                                   const LearningRecord& learning);

// To the one partition of the model topic.
[[nodiscard]] ingest::OutputRecord model_record(const Config& config, const ModelKey& key,
                                                std::string value);

}  // namespace fovea::topologies
