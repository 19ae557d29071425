#pragma once

// Publishes snapshots of the model to T.model and trims the learning log behind them.
//
// The process that owns input partition 0 does it. A snapshot is read back from its local file,
// chunk by chunk, at a budget: it takes no memory but a chunk, and an open file outlives its name.
// Each chunk is a transaction, so that none is open for long; the transactional id, of the topology
// and the model, fences an owner before. Who is fenced stops, says so once, and tries again when
// partition 0 becomes its own anew.
//
// After each publication the log is trimmed: of what is older than learning.retention and below
// both complete snapshots.
//
// Threads   own(), disown(), offer() from any; the rest is a thread of its own.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "ingest/kafka.h"
#include "topologies/config.h"
#include "topologies/metrics.h"
#include "topologies/model_topic.h"
#include "topologies/published_model.h"
#include "topologies/snapshot_files.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

// What it needs of a cluster; a test has its own.
struct ModelTopicTransport {
  OpenModelTopic open_reader;
  std::function<Result<std::unique_ptr<ingest::TransactionalWriter>>()> open_writer;
  std::function<Result<std::unique_ptr<ingest::KafkaAdmin>>()> open_admin;
};

// `model_id` is part of the transactional id.
[[nodiscard]] ModelTopicTransport kafka_model_topic(const Config& config,
                                                    const ingest::KafkaSettings& kafka,
                                                    std::uint64_t model_id);

class ModelPublisher {
 public:
  // Lifetime  The configuration, the clock and the metrics outlive it.
  ModelPublisher(const Config& config, ModelTopicTransport transport, const Clock& clock,
                 PublisherMetrics& metrics);

  // As stop().
  ~ModelPublisher();

  // Input partition 0 has become this owner's, a worker of the process, or is no longer. Giving up
  // what another one has taken over meanwhile changes nothing.
  void own(const void* owner);
  void disown(const void* owner);

  // What this process publishes is what the others take.
  [[nodiscard]] bool is_owner() const;

  // There is a snapshot on the disk; the newest offered is the next one published.
  void offer(SnapshotFile snapshot);

  // Leaves a publication unfinished: the slot before is whole.
  void stop();

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  void run();
  Result<void> session(const SnapshotFile& snapshot);
  Result<void> take_over();
  Result<ModelManifest> publish(const SnapshotFile& snapshot, std::uint32_t slot);
  Result<std::optional<Offset>> write(const ModelKey& key, std::string value);
  Result<void> trim();
  void note_newest(const ModelManifest& manifest, TimeMs time);
  void say(const std::string& what);
  // Until then, and until partition 0 is this process's; false if told to stop.
  bool await_turn(TimePoint time);

  const Config& config_;
  const ModelTopicTransport transport_;
  const Clock& clock_;
  PublisherMetrics& metrics_;

  // The thread's.
  std::uint64_t ownership_ = 0;  // under which its work began
  std::unique_ptr<ingest::TransactionalWriter> writer_;
  std::uint64_t writer_ownership_ = 0;
  std::optional<ModelManifest> newest_;  // of this model, in the topic
  std::optional<ModelManifest> older_;   // in the other slot, as far as it is known
  Offset trimmed_to_ = 0;
  TimePoint next_write_;
  std::string said_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  const void* owner_ = nullptr;          // guarded by mutex_
  std::uint64_t ownerships_ = 0;         // guarded by mutex_: counts own()
  std::optional<SnapshotFile> offered_;  // guarded by mutex_
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace fovea::topologies
