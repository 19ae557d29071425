#pragma once

// Input that is not keyed by user, brought into one topic that is.
//
// Reads the team's topics, several of them and with any key or none, validates each record, and
// writes its events to topics.events, keyed by user, with the positions of the input in the same
// transaction. What cannot be understood is a dead letter, here and with the coordinates that it
// had here. An event without an id gets these coordinates as one, so that a profile recognises what
// was written twice where delivery is at_least_once.
//
// The processes of a topology share the input, as a consumer group of its own: `<group>-rekey`.
//
// Threads   turn() and run() on one thread; stop() from any.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/kafka.h"
#include "profile_store/profile_store.h"
#include "topologies/commit_point.h"
#include "topologies/config.h"
#include "topologies/metrics.h"
#include "topologies/outbox.h"
#include "vocab/clock.h"
#include "vocab/event.h"
#include "vocab/result.h"

namespace fovea::topologies {

// The event as a record of topics.events: the contract's own shape, the user as key, the
// coordinates of its record in headers. `ordinal` is its place among the events of that record.
[[nodiscard]] ingest::OutputRecord rekeyed_record(const Config& config, Event event,
                                                  const ingest::SourceRecord& record,
                                                  std::size_t ordinal);

struct RekeyerShared {
  const Config& config;  // the team's view of it: config_of_tasks() has lost what is needed here
  const ingest::KafkaSettings& kafka;
  const ingest::ClientFactory& clients;
  const Clock& clock;
  Metrics* metrics = nullptr;  // null: nobody looks
};

class Rekeyer final : private ingest::AssignmentListener {
 public:
  // `instance_id` is stable across restarts; empty: a member that leaves the group at its end.
  // Errors: kStop naming the setting at fault.
  [[nodiscard]] static Result<std::unique_ptr<Rekeyer>> create(const RekeyerShared& shared,
                                                               std::string name,
                                                               std::string instance_id);
  ~Rekeyer() override;

  // Until stop(), then commits what is open.
  // Errors: kStop: the broker's clients, when new ones did not help.
  [[nodiscard]] Result<void> run();

  // One turn of run(), until closed(). Errors: as run(); it is closed then.
  [[nodiscard]] Result<void> turn();
  [[nodiscard]] bool closed() const { return closed_; }

  void stop() { stopping_ = true; }

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  Rekeyer(const RekeyerShared& shared, std::string name, std::string instance_id,
          ingest::EventCodec codec);

  Result<void> on_assigning() override;
  Result<std::vector<ingest::TopicPosition>> on_assigned(
      const std::vector<ingest::AssignedPartition>& partitions) override;
  void on_revoked(const std::vector<ingest::TopicPartition>& partitions, bool lost) override;

  Result<void> join();
  Result<void> step();
  void rebuild(const Error& why);
  Result<void> close(Result<void> outcome);
  void rekey(const ingest::SourceRecord& record);
  Result<void> commit();
  Result<void> commit_all();
  [[nodiscard]] bool open() const;
  Result<void> renew_sink();
  void drop();
  Result<void> heed(Result<void> outcome, const char* what);
  void hold_or_go_on();

  const RekeyerShared shared_;
  const std::string name_;
  const std::string instance_id_;
  ingest::EventCodec codec_;
  const std::unique_ptr<profile_store::ProfileStore> nothing_;  // no profile is touched here
  CommitPoint commit_point_;
  Outbox outbox_;
  std::unique_ptr<ingest::Sink> sink_;
  ingest::TransactionalSink* transaction_ = nullptr;  // the sink, where delivery is exactly_once
  std::unique_ptr<ingest::Source> source_;
  std::map<ingest::TopicPartition, Offset> moved_;  // since the last commit
  TimePoint interval_began_;
  std::set<ingest::TopicPartition> assigned_;
  bool holding_ = false;
  int rebuilds_ = 0;  // one after another, without a commit between
  bool closed_ = false;

  const std::unique_ptr<WorkerMetrics> unwatched_;  // where nobody looks
  WorkerMetrics& metrics_;
  std::atomic<bool> stopping_{false};
};

}  // namespace fovea::topologies
