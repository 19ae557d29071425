#include "topologies/metrics_table.h"

#include <fmt/format.h>

namespace fovea::topologies {
namespace {

using enum Metric;
constexpr MetricKind kCounter = MetricKind::kCounter;
constexpr MetricKind kGauge = MetricKind::kGauge;
constexpr MetricKind kHistogram = MetricKind::kHistogram;

constexpr std::array<MetricSpec, kMetricCount> kSpecs = {{
    {kRecords, "fovea_records_total", kCounter, "", "records",
     "Records polled from the input and the catalogue."},
    {kRecordsAlreadyApplied, "fovea_records_already_applied_total", kCounter, "", "records",
     "Records read again whose effect the profiles held already; they changed nothing."},
    {kRecordsMisrouted, "fovea_records_misrouted_total", kCounter, "", "records",
     "Records in another partition than murmur2 of their user gives; processed where they are."},
    {kEvents, "fovea_events_total", kCounter, "outcome", "events",
     "Events by what became of them: folded; late (folded, not learned from); duplicate (its id "
     "was seen); ignored (its type is mapped to ignore)."},
    {kDeadLetters, "fovea_dead_letters_total", kCounter, "reason", "records",
     "Records sent to the dead-letter topic, by the reason of the contract."},
    {kCatalogueChanges, "fovea_catalogue_changes_total", kCounter, "", "records",
     "Catalogue records accepted."},
    {kInputLagRecords, "fovea_input_lag_records", kGauge, "topic, partition", "records",
     "Records of the partition not yet processed, by the end as of the last fetch."},
    {kInputLagSeconds, "fovea_input_lag_seconds", kGauge, "topic, partition", "seconds",
     "Age, by its broker timestamp, of the last record processed; 0 when none waits."},
    {kAssignedPartitions, "fovea_assigned_partitions", kGauge, "", "partitions",
     "Partitions of input and catalogue that are this process's."},
    {kRestoringPartitions, "fovea_restoring_partitions", kGauge, "", "partitions",
     "Partitions whose profiles are being restored from the changelog."},
    {kStandbyPartitions, "fovea_standby_partitions", kGauge, "", "partitions",
     "Partitions of others that are kept here, too (state.standby)."},
    {kStandbyAge, "fovea_standby_age_seconds", kGauge, "", "seconds",
     "What was committed so long ago is in all of them."},
    {kBatchRecords, "fovea_batch_records", kHistogram, "", "records",
     "Records of a batch; empty polls are not counted."},
    {kStepSeconds, "fovea_step_seconds", kHistogram, "", "seconds",
     "Time of a batch: decode, load, fold, score, hand over to the client."},
    {kProfileLookups, "fovea_profile_lookups_total", kCounter, "result", "profiles",
     "Profiles a batch needed: hit (decoded, in memory) or miss (asked of the store)."},

    {kScorableEvents, "fovea_scorable_events_total", kCounter, "", "events",
     "Events of a type that triggers."},
    {kCoveredEvents, "fovea_covered_events_total", kCounter, "", "events",
     "Scorable events that the recommendations covered."},
    {kHeldTriggers, "fovea_held_triggers_total", kCounter, "", "events",
     "Triggers that [emit] did not answer."},
    {kRecommendations, "fovea_recommendations_total", kCounter, "", "messages",
     "Recommendations sent."},
    {kExamples, "fovea_examples_total", kCounter, "", "examples",
     "Examples written to the learning log."},
    {kExamplesShed, "fovea_examples_shed_total", kCounter, "", "examples",
     "Of them, marked count-only because the learner lags."},
    {kShedProbability, "fovea_shed_probability", kGauge, "", "ratio",
     "Probability with which an example is now marked count-only."},
    {kScoreSeconds, "fovea_score_seconds", kHistogram, "", "seconds",
     "Time of one slate: attention, scores, top k, explanation."},
    {kEventToEmissionSeconds, "fovea_event_to_emission_seconds", kHistogram, "", "seconds",
     "From the trigger's event time to the hand-over of its recommendation to the client."},
    {kBrokerToEmissionSeconds, "fovea_broker_to_emission_seconds", kHistogram, "", "seconds",
     "From the broker timestamp of the trigger's record to the same hand-over."},
    {kCommits, "fovea_commits_total", kCounter, "", "commits", "Intervals committed."},
    {kCommitSeconds, "fovea_commit_seconds", kHistogram, "", "seconds",
     "Time of a commit, from its begin to the group's offsets, waits for the broker included."},
    {kClientRebuilds, "fovea_client_rebuilds_total", kCounter, "", "times",
     "Times a worker dropped its open interval and made new Kafka clients."},

    {kLearningRecords, "fovea_learning_records_total", kCounter, "outcome", "records",
     "Records of the learning log by what they did to the model: learned, counted (no gradient), "
     "catalogue, mark, repeat (skipped, by its source), refused (no learning record)."},
    {kMarks, "fovea_marks_total", kCounter, "result", "marks",
     "Digests of other processes compared with ours: agreed or differed. Differed must stay 0."},
    {kLearnerLagRecords, "fovea_learner_lag_records", kGauge, "", "records",
     "Records of the learning log not yet folded."},
    {kLearnerLagSeconds, "fovea_learner_lag_seconds", kGauge, "", "seconds",
     "Age, by its broker timestamp, of the last record folded; 0 when none waits."},
    {kModelStartPosition, "fovea_model_start_position", kGauge, "", "offset",
     "Position of the snapshot that the process started with, local or published; -1: with none."},
    {kModelPosition, "fovea_model_position", kGauge, "", "offset",
     "Offset of the learning log up to which the model is folded; -1: nothing."},
    {kViewPosition, "fovea_view_position", kGauge, "", "offset",
     "The same of the view that slates are scored with."},
    {kModelAgeSeconds, "fovea_model_age_seconds", kGauge, "", "seconds",
     "Time since the broker had the newest example that the view has learned; absent until one is "
     "learned after the start."},
    {kModelExamples, "fovea_model_examples", kGauge, "", "examples",
     "Distinct examples folded into the model, snapshots included."},
    {kCatalogueItems, "fovea_catalogue_items", kGauge, "", "items", "Items the model has rows of."},
    {kTrainingLoss, "fovea_training_loss", kGauge, "", "nats",
     "Running mean of the sampled softmax loss; absent before the first gradient."},
    {kViewsPublished, "fovea_views_published_total", kCounter, "", "views",
     "Views of the model published to the workers."},
    {kSnapshots, "fovea_snapshots_total", kCounter, "result", "snapshots",
     "Snapshots of the model on the local disk: written or failed."},
    {kModelPublications, "fovea_model_publications_total", kCounter, "result", "publications",
     "Snapshots published to the model topic by this process: complete, failed (tried again), "
     "fenced (another process took over)."},
    {kModelPublishedBytes, "fovea_model_published_bytes_total", kCounter, "", "bytes",
     "Bytes of snapshots written to the model topic, before compression."},
    {kModelPublishedPosition, "fovea_model_published_position", kGauge, "", "offset",
     "Position of the newest complete snapshot in the model topic; absent in a process that has "
     "not "
     "owned input partition 0."},
    {kModelPublishedAgeSeconds, "fovea_model_published_age_seconds", kGauge, "", "seconds",
     "Time since that snapshot was complete."},
    {kLearningLogStart, "fovea_learning_log_start", kGauge, "", "offset",
     "Where the learning log began after this process trimmed it; absent before."},

    {kOnlineChoices, "fovea_online_choices_total", kCounter, "outcome", "choices",
     "First choices after a slate: judged, or repeat (had before, where the seen are excluded)."},
    {kOnlineHits, "fovea_online_hits_total", kCounter, "list, k", "choices",
     "Judged choices that stood in the list: the slate we sent or the most popular items, among "
     "the first 10 or as many as the slate held (k=\"slate\")."},
    {kOnlineHitRatio, "fovea_online_hit_ratio", kGauge, "list, k", "ratio",
     "The same as a share, each judged choice weighing half as much after 1,000 more."},

    {kStoreBlockCacheBytes, "fovea_store_block_cache_bytes", kGauge, "", "bytes",
     "RocksDB's block cache in use, write buffers charged to it included."},
    {kStoreBlockCachePinnedBytes, "fovea_store_block_cache_pinned_bytes", kGauge, "", "bytes",
     "Of it, what cannot be evicted."},
    {kStoreMemtableBytes, "fovea_store_memtable_bytes", kGauge, "", "bytes",
     "RocksDB's memtables."},
    {kStoreLiveDataBytes, "fovea_store_live_data_bytes", kGauge, "", "bytes",
     "RocksDB's estimate of the live data in its files."},
    {kStoreFilesBytes, "fovea_store_files_bytes", kGauge, "", "bytes",
     "RocksDB's table files on disk."},
    {kStoreCompactionPendingBytes, "fovea_store_compaction_pending_bytes", kGauge, "", "bytes",
     "RocksDB's estimate of what compaction has yet to rewrite."},
    {kStoreKeys, "fovea_store_keys", kGauge, "", "keys",
     "RocksDB's estimate of its keys: profiles and a few positions."},
    {kStoreBlockCacheLookups, "fovea_store_block_cache_lookups_total", kCounter, "result",
     "lookups", "Blocks asked of RocksDB's block cache: hit or miss."},
    {kStoreWrittenBytes, "fovea_store_written_bytes_total", kCounter, "", "bytes",
     "Bytes of keys and values written to RocksDB."},
    {kStoreReadBytes, "fovea_store_read_bytes_total", kCounter, "", "bytes",
     "Bytes of values read from RocksDB."},
    {kStoreCompactedBytes, "fovea_store_compacted_bytes_total", kCounter, "", "bytes",
     "Bytes that RocksDB's compactions wrote."},
    {kStoreStallSeconds, "fovea_store_stall_seconds_total", kCounter, "", "seconds",
     "Time for which RocksDB held writes back."},

    {kKafkaBrokerUp, "fovea_kafka_broker_up", kGauge, "client, broker", "0 or 1",
     "Whether the client is connected to the broker."},
    {kKafkaBrokerRttSeconds, "fovea_kafka_broker_rtt_seconds", kGauge, "client, broker, stat",
     "seconds", "Round trips of the last interval: avg, p50, p99."},
    {kKafkaRequestsWaiting, "fovea_kafka_requests_waiting", kGauge, "client, broker", "requests",
     "Requests to the broker not sent or not answered yet."},
    {kKafkaRequestTimeouts, "fovea_kafka_request_timeouts_total", kCounter, "client, broker",
     "requests", "Requests that timed out."},
    {kKafkaRequestRetries, "fovea_kafka_request_retries_total", kCounter, "client, broker",
     "requests", "Requests sent again."},
    {kKafkaSentMessages, "fovea_kafka_sent_messages_total", kCounter, "client", "messages",
     "Messages that the client produced."},
    {kKafkaSentBytes, "fovea_kafka_sent_bytes_total", kCounter, "client", "bytes",
     "Bytes that the client sent to brokers."},
    {kKafkaReceivedMessages, "fovea_kafka_received_messages_total", kCounter, "client", "messages",
     "Messages that the client fetched."},
    {kKafkaReceivedBytes, "fovea_kafka_received_bytes_total", kCounter, "client", "bytes",
     "Bytes that the client received from brokers."},
    {kKafkaQueuedMessages, "fovea_kafka_queued_messages", kGauge, "client", "messages",
     "Messages in the producer's queue."},
    {kKafkaQueuedBytes, "fovea_kafka_queued_bytes", kGauge, "client", "bytes", "Their size."},
    {kKafkaConsumerLagRecords, "fovea_kafka_consumer_lag_records", kGauge,
     "client, topic, partition", "records",
     "The group's lag as the client sees it: end of the partition minus committed offset."},

    {kReady, "fovea_ready", kGauge, "", "0 or 1", "What /readyz answers."},
    {kThreadStepAgeSeconds, "fovea_thread_step_age_seconds", kGauge, "thread", "seconds",
     "Time since the thread was last seen at work; 0 while it waits for a broker or a restore."},
    {kProcessResidentBytes, "fovea_process_resident_memory_bytes", kGauge, "", "bytes",
     "Resident memory of the process."},
    {kProcessCpuSeconds, "fovea_process_cpu_seconds_total", kCounter, "", "seconds",
     "User and system time of the process."},
    {kProcessStartSeconds, "fovea_process_start_time_seconds", kGauge, "", "seconds",
     "When the process began to measure, since the epoch."},
    {kBuildInfo, "fovea_build_info", kGauge, "version, topology", "1",
     "1, with the version and the topology as labels."},
}};

constexpr bool in_order() {
  for (std::size_t i = 0; i < kSpecs.size(); ++i) {
    if (kSpecs[i].metric != static_cast<Metric>(i)) return false;
  }
  return true;
}
static_assert(in_order());

}  // namespace

const std::array<MetricSpec, kMetricCount>& metric_specs() {
  return kSpecs;
}

const MetricSpec& spec(Metric metric) {
  return kSpecs[static_cast<std::size_t>(metric)];
}

std::string_view name(MetricKind kind) {
  switch (kind) {
    case MetricKind::kCounter:
      return "counter";
    case MetricKind::kGauge:
      return "gauge";
    case MetricKind::kHistogram:
      return "histogram";
  }
  return "";
}

std::string metrics_table() {
  std::string out = "| name | type | labels | unit | meaning |\n|---|---|---|---|---|\n";
  for (const MetricSpec& metric : kSpecs) {
    out += fmt::format("| `{}` | {} | {} | {} | {} |\n", metric.name, name(metric.kind),
                       metric.labels, metric.unit, metric.help);
  }
  return out;
}

}  // namespace fovea::topologies
