#include "topologies/metrics.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "topologies/metrics_text.h"

#ifndef FOVEA_VERSION
#define FOVEA_VERSION "unknown"
#endif

namespace fovea::topologies {
namespace {

using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// The clients report a broker that stays away every three seconds.
constexpr seconds kTroubleLasts{5};

double age_s(std::int64_t time_ms, TimeMs now) {
  return std::max(0.0, static_cast<double>(value(now) - time_ms) / 1'000.0);
}

// Absent while either end is unknown.
LagHealth lag_of(Offset next, Offset end, std::int64_t record_time_ms, TimeMs now) {
  LagHealth lag;
  if (next == kNoOffset || end == kNoOffset) return lag;
  lag.records = std::max<Offset>(0, end - next);
  if (*lag.records == 0) {
    lag.seconds = 0;
  } else if (record_time_ms != 0) {
    lag.seconds = age_s(record_time_ms, now);
  }
  return lag;
}

// The same histogram of several workers as one.
template <class Pick>
void add_histogram(Metric metric, const std::deque<WorkerMetrics>& workers, Pick pick,
                   MetricsText& text) {
  using Kind = std::remove_cvref_t<decltype(pick(workers.front()))>;
  std::array<std::uint64_t, Kind::kBuckets> counts{};
  double sum = 0;
  for (const WorkerMetrics& worker : workers) {
    const Kind& one = pick(worker);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] += one.count(i);
    sum += one.sum();
  }
  text.add_histogram(metric, Kind::bounds(), counts, sum);
}

void add_quality(const std::deque<WorkerMetrics>& workers, MetricsText& text) {
  constexpr std::array<std::string_view, 2> kLists = {"slate", "popularity"};
  constexpr std::array<std::string_view, 2> kKs = {"slate", "10"};
  std::uint64_t judged = 0;
  std::uint64_t repeats = 0;
  double decayed_judged = 0;
  for (const WorkerMetrics& worker : workers) {
    const OnlineQualityMetrics& quality = worker.pipeline.quality;
    judged += quality.judged.value();
    repeats += quality.repeats.value();
    decayed_judged += quality.decayed_judged.value();
  }
  text.add(Metric::kOnlineChoices, {"judged"}, static_cast<double>(judged));
  text.add(Metric::kOnlineChoices, {"repeat"}, static_cast<double>(repeats));
  for (std::size_t list = 0; list < kLists.size(); ++list) {
    for (std::size_t k = 0; k < kKs.size(); ++k) {
      std::uint64_t hits = 0;
      double decayed = 0;
      for (const WorkerMetrics& worker : workers) {
        hits += worker.pipeline.quality.hits[list][k].value();
        decayed += worker.pipeline.quality.decayed_hits[list][k].value();
      }
      text.add(Metric::kOnlineHits, {kLists[list], kKs[k]}, static_cast<double>(hits));
      if (decayed_judged > 0) {
        text.add(Metric::kOnlineHitRatio, {kLists[list], kKs[k]}, decayed / decayed_judged);
      }
    }
  }
}

void add_counts(const PipelineCounts& sum, MetricsText& text) {
  const auto add = [&text](Metric metric, std::uint64_t count) {
    text.add(metric, static_cast<double>(count));
  };
  add(Metric::kRecords, sum.records);
  add(Metric::kRecordsAlreadyApplied, sum.already_applied);
  add(Metric::kRecordsMisrouted, sum.misrouted);
  const auto add_events = [&text](std::string_view outcome, std::uint64_t count) {
    text.add(Metric::kEvents, {outcome}, static_cast<double>(count));
  };
  // Another thread's counts may be a step apart: never below nothing.
  const std::uint64_t others = sum.duplicates + sum.late;
  add_events("folded", sum.events > others ? sum.events - others : 0);
  add_events("late", sum.late);
  add_events("duplicate", sum.duplicates);
  add_events("ignored", sum.ignored);
  for (const auto& [reason, count] : sum.dead_letters) {
    text.add(Metric::kDeadLetters, {reason}, static_cast<double>(count));
  }
  add(Metric::kCatalogueChanges, sum.catalogue_changes);
  text.add(Metric::kProfileLookups, {"hit"}, static_cast<double>(sum.profile_hits));
  text.add(Metric::kProfileLookups, {"miss"}, static_cast<double>(sum.profile_misses));
  add(Metric::kScorableEvents, sum.scorable);
  add(Metric::kCoveredEvents, sum.covered);
  add(Metric::kHeldTriggers, sum.held);
  add(Metric::kRecommendations, sum.recommendations);
  add(Metric::kExamples, sum.examples);
  add(Metric::kExamplesShed, sum.shed);
}

double resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  double total = 0;
  double resident = 0;
  statm >> total >> resident;
  return resident * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

double cpu_seconds() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  const auto seconds_of = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds_of(usage.ru_utime) + seconds_of(usage.ru_stime);
}

}  // namespace

