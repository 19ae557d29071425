#pragma once

// A Kafka cluster inside one thread, behind the interfaces that the real one has.
//
// The same seed and the same calls give the same bytes: time is SimClock's, chance is the seed's,
// and nothing happens but in a call. A wait is a jump of the clock to what happens next; every call
// takes a moment, so that a loop which waits for time to pass ends.
//
// Processes own clients. What a client's own threads would do, heartbeats and deliveries, goes on
// while others are called, as long as its process lives and is not frozen; a member that is not
// polled for max_poll_interval is out of its group nevertheless.
//
//   kill()     the process is gone at once. Of what its sinks had queued, a prefix of each
//   partition
//              may arrive, also later; static and dynamic members are missed after a session.
//              Clients that are left over may be destroyed and tell nobody; any other call of
//              theirs throws Crash.
//   freeze()   no heartbeats, nothing sent, answers stay unread until thaw(): a zombie.
//   cut_off()  to this process the broker is away, and the broker hears nothing of it: a zombie
//              that goes on.
//
// Transactions are Kafka's (sim_transactions.h), and all readers read committed: none gets past the
// first open transaction of a partition, and the markers and aborted records below it are offsets
// that no record has. A member that is given a partition whose committed position an open
// transaction holds back for more than 300 ms takes over the id that the partition was last
// committed under; where there is none, it waits until the coordinator has given that one up.
//
// Crash points are called before and after whatever outlives a process:
//
//   "batch:before"      "batch:after"      a batch of records of one partition is in the log
//   "commit:before"     "commit:after"     a group's offsets are committed
//   "take_over:before"  "take_over:after"  a transactional id is asked for, once
//   "begin:before"      "begin:after"      a transaction knows of a partition; with the first it
//                                          begins
//   "offsets:before"    "offsets:after"    it knows of a group's offsets
//   "end:before"        "end:after"        that it commits is decided
//                       "marker:after"     it has ended in one partition
//
// and "store:before", "store:after" of a SimDisk that was opened with crash_points(). Where the
// hook throws Crash, that process has been killed when the exception leaves here. A destructor of a
// source does not let it out: ask alive() after destroying one.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/sink.h"
#include "ingest/source.h"
#include "tests/sim/fault_plan.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_group.h"
#include "tests/sim/sim_log.h"
#include "vocab/result.h"

namespace fovea::sim {

// The end of a process. Not a std::exception: nobody but the driver catches it.
struct Crash {};

using CrashHook = std::function<void(const char* where)>;

struct TransactionSettings {
  std::chrono::milliseconds timeout{10'000};     // of one that is open, and of its records
  std::chrono::milliseconds look_every{10'000};  // for one that took longer
};

struct ClusterSettings {
  GroupSettings group;
  std::size_t queue_records_max = 100'000;  // of a sink
  std::size_t batch_records_max = 64;
  TransactionSettings transactions = {};
};

class ClusterCore;

class SimCluster {
 public:
  // Lifetime: `clock` and `plan` outlive the cluster, the cluster its clients.
  SimCluster(SimClock& clock, FaultPlan& plan, std::uint64_t seed, ClusterSettings settings = {});
  ~SimCluster();

  // The contracts are those of open_kafka_source() and the like (ingest/kafka.h).
  Result<std::unique_ptr<ingest::Source>> open_source(const ingest::ConsumerSettings& consumer,
                                                      ingest::AssignmentListener& listener,
                                                      ProcessId process);
  Result<std::unique_ptr<ingest::Sink>> open_sink(ProcessId process);
  Result<std::unique_ptr<ingest::TransactionalSink>> open_transactional_sink(
      const std::string& id, std::chrono::milliseconds timeout, ProcessId process);
  Result<std::unique_ptr<ingest::PartitionReader>> open_partition_reader(
      const ingest::TopicPartition& at, Offset start, ProcessId process);

  Result<std::vector<ingest::TopicPartition>> held_back(
      const std::vector<ingest::TopicPartition>& partitions, std::chrono::milliseconds patience,
      ProcessId process);

  [[nodiscard]] ProcessId start_process();
  void kill(ProcessId process);
  void freeze(ProcessId process);
  void thaw(ProcessId process);
  // From now on, for so long.
  void cut_off(ProcessId process, std::chrono::nanoseconds time);
  [[nodiscard]] bool alive(ProcessId process) const;

  void set_crash_hook(CrashHook hook);
  // For effects elsewhere that are this process's: a disk, files. Lifetime: the cluster's.
  [[nodiscard]] CrashHook crash_points(ProcessId process);

  // Lets time pass, and happen what does so by itself.
  void run_for(std::chrono::nanoseconds time);

  // Topics, and what the driver writes, reads and deletes there, with nothing in between.
  void create_topic(const std::string& topic, const TopicSettings& settings);
  Offset append(const ingest::TopicPartition& at, LogRecord record);
  void trim(const ingest::TopicPartition& at, Offset offset);
  void compact(const ingest::TopicPartition& at, bool drop_tombstones = false);
  [[nodiscard]] const SimLog& log() const;
  [[nodiscard]] std::optional<Offset> committed(const std::string& group,
                                                const ingest::TopicPartition& at) const;
  [[nodiscard]] std::int32_t generation(const std::string& group) const;
  [[nodiscard]] std::optional<ProcessId> owner(const std::string& group,
                                               const ingest::TopicPartition& at) const;

  // All committed records and all committed offsets, in one number.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  std::unique_ptr<ClusterCore> core_;
};

}  // namespace fovea::sim
