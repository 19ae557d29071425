#include "topologies/output_records.h"

#include "ingest/recommendation_codec.h"
#include "scorer/learning_record_codec.h"

namespace fovea::topologies {

ingest::OutputRecord recommendation_record(const Config& config,
                                           const Recommendation& recommendation) {
  const auto detail = config.slate.explain == scorer::ExplainLevel::kFull
                          ? ingest::RecommendationDetail::kFull
                          : ingest::RecommendationDetail::kBrief;
  ingest::OutputRecord record;
  record.topic = config.topics.recommendations;
  record.key = recommendation.user.value;
  record.value = ingest::encode_recommendation(recommendation, detail);
  return record;
}

ingest::OutputRecord learning_record(const Config& config, const LearningRecord& learning) {
  ingest::OutputRecord record;
  record.topic = config.topics.learning;
  record.partition = 0;
  record.value = scorer::encode_learning_record(learning);
  return record;
}

ingest::OutputRecord model_record(const Config& config, const ModelKey& key, std::string value) {
  ingest::OutputRecord record;
  record.topic = config.topics.model;
  record.partition = 0;
  record.key = encode_model_key(key);
  record.value = std::move(value);
  return record;
}

}  // namespace fovea::topologies