void WorkerMetrics::set_counts(const PipelineCounts& counts) {
  for (std::size_t i = 0; i < counts_.size(); ++i) counts_[i].set(counts.*kPipelineCounts[i]);
  std::uint64_t dead_letters = 0;
  for (const auto& [reason, count] : counts.dead_letters) dead_letters += count;
  if (dead_letters == dead_letter_count_) return;
  dead_letter_count_ = dead_letters;
  const std::lock_guard lock(mutex_);
  dead_letters_ = counts.dead_letters;
}

void WorkerMetrics::assign(const ingest::TopicPartition& at) {
  const std::lock_guard lock(mutex_);
  partitions_[at] = std::make_unique<PartitionMetrics>();
}

void WorkerMetrics::revoke(const ingest::TopicPartition& at) {
  const std::lock_guard lock(mutex_);
  partitions_.erase(at);
}

void WorkerMetrics::set_trouble(const std::string& what) {
  {
    const std::lock_guard lock(mutex_);
    trouble_ = what;
  }
  trouble_at_.set(steady_clock::now().time_since_epoch().count());
}

void WorkerMetrics::add_counts(PipelineCounts& sum) const {
  for (std::size_t i = 0; i < counts_.size(); ++i) sum.*kPipelineCounts[i] += counts_[i].value();
  const std::lock_guard lock(mutex_);
  for (const auto& [reason, count] : dead_letters_) sum.dead_letters[reason] += count;
}

void WorkerMetrics::add_lags(TimeMs now, MetricsText& text) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [at, partition] : partitions_) {
    const LagHealth lag = lag_of(partition->next.value(), partition->end.value(),
                                 partition->record_time_ms.value(), now);
    const std::string number = std::to_string(at.partition);
    if (lag.records) {
      text.add(Metric::kInputLagRecords, {at.topic, number}, static_cast<double>(*lag.records));
    }
    if (lag.seconds) text.add(Metric::kInputLagSeconds, {at.topic, number}, *lag.seconds);
  }
}

std::size_t WorkerMetrics::partition_count() const {
  const std::lock_guard lock(mutex_);
  return partitions_.size();
}

WorkerHealth WorkerMetrics::health(TimeMs now, Heartbeat::TimePoint steady_now) const {
  WorkerHealth health;
  health.name = name_;
  health.phase = phase.value();
  health.joined = joined.value();
  health.restoring = restoring.value();
  health.step_age = heartbeat.age(steady_now);
  const auto since = [&](steady_clock::rep at) {
    return nanoseconds(steady_now.time_since_epoch() - steady_clock::duration(at));
  };
  if (const auto began = commit_began.value(); began != 0) health.commit_age = since(began);
  const auto trouble_at = trouble_at_.value();
  const std::lock_guard lock(mutex_);
  if (trouble_at != 0 && since(trouble_at) < kTroubleLasts) health.trouble = trouble_;
  for (const auto& [at, partition] : partitions_) {
    health.partitions.emplace_back(fmt::format("{} [{}]", at.topic, at.partition),
                                   lag_of(partition->next.value(), partition->end.value(),
                                          partition->record_time_ms.value(), now));
  }
  return health;
}

