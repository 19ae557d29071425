#pragma once

// Every metric there is: name, type, labels, unit, meaning. METRICS.md is this table, a test
// compares the two; nothing can be exposed that is not in it.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace fovea::topologies {

enum class MetricKind : std::uint8_t { kCounter, kGauge, kHistogram };

enum class Metric : std::uint8_t {
  // Input.
  kRecords,
  kRecordsAlreadyApplied,
  kRecordsMisrouted,
  kEvents,
  kDeadLetters,
  kCatalogueChanges,
  kInputLagRecords,
  kInputLagSeconds,
  kAssignedPartitions,
  kRestoringPartitions,
  kStandbyPartitions,
  kStandbyAge,
  kBatchRecords,
  kStepSeconds,
  kProfileLookups,
  // Output.
  kScorableEvents,
  kCoveredEvents,
  kHeldTriggers,
  kRecommendations,
  kExamples,
  kExamplesShed,
  kShedProbability,
  kScoreSeconds,
  kEventToEmissionSeconds,
  kBrokerToEmissionSeconds,
  kCommits,
  kCommitSeconds,
  kClientRebuilds,
  // The model.
  kLearningRecords,
  kMarks,
  kLearnerLagRecords,
  kLearnerLagSeconds,
  kModelStartPosition,
  kModelPosition,
  kViewPosition,
  kModelAgeSeconds,
  kModelExamples,
  kCatalogueItems,
  kTrainingLoss,
  kViewsPublished,
  kSnapshots,
  kModelPublications,
  kModelPublishedBytes,
  kModelPublishedPosition,
  kModelPublishedAgeSeconds,
  kLearningLogStart,
  // Online quality.
  kOnlineChoices,
  kOnlineHits,
  kOnlineHitRatio,
  // The profile store.
  kStoreBlockCacheBytes,
  kStoreBlockCachePinnedBytes,
  kStoreMemtableBytes,
  kStoreLiveDataBytes,
  kStoreFilesBytes,
  kStoreCompactionPendingBytes,
  kStoreKeys,
  kStoreBlockCacheLookups,
  kStoreWrittenBytes,
  kStoreReadBytes,
  kStoreCompactedBytes,
  kStoreStallSeconds,
  // Kafka's client.
  kKafkaBrokerUp,
  kKafkaBrokerRttSeconds,
  kKafkaRequestsWaiting,
  kKafkaRequestTimeouts,
  kKafkaRequestRetries,
  kKafkaSentMessages,
  kKafkaSentBytes,
  kKafkaReceivedMessages,
  kKafkaReceivedBytes,
  kKafkaQueuedMessages,
  kKafkaQueuedBytes,
  kKafkaConsumerLagRecords,
  // The process.
  kReady,
  kThreadStepAgeSeconds,
  kProcessResidentBytes,
  kProcessCpuSeconds,
  kProcessStartSeconds,
  kBuildInfo,
};

struct MetricSpec {
  Metric metric;
  std::string_view name;
  MetricKind kind;
  std::string_view labels;  // names, comma-separated; may be empty
  std::string_view unit;
  std::string_view help;
};

inline constexpr std::size_t kMetricCount = static_cast<std::size_t>(Metric::kBuildInfo) + 1;

// In the order of Metric.
[[nodiscard]] const std::array<MetricSpec, kMetricCount>& metric_specs();
[[nodiscard]] const MetricSpec& spec(Metric metric);

[[nodiscard]] std::string_view name(MetricKind kind);

// As the Markdown table of METRICS.md.
[[nodiscard]] std::string metrics_table();

}  // namespace fovea::topologies
