#pragma once

// What a process measures of itself: written by its threads, read by a scrape.
//
// Each thread writes values of its own (metric_values.h), without locks; a scrape adds them up.
// Locks are for what changes seldom: which workers and partitions there are, reasons of dead
// letters, what the Kafka clients report every few seconds.
//
// Everything lives in Metrics, which outlives whoever writes to it.
//
// Threads   Safe from any thread unless said otherwise.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ingest/kafka_statistics.h"
#include "ingest/source.h"
#include "profile_store/profile_store.h"
#include "topologies/health.h"
#include "topologies/lifecycle.h"
#include "topologies/metric_values.h"
#include "topologies/online_quality.h"
#include "topologies/pipeline.h"
#include "vocab/clock.h"

namespace fovea::topologies {

class MetricsText;

// What a pipeline measures beside its counts.
struct PipelineMetrics {
  SecondsHistogram score;
  OnlineQualityMetrics quality;
};

struct PartitionMetrics {
  Gauge<Offset> next{kNoOffset};
  Gauge<Offset> end{kNoOffset};
  Gauge<std::int64_t> record_time_ms;  // of the last record processed; 0: none yet
};

// One worker's. Threads   The worker's thread writes, any thread reads.
class WorkerMetrics {
 public:
  explicit WorkerMetrics(std::string name) : name_(std::move(name)) {}

  [[nodiscard]] const std::string& name() const { return name_; }

  // The worker's.
  void set_counts(const PipelineCounts& counts);
  void assign(const ingest::TopicPartition& at);
  void revoke(const ingest::TopicPartition& at);
  [[nodiscard]] const std::map<ingest::TopicPartition, std::unique_ptr<PartitionMetrics>>&
  partitions() {
    return partitions_;
  }
  // What went wrong with a broker; told again while it lasts.
  void set_trouble(const std::string& what);

  PipelineMetrics pipeline;
  Heartbeat heartbeat;
  Gauge<WorkerPhase> phase{WorkerPhase::kJoining};
  Gauge<bool> joined;
  Gauge<int> restoring;
  Gauge<std::chrono::steady_clock::rep> commit_began;  // 0: none is under way
  Counter commits;
  Counter rebuilds;
  Gauge<double> shed_probability;
  RecordsHistogram batch_records;
  SecondsHistogram step;
  SecondsHistogram commit;
  SecondsHistogram event_to_emission;
  SecondsHistogram broker_to_emission;

  // The scrape's.
  void add_counts(PipelineCounts& sum) const;
  void add_lags(TimeMs now, MetricsText& text) const;
  [[nodiscard]] std::size_t partition_count() const;
  [[nodiscard]] WorkerHealth health(TimeMs now, Heartbeat::TimePoint steady_now) const;

 private:
  const std::string name_;
  std::array<Counter, kPipelineCounts.size()> counts_;
  std::uint64_t dead_letter_count_ = 0;  // of dead_letters_; the worker's
  mutable std::mutex mutex_;
  std::map<std::string, std::uint64_t> dead_letters_;  // guarded by mutex_
  // Guarded by mutex_ for whoever is not the worker; it alone changes the map.
  std::map<ingest::TopicPartition, std::unique_ptr<PartitionMetrics>> partitions_;
  std::string trouble_;  // guarded by mutex_
  Gauge<std::chrono::steady_clock::rep> trouble_at_;
};

// The learner's thread's.
struct LearnerMetrics {
  Heartbeat heartbeat;
  Gauge<bool> started;
  Gauge<bool> caught_up;
  Counter learned;
  Counter counted;
  Counter catalogue;
  Counter marks;
  Counter repeats;
  Counter refused;
  Counter marks_agreed;
  Counter marks_differed;
  Counter views;
  Counter snapshots_written;
  Counter snapshots_failed;
  Gauge<Offset> start_position{kNoOffset};  // of the snapshot that the process started with
  Gauge<Offset> position{kNoOffset};
  Gauge<Offset> view_position{kNoOffset};
  Gauge<Offset> next{kNoOffset};             // where reading stands in the learning log
  Gauge<Offset> end{kNoOffset};              // and its end, one past its last record
  Gauge<std::int64_t> record_time_ms;        // broker's, of the last record folded; 0: none yet
  Gauge<std::int64_t> view_example_time_ms;  // broker's, of the view's newest example; 0: none
  Gauge<std::uint64_t> examples;
  Gauge<std::uint64_t> gradients;
  Gauge<std::uint64_t> items;
  Gauge<double> loss;

  [[nodiscard]] LagHealth lag(TimeMs now) const;
};

// The model publisher's thread's.
struct PublisherMetrics {
  Counter complete;
  Counter failed;
  Counter fenced;
  Counter bytes;
  Gauge<Offset> position{kNoOffset};  // of the newest complete snapshot in the topic
  Gauge<std::int64_t> time_ms;        // when it was complete; 0: none is known
  Gauge<Offset> log_start{kNoOffset};
};

// The standby's thread's.
struct StandbyMetrics {
  Gauge<int> partitions;                        // kept in the last round
  Gauge<std::chrono::steady_clock::rep> as_of;  // when the last that reached all began; 0: none
};

class Metrics {
 public:
  // `phase` is why the process is not at work yet.
  // Lifetime  The clock outlives it.
  Metrics(std::string topology, const Clock& clock, std::string phase = "starting");

  // Stays until the end.
  [[nodiscard]] WorkerMetrics& add_worker(std::string name);
  [[nodiscard]] LearnerMetrics& learner() { return learner_; }
  [[nodiscard]] PublisherMetrics& publisher() { return publisher_; }
  [[nodiscard]] StandbyMetrics& standby() { return standby_; }
  // One clause for /readyz; empty: at work.
  void set_phase(std::string phase);
  // Reads the store's sizes at each scrape, until called with null.
  void watch_store(const profile_store::ProfileStore* store);
  // `client` names whose client it is; consumer or producer is added.
  void set_kafka(const std::string& client, const ingest::KafkaStatistics& statistics);

  [[nodiscard]] ProcessHealth health() const;
  // The exposition. `lag_max` is for fovea_ready.
  [[nodiscard]] std::string text(std::chrono::milliseconds lag_max) const;

 private:
  void add_workers(MetricsText& text) const;
  void add_learner(MetricsText& text) const;
  void add_publisher(MetricsText& text) const;
  void add_standby(MetricsText& text) const;
  void add_kafka(MetricsText& text) const;
  void add_store(MetricsText& text) const;
  void add_process(MetricsText& text, std::chrono::milliseconds lag_max) const;

  const std::string topology_;
  const Clock& clock_;
  const TimeMs started_at_;
  LearnerMetrics learner_;
  PublisherMetrics publisher_;
  StandbyMetrics standby_;
  mutable std::mutex mutex_;
  std::string phase_;                                     // guarded by mutex_
  std::deque<WorkerMetrics> workers_;                     // guarded by mutex_; elements stay
  std::map<std::string, ingest::KafkaStatistics> kafka_;  // guarded by mutex_
  mutable std::mutex store_mutex_;                        // held while the store is read
  const profile_store::ProfileStore* store_ = nullptr;    // guarded by store_mutex_
};

}  // namespace fovea::topologies