LagHealth LearnerMetrics::lag(TimeMs now) const {
  return lag_of(next.value(), end.value(), record_time_ms.value(), now);
}

Metrics::Metrics(std::string topology, const Clock& clock, std::string phase)
    : topology_(std::move(topology)),
      clock_(clock),
      started_at_(clock.now()),
      phase_(std::move(phase)) {}

WorkerMetrics& Metrics::add_worker(std::string name) {
  const std::lock_guard lock(mutex_);
  return workers_.emplace_back(std::move(name));
}

void Metrics::set_phase(std::string phase) {
  const std::lock_guard lock(mutex_);
  phase_ = std::move(phase);
}

void Metrics::watch_store(const profile_store::ProfileStore* store) {
  const std::lock_guard lock(store_mutex_);
  store_ = store;
}

void Metrics::set_kafka(const std::string& client, const ingest::KafkaStatistics& statistics) {
  const std::lock_guard lock(mutex_);
  kafka_[client + (statistics.producer ? " producer" : " consumer")] = statistics;
}

ProcessHealth Metrics::health() const {
  const TimeMs now = clock_.now();
  const auto steady_now = steady_clock::now();
  ProcessHealth health;
  if (learner_.started.value()) {
    health.learner = LearnerHealth{learner_.caught_up.value(), learner_.position.value(),
                                   learner_.heartbeat.age(steady_now), learner_.lag(now)};
  }
  const std::lock_guard lock(mutex_);
  health.phase = phase_;
  for (const WorkerMetrics& worker : workers_) {
    health.workers.push_back(worker.health(now, steady_now));
  }
  return health;
}

std::string Metrics::text(std::chrono::milliseconds lag_max) const {
  MetricsText text;
  add_workers(text);
  add_learner(text);
  add_publisher(text);
  add_standby(text);
  add_store(text);
  add_kafka(text);
  add_process(text, lag_max);
  return text.text();
}

void Metrics::add_standby(MetricsText& text) const {
  using Time = std::chrono::steady_clock;
  const Time::rep as_of = standby_.as_of.value();
  if (as_of == 0) return;
  text.add(Metric::kStandbyPartitions, standby_.partitions.value());
  const std::chrono::duration<double> age =
      clock_.monotonic().time_since_epoch() - Time::duration(as_of);
  text.add(Metric::kStandbyAge, age.count());
}

void Metrics::add_workers(MetricsText& text) const {
  const std::lock_guard lock(mutex_);
  if (workers_.empty()) return;
  const TimeMs now = clock_.now();
  PipelineCounts sum;
  std::size_t assigned = 0;
  int restoring = 0;
  std::uint64_t commits = 0;
  std::uint64_t rebuilds = 0;
  double shed_probability = 0;
  for (const WorkerMetrics& worker : workers_) {
    worker.add_counts(sum);
    worker.add_lags(now, text);
    assigned += worker.partition_count();
    restoring += worker.restoring.value();
    commits += worker.commits.value();
    rebuilds += worker.rebuilds.value();
    shed_probability = std::max(shed_probability, worker.shed_probability.value());
  }
  topologies::add_counts(sum, text);
  text.add(Metric::kAssignedPartitions, static_cast<double>(assigned));
  text.add(Metric::kRestoringPartitions, restoring);
  text.add(Metric::kCommits, static_cast<double>(commits));
  text.add(Metric::kClientRebuilds, static_cast<double>(rebuilds));
  text.add(Metric::kShedProbability, shed_probability);
  const auto histogram = [&](Metric metric, auto pick) {
    add_histogram(metric, workers_, pick, text);
  };
  histogram(
      Metric::kBatchRecords, [](const auto& w) -> auto& { return w.batch_records; });
  histogram(
      Metric::kStepSeconds, [](const auto& w) -> auto& { return w.step; });
  histogram(
      Metric::kScoreSeconds, [](const auto& w) -> auto& { return w.pipeline.score; });
  histogram(
      Metric::kCommitSeconds, [](const auto& w) -> auto& { return w.commit; });
  histogram(
      Metric::kEventToEmissionSeconds, [](const auto& w) -> auto& { return w.event_to_emission; });
  histogram(
      Metric::kBrokerToEmissionSeconds,
      [](const auto& w) -> auto& { return w.broker_to_emission; });
  add_quality(workers_, text);
}

