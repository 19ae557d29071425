#pragma once

// One worker: a consumer, a producer, the tasks of the partitions it is given, and their pipeline.
//
// Polls a bounded batch, processes it against the current view, appends what it leads to, and at
// the commit interval brings everything through the commit point. Back-pressure is pausing: while
// the broker, or the learner in a backfill, is behind, nothing new is read and polling goes on.
//
// Under exactly_once all that is appended between two commits is one transaction, under an id of
// this worker's own that is the same after a restart: taking it over settles what was left open. A
// transaction that cannot be committed is dropped with all that was folded since the last one, and
// the input is read again from there.
//
// Threads   run() on the worker's own thread. stop() and status() from any.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/source.h"
#include "profile_store/profile_store.h"
#include "topologies/claimed_store.h"
#include "topologies/commit_point.h"
#include "topologies/config.h"
#include "topologies/learner_loop.h"
#include "topologies/lifecycle.h"
#include "topologies/metrics.h"
#include "topologies/outbox.h"
#include "topologies/pipeline.h"
#include "topologies/process_shared.h"
#include "topologies/restore.h"
#include "topologies/withdrawn_items.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

// What the workers of a process share. Lifetime: all of it outlives them.
struct WorkerShared : ProcessShared {
  LearnerLoop& learner;
  WithdrawnItems& withdrawn;
  // As many partitions of slates as of input: a user's have the same number in both.
  bool slates_by_input_partition = false;
};

// The same after a restart, and of nobody else: under exactly_once, what a worker of this name
// writes under.
[[nodiscard]] std::string worker_name(const Config& config, std::int32_t number);
[[nodiscard]] std::string transactional_id(const Config& config, const std::string& worker);

class Worker final : private ingest::AssignmentListener {
 public:
  // `name` is for the log. `instance_id` is stable across restarts; empty: a member that leaves the
  // group at its end.
  Worker(const WorkerShared& shared, std::string name, std::string instance_id);
  ~Worker() override;

  // Until stop(), then drains and commits; what cannot be committed then is said, and no error.
  // Errors: kStop: the store's; or the broker's clients, when new ones did not help.
  [[nodiscard]] Result<void> run();

  // One turn of run(): joins, or polls, processes and commits what is due, or starts again with new
  // clients, or ends. For whoever drives it in a thread of their own; until closed().
  // Errors: as run(); it is closed then.
  [[nodiscard]] Result<void> turn();
  [[nodiscard]] bool closed() const { return phase_ == WorkerPhase::kClosed; }

  void stop() { stopping_ = true; }

  // A copy of the counts as of the last batch.
  [[nodiscard]] PipelineCounts counts() const;

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  // A commit that takes longer is gone on with between polls, so that the group keeps us.
  static constexpr std::chrono::milliseconds kCommitStep{1'000};
  // A revoked partition, and the end, wait this long for the broker.
  static constexpr std::chrono::milliseconds kLastCommit{10'000};
  // How long an attempt to take a transactional id over lasts.
  static constexpr std::chrono::milliseconds kTakeOver{5'000};
  // What an owner before had on its way when it lost a partition has arrived by then, or never
  // will.
  static constexpr std::chrono::seconds kLateWrites{10};

  // What a rebalance gives and takes. In worker_assignment.cc.
  Result<void> on_assigning() override;
  Result<std::vector<ingest::TopicPosition>> on_assigned(
      const std::vector<ingest::AssignedPartition>& partitions) override;
  void on_revoked(const std::vector<ingest::TopicPartition>& partitions, bool lost) override;

  Result<std::optional<ingest::TopicPosition>> take(const ingest::AssignedPartition& partition);
  Result<Restored> restore(const ingest::AssignedPartition& assigned,
                           const std::optional<profile_store::PartitionPositions>& stored);
  void end_transaction_of(const std::string& owner, const std::string& waiting);
  void end_what_owners_before_left_open(const std::vector<ingest::AssignedPartition>& partitions);
  std::vector<ingest::TopicPartition> held_back(const std::vector<ingest::TopicPartition>& outputs,
                                                std::chrono::milliseconds longer);
  void drop_lost(const std::set<ingest::TopicPartition>& partitions);

  void answer_foreign_appends();
  void look_for_late_writes(TimePoint now);
  void write_again(Partition partition, std::vector<UserId> users);
  [[nodiscard]] bool exactly_once() const {
    return shared_.config.delivery.mode == DeliveryMode::kExactlyOnce;
  }
  void drop_sink();
  Result<void> renew_sink();

  [[nodiscard]] ingest::KafkaSettings client_settings();
  Result<void> join();
  Result<void> step();
  Result<void> close(Result<void> outcome);
  void rebuild(const Error& why);
  void open_interval();
  Result<void> process(const std::vector<ingest::SourceRecord>& batch);
  void route(Effects effects);
  Result<void> commit(std::chrono::milliseconds timeout);
  Result<void> drain();
  void say_uncommitted(const Error& why);
  Result<void> heed(Result<void> outcome, const char* what);
  void enter(WorkerPhase phase);
  void hold_or_go_on();
  void report_misrouted();
  void note_emissions();
  void note_progress(const std::vector<ingest::SourceRecord>& batch);
  [[nodiscard]] Offset learner_lag() const;
  [[nodiscard]] bool learner_is_behind() const;
  [[nodiscard]] bool commit_is_due(TimePoint now) const;

  const WorkerShared shared_;
  const std::string name_;
  const std::string instance_id_;
  ClaimedStore store_;

  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<CommitPoint> commit_point_;
  Outbox outbox_;
  std::unique_ptr<ingest::Sink> sink_;
  ingest::TransactionalSink* transaction_ = nullptr;  // the sink, where delivery is exactly_once
  std::unique_ptr<ingest::Source> source_;

  const std::unique_ptr<WorkerMetrics> unwatched_;  // where nobody looks
  WorkerMetrics& metrics_;
  struct Emission {
    TimeMs event_time;
    TimeMs record_time;
  };
  std::vector<Emission> emissions_;  // of recommendations on their way to the client
  TimePoint ends_noted_at_{};

  WorkerPhase phase_ = WorkerPhase::kJoining;
  std::set<ingest::TopicPartition> assigned_;
  // When the end of its changelog is asked for, and where it was when that was due.
  struct Look {
    TimePoint at;
    std::optional<Offset> next;
  };
  std::map<Partition, Look> look_at_;
  bool lost_ = false;           // partitions went without a last commit since the sink was opened
  bool holding_ = false;        // everything assigned is paused
  bool interval_open_ = false;  // something was processed since the last commit
  TimePoint interval_began_;
  bool beyond_repair_ = false;  // the failure is not the client's: new handles would not help
  std::uint64_t commits_ = 0;
  std::uint64_t commits_before_ = 0;  // when it joined
  int rebuilds_ = 0;                  // one after another, without a commit between
  bool misrouted_said_ = false;
  std::optional<TimePoint> said_at_;  // when a failure that passes was last said

  std::atomic<bool> stopping_{false};
  mutable std::mutex counts_mutex_;
  PipelineCounts counts_;         // guarded by counts_mutex_; of all sessions
  PipelineCounts counts_before_;  // of the sessions before this one
};

}  // namespace fovea::topologies
