#pragma once

// What the clients of a simulated cluster share: time, chance, faults, logs, groups, processes.
// Private to the simulation.
//
// Nothing runs by itself. Whoever calls in lets everything happen first that was due by now;
// whoever waits moves the clock from one event to the next. What is due is done in the order of its
// time, then in the order it was planned.

#include <array>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scorer/random.h"
#include "tests/sim/fault_plan.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_group.h"
#include "tests/sim/sim_log.h"
#include "tests/sim/sim_transactions.h"
#include "vocab/result.h"

namespace fovea::sim {

class Producer;

class ClusterCore {
 public:
  ClusterCore(SimClock& time, FaultPlan& faults, std::uint64_t seed, const ClusterSettings& set);

  SimClock& clock;
  FaultPlan& plan;
  const ClusterSettings settings;
  scorer::Random random;
  SimLog log;
  CrashHook hook;
  SimTransactions transactions{*this};

  [[nodiscard]] SimGroup& group(const std::string& id);
  [[nodiscard]] std::map<std::string, SimGroup>& groups() { return groups_; }

  [[nodiscard]] Time now() const { return clock.monotonic(); }
  // What keeps this process from the broker: the broker's absence or a cut of its own.
  [[nodiscard]] std::array<Outage, 2> outages(ProcessId process) const;
  [[nodiscard]] bool away(ProcessId process, Time at) const;
  [[nodiscard]] bool away(ProcessId process) const { return away(process, now()); }
  // `at`, or when the broker can be reached again.
  [[nodiscard]] Time reachable(ProcessId process, Time at) const;
  // `at`, or when there is a coordinator of transactions again.
  [[nodiscard]] Time coordinator_up(Time at) const;
  // Up to `most`, at least a microsecond.
  [[nodiscard]] std::chrono::microseconds up_to(std::chrono::microseconds most);

  void schedule(Time at, std::function<void(Time)> what);
  void settle();
  // Moves the clock to the next thing that happens, or to the deadline, and lets it happen.
  void step(Time deadline);
  // Whether `done` held before the deadline had passed.
  template <class Done>
  bool wait(Time deadline, const Done& done) {
    while (!done()) {
      if (now() >= deadline) return false;
      step(deadline);
    }
    return true;
  }

  [[nodiscard]] ProcessId start_process();
  [[nodiscard]] bool alive(ProcessId process) const;
  [[nodiscard]] bool frozen(ProcessId process) const;
  void kill(ProcessId process);
  void freeze(ProcessId process);
  void thaw(ProcessId process);
  void cut_off(ProcessId process, std::chrono::nanoseconds time);
  void crash_point(ProcessId process, const char* where);
  // As crash_point(), where the effect is one of whoever is calling in; another's is no point at
  // which the caller could die.
  void crash_point_of_caller(ProcessId process, const char* where);

  std::int32_t next_producer() { return ++producers_made_; }
  void enlist(const std::shared_ptr<Producer>& producer);

  // A call of a client: no dead process makes one.
  class Call {
   public:
    Call(ClusterCore& core, ProcessId process);
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

   private:
    ClusterCore& core_;
    const std::optional<ProcessId> before_;
  };

 private:
  struct Process {
    bool alive = true;
    bool frozen = false;
    Outage cut;
  };
  [[nodiscard]] Process& find(ProcessId process);
  [[nodiscard]] Time broker_back() const;
  [[nodiscard]] Time when_up(Time at) const;
  void hear_again(ProcessId process);
  template <class What>
  void each_producer(ProcessId process, const What& what);

  std::multimap<Time, std::function<void(Time)>> events_;
  std::map<std::string, SimGroup> groups_;
  std::vector<Process> processes_;
  std::vector<std::weak_ptr<Producer>> producers_;
  std::int32_t producers_made_ = 0;
  std::optional<ProcessId> caller_;
};

// While no broker answers, a client says so every three seconds.
class AwayReport {
 public:
  Result<void> say(const ClusterCore& core, ProcessId process);

 private:
  Time said_{};
};

// "topic t does not exist"
[[nodiscard]] Error missing_topic(const std::string& topic);
[[nodiscard]] std::string words_for(const ingest::TopicPartition& at);
[[nodiscard]] Error fenced(const TransactionHolder& holder);
[[nodiscard]] Error no_broker(const ClusterCore& core, ProcessId process);

[[nodiscard]] ingest::SourceRecord to_record(const LogRecord& record, std::string_view topic,
                                             Partition partition);

Result<std::unique_ptr<ingest::Source>> open_sim_source(ClusterCore& core, ProcessId process,
                                                        const ingest::ConsumerSettings& consumer,
                                                        ingest::AssignmentListener& listener);
Result<std::unique_ptr<ingest::Sink>> open_sim_sink(ClusterCore& core, ProcessId process);
Result<std::unique_ptr<ingest::TransactionalSink>> open_sim_transactional_sink(
    ClusterCore& core, ProcessId process, const std::string& id, std::chrono::milliseconds timeout);
// As a client does: asks until everything before is settled. Absent where that takes too long.
[[nodiscard]] std::optional<TransactionHolder> take_over(ClusterCore& core, ProcessId process,
                                                         const std::string& id, Time deadline);
Result<std::unique_ptr<ingest::PartitionReader>> open_sim_reader(ClusterCore& core,
                                                                 ProcessId process,
                                                                 const ingest::TopicPartition& at,
                                                                 Offset start);

}  // namespace fovea::sim