void Metrics::add_learner(MetricsText& text) const {
  if (!learner_.started.value()) return;
  const TimeMs now = clock_.now();
  const auto learning = [&](std::string_view outcome, const Counter& count) {
    text.add(Metric::kLearningRecords, {outcome}, static_cast<double>(count.value()));
  };
  learning("learned", learner_.learned);
  learning("counted", learner_.counted);
  learning("catalogue", learner_.catalogue);
  learning("mark", learner_.marks);
  learning("repeat", learner_.repeats);
  learning("refused", learner_.refused);
  text.add(Metric::kMarks, {"agreed"}, static_cast<double>(learner_.marks_agreed.value()));
  text.add(Metric::kMarks, {"differed"}, static_cast<double>(learner_.marks_differed.value()));
  const LagHealth lag = learner_.lag(now);
  if (lag.records) text.add(Metric::kLearnerLagRecords, static_cast<double>(*lag.records));
  if (lag.seconds) text.add(Metric::kLearnerLagSeconds, *lag.seconds);
  text.add(Metric::kModelStartPosition, static_cast<double>(learner_.start_position.value()));
  text.add(Metric::kModelPosition, static_cast<double>(learner_.position.value()));
  text.add(Metric::kViewPosition, static_cast<double>(learner_.view_position.value()));
  if (const auto time = learner_.view_example_time_ms.value(); time != 0) {
    text.add(Metric::kModelAgeSeconds, age_s(time, now));
  }
  text.add(Metric::kModelExamples, static_cast<double>(learner_.examples.value()));
  text.add(Metric::kCatalogueItems, static_cast<double>(learner_.items.value()));
  if (learner_.gradients.value() > 0) text.add(Metric::kTrainingLoss, learner_.loss.value());
  text.add(Metric::kViewsPublished, static_cast<double>(learner_.views.value()));
  text.add(Metric::kSnapshots, {"written"},
           static_cast<double>(learner_.snapshots_written.value()));
  text.add(Metric::kSnapshots, {"failed"}, static_cast<double>(learner_.snapshots_failed.value()));
}

// Of no interest but where input partition 0 is, or was.
void Metrics::add_publisher(MetricsText& text) const {
  if (!learner_.started.value()) return;
  const auto publications = [&](std::string_view result, const Counter& count) {
    text.add(Metric::kModelPublications, {result}, static_cast<double>(count.value()));
  };
  publications("complete", publisher_.complete);
  publications("failed", publisher_.failed);
  publications("fenced", publisher_.fenced);
  text.add(Metric::kModelPublishedBytes, static_cast<double>(publisher_.bytes.value()));
  if (const auto time = publisher_.time_ms.value(); time != 0) {
    text.add(Metric::kModelPublishedPosition, static_cast<double>(publisher_.position.value()));
    text.add(Metric::kModelPublishedAgeSeconds, age_s(time, clock_.now()));
  }
  if (const Offset start = publisher_.log_start.value(); start != kNoOffset) {
    text.add(Metric::kLearningLogStart, static_cast<double>(start));
  }
}

