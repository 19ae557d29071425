#pragma once

// The learner at work: reads the learning log from where the newest snapshot stands, folds it,
// publishes views, writes snapshots and marks. Without a local snapshot, or with one that ends
// before the log begins or far before its end, it begins as model_start.h says.
//
// Every process has one; they read the same log in the same order and so have the same model.
// A process serves at once at its snapshot's position while this catches up.
//
// Threads   step() and finish() from one thread (learner_thread.h); the rest is safe for concurrent
//           calls.

#include <atomic>
#include <chrono>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/sink.h"
#include "scorer/kernels.h"
#include "scorer/learner.h"
#include "topologies/config.h"
#include "topologies/log_follower.h"
#include "topologies/metrics.h"
#include "topologies/model_publisher.h"
#include "topologies/patience.h"
#include "topologies/snapshot_files.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct LearnerSettings {
  ingest::KafkaSettings kafka;
  std::string process;             // names this process in marks
  std::string snapshot_directory;  // state.directory + "/model"
  // With more records of the log before it than this, a process looks for a published snapshot that
  // is ahead of its own by half of them: learning 100,000 takes seconds.
  Offset far_behind = 100'000;
  scorer::KernelLevel kernels = scorer::fastest_kernel_level();
  const Clock* clock = nullptr;                    // null: the system's
  Metrics* metrics = nullptr;                      // null: nobody looks
  const ingest::ClientFactory* clients = nullptr;  // null: Kafka's
  // Snapshots are written by a thread of their own; deferred: by the step after.
  std::launch snapshots = std::launch::async;
};

class LearnerLoop {
 public:
  // Restores the newest usable snapshot, local or published, and opens the log after it.
  // Errors: kStop: the log ends before the snapshot's position, or begins after it and
  //         model.on_gap does not say to go on, naming both.
  // Lifetime  The configuration outlives it.
  [[nodiscard]] static Result<std::unique_ptr<LearnerLoop>> open(const Config& config,
                                                                 LearnerSettings settings,
                                                                 const Patience& patience);

  // Reads what there is, for 100 ms at most, folds it, and does what is due: view, snapshot, mark.
  // Where another process's mark says that its model is another, the newest published snapshot is
  // taken and the log read again from there; not by the process that publishes, which the others
  // follow. The disk's own snapshots go.
  // Errors: kStop: the log cannot be read or folded any further.
  [[nodiscard]] Result<void> step();

  // step() ends soon, and publishing to T.model.
  void stop();
  [[nodiscard]] bool stopping() const { return stopping_; }

  // After the last step(): publishes, snapshots, writes the last mark. `healthy`: step() had not
  // failed.
  void finish(bool healthy);

  // Input partition 0 has become this owner's, a worker of this process, or is no longer: its
  // process publishes snapshots to T.model and trims the log.
  void own_publication(const void* owner);
  void disown_publication(const void* owner);

  [[nodiscard]] scorer::ModelView view() const { return follower_.learner().view(); }

  // The position that has been folded, of which the view may be a little behind.
  [[nodiscard]] Offset position() const { return position_.load(std::memory_order_relaxed); }

  // Of the model as folded. For whoever calls step().
  [[nodiscard]] std::uint64_t digest() const { return follower_.learner().digest(); }

  // End of the log as of the last fetch: one past its last record.
  [[nodiscard]] Offset end() const { return end_.load(std::memory_order_relaxed); }

  // True once the log has been read to where it ended at the start.
  [[nodiscard]] bool caught_up() const { return caught_up_.load(std::memory_order_relaxed); }

  // True if the model began with something learned: a snapshot, or its parent's.
  [[nodiscard]] bool restored() const { return restored_; }

 private:
  using TimePoint = LogFollower::TimePoint;

  LearnerLoop(const Config& config, LearnerSettings settings,
              std::unique_ptr<scorer::Learner> learner);

  Result<void> open_reader();
  Result<void> open_where_it_fits();
  Result<void> find_beginning(const Patience& patience);
  [[nodiscard]] bool gap() const;
  [[nodiscard]] bool far_behind() const;
  Result<void> reopen();
  Result<void> poll();
  Result<void> follow_publisher(const std::vector<std::string>& disagreements);
  void snapshot_if_due(TimePoint now);
  void begin_snapshot(TimePoint now);
  void finish_snapshot();
  void mark_if_due(TimePoint now);
  void note_figures(const std::vector<ingest::SourceRecord>& batch);
  void write_mark(std::chrono::milliseconds flush_timeout);
  Result<void> append_mark(const LearningRecord& mark, std::chrono::milliseconds flush_timeout);

  const Config& config_;
  const LearnerSettings settings_;
  const Clock& clock_;
  const ingest::ClientFactory& clients_;
  LogFollower follower_;
  std::unique_ptr<ingest::PartitionReader> reader_;
  std::unique_ptr<ingest::Sink> mark_sink_;
  ingest::PartitionReader::Ends ends_;  // of the log when it was opened
  std::vector<ingest::SourceRecord> batch_;
  int reopens_ = 0;  // one after another, without a record between
  std::optional<SnapshotFile> began_with_;
  bool restored_ = false;

  TimePoint snapshot_at_;  // when the last one began
  std::size_t snapshot_bytes_ = 0;
  Offset snapshot_position_ = kNoOffset;
  std::future<Result<SnapshotFile>> snapshot_;  // being written
  TimePoint marked_at_;
  std::optional<TimePoint> followed_at_;  // when a published snapshot was last taken instead

  const std::unique_ptr<Metrics> unwatched_;  // where nobody looks
  LearnerMetrics& metrics_;
  std::unique_ptr<ModelPublisher> publisher_;  // null: publishing is off
  std::atomic<Offset> position_{kNoOffset};
  std::atomic<Offset> end_{0};
  std::atomic<bool> caught_up_{false};
  std::atomic<bool> stopping_{false};
};

}  // namespace fovea::topologies
