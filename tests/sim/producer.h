#pragma once

// What an idempotent producer has under way; outlives its sink. Private to the simulation.
//
// One batch of a partition is under way at a time: sent, in the log, answered. The two moments are
// apart, so that a process can die between them. A batch whose answer is lost is sent again and
// recognised by its sequence.
//
// One that holds a transactional id has its records in one transaction after another. It is fenced
// by what the coordinator answers, and gives up what takes longer than a transaction may.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "ingest/source.h"
#include "tests/sim/cluster_core.h"
#include "tests/sim/sim_log.h"

namespace fovea::sim {

class Producer : public std::enable_shared_from_this<Producer> {
 public:
  Producer(ClusterCore& core, ProcessId process,
           std::optional<TransactionHolder> holder = std::nullopt)
      : core_(core), process_(process), id_(core.next_producer()), holder_(std::move(holder)) {}

  [[nodiscard]] ProcessId process() const { return process_; }
  [[nodiscard]] std::size_t pending() const { return pending_; }
  [[nodiscard]] const std::optional<Error>& lost() const { return lost_; }
  [[nodiscard]] std::optional<Offset> delivered_next(const ingest::TopicPartition& at) const;

  void enqueue(const ingest::TopicPartition& at, LogRecord record);
  // The transaction so far has ended: what comes is of another. Requires: nothing is pending.
  void begin_anew() { transaction_ = kNoTransaction; }
  // Without waiting for more to send together.
  void hurry();
  // After its process was frozen.
  void go_on(Time now);
  // Nothing more is sent, except what was, in a manner of speaking, on the wire: of each partition
  // some first part of the rest.
  void abandon(Time now);

 private:
  struct Queue {
    std::deque<LogRecord> waiting;
    std::vector<LogRecord> under_way;
    std::int64_t sequence = 0;     // of the first record under way, or else of the first waiting
    bool arrived = false;          // what is under way is in the log
    std::optional<Offset> unread;  // the answer, while the process is frozen
    Offset delivered_next = kNoOffset;
  };

  // Calls a member function later, if there is still something to do then.
  template <class What>
  void later(Time at, What what);
  void send(const ingest::TopicPartition& at, Time now);
  // Whether the transaction knows of the partition; asks again later where it cannot be told.
  bool in_transaction(const ingest::TopicPartition& at, Time now);
  void expire_if_still_pending();
  void arrive(const ingest::TopicPartition& at, Time now);
  void answer(const ingest::TopicPartition& at, Offset next, Time now);
  void refuse(const ingest::TopicPartition& at, Time now, Error why);
  void leave_on_the_wire(const ingest::TopicPartition& at, Queue& queue, Time now);

  ClusterCore& core_;
  const ProcessId process_;
  const std::int32_t id_;
  const std::optional<TransactionHolder> holder_;
  TransactionNumber transaction_ = kNoTransaction;  // that is open
  std::map<ingest::TopicPartition, Queue> queues_;
  std::size_t pending_ = 0;
  std::uint64_t waits_ = 0;  // how often something became pending
  bool abandoned_ = false;
  std::optional<Error> lost_;
};

}  // namespace fovea::sim