void Metrics::add_kafka(MetricsText& text) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [client, statistics] : kafka_) {
    const auto add = [&, name = std::string_view(client)](Metric metric, std::uint64_t count) {
      text.add(metric, {name}, static_cast<double>(count));
    };
    add(Metric::kKafkaSentMessages, statistics.sent_messages);
    add(Metric::kKafkaSentBytes, statistics.sent_bytes);
    add(Metric::kKafkaReceivedMessages, statistics.received_messages);
    add(Metric::kKafkaReceivedBytes, statistics.received_bytes);
    if (statistics.producer) {
      add(Metric::kKafkaQueuedMessages, statistics.queued_messages);
      add(Metric::kKafkaQueuedBytes, statistics.queued_bytes);
    }
    for (const ingest::KafkaBrokerStatistics& broker : statistics.brokers) {
      const auto add_broker = [&, &of = client](Metric metric, double value) {
        text.add(metric, {of, broker.name}, value);
      };
      add_broker(Metric::kKafkaBrokerUp, broker.up ? 1 : 0);
      text.add(Metric::kKafkaBrokerRttSeconds, {client, broker.name, "avg"}, broker.rtt_avg_s);
      text.add(Metric::kKafkaBrokerRttSeconds, {client, broker.name, "p50"}, broker.rtt_p50_s);
      text.add(Metric::kKafkaBrokerRttSeconds, {client, broker.name, "p99"}, broker.rtt_p99_s);
      add_broker(Metric::kKafkaRequestsWaiting, static_cast<double>(broker.requests_waiting));
      add_broker(Metric::kKafkaRequestTimeouts, static_cast<double>(broker.timeouts));
      add_broker(Metric::kKafkaRequestRetries, static_cast<double>(broker.retries));
    }
    for (const ingest::KafkaPartitionStatistics& partition : statistics.partitions) {
      text.add(Metric::kKafkaConsumerLagRecords,
               {client, partition.topic, std::to_string(partition.partition)},
               static_cast<double>(partition.consumer_lag));
    }
  }
}

void Metrics::add_store(MetricsText& text) const {
  const std::lock_guard lock(store_mutex_);
  if (store_ == nullptr) return;
  const auto now = store_->statistics();
  if (!now) return;
  const auto add = [&text](Metric metric, std::uint64_t amount) {
    text.add(metric, static_cast<double>(amount));
  };
  add(Metric::kStoreBlockCacheBytes, now->block_cache_bytes);
  add(Metric::kStoreBlockCachePinnedBytes, now->block_cache_pinned_bytes);
  add(Metric::kStoreMemtableBytes, now->memtable_bytes);
  add(Metric::kStoreLiveDataBytes, now->live_data_bytes);
  add(Metric::kStoreFilesBytes, now->files_bytes);
  add(Metric::kStoreCompactionPendingBytes, now->compaction_pending_bytes);
  add(Metric::kStoreKeys, now->keys);
  text.add(Metric::kStoreBlockCacheLookups, {"hit"}, static_cast<double>(now->block_cache_hits));
  text.add(Metric::kStoreBlockCacheLookups, {"miss"}, static_cast<double>(now->block_cache_misses));
  add(Metric::kStoreWrittenBytes, now->written_bytes);
  add(Metric::kStoreReadBytes, now->read_bytes);
  add(Metric::kStoreCompactedBytes, now->compacted_bytes);
  text.add(Metric::kStoreStallSeconds, static_cast<double>(now->stall_us) * 1e-6);
}

void Metrics::add_process(MetricsText& text, std::chrono::milliseconds lag_max) const {
  const ProcessHealth now = health();
  text.add(Metric::kReady, why_not_ready(now, lag_max) ? 0 : 1);
  const auto step_age = [&text](const std::string& thread, nanoseconds age) {
    text.add(Metric::kThreadStepAgeSeconds, {thread}, std::chrono::duration<double>(age).count());
  };
  if (now.learner) step_age("learner", now.learner->step_age);
  for (const WorkerHealth& worker : now.workers) step_age(worker.name, worker.step_age);
  text.add(Metric::kProcessResidentBytes, resident_bytes());
  text.add(Metric::kProcessCpuSeconds, cpu_seconds());
  text.add(Metric::kProcessStartSeconds, static_cast<double>(value(started_at_)) / 1'000.0);
  text.add(Metric::kBuildInfo, {FOVEA_VERSION, topology_}, 1);
}

}  // namespace fovea::topologies
