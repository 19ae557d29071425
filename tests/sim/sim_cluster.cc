#include "tests/sim/sim_cluster.h"

#include <fmt/format.h>

#include <utility>

#include "ingest/keys.h"
#include "tests/sim/cluster_core.h"
#include "tests/sim/sim_positions.h"

namespace fovea::sim {

using ingest::TopicPartition;

SimCluster::SimCluster(SimClock& clock, FaultPlan& plan, std::uint64_t seed,
                       ClusterSettings settings)
    : core_(std::make_unique<ClusterCore>(clock, plan, seed, settings)) {}

SimCluster::~SimCluster() = default;

Result<std::unique_ptr<ingest::Source>> SimCluster::open_source(
    const ingest::ConsumerSettings& consumer, ingest::AssignmentListener& listener,
    ProcessId process) {
  return open_sim_source(*core_, process, consumer, listener);
}

Result<std::unique_ptr<ingest::Sink>> SimCluster::open_sink(ProcessId process) {
  return open_sim_sink(*core_, process);
}

Result<std::unique_ptr<ingest::TransactionalSink>> SimCluster::open_transactional_sink(
    const std::string& id, std::chrono::milliseconds timeout, ProcessId process) {
  return open_sim_transactional_sink(*core_, process, id, timeout);
}

Result<std::unique_ptr<ingest::PartitionReader>> SimCluster::open_partition_reader(
    const TopicPartition& at, Offset start, ProcessId process) {
  return open_sim_reader(*core_, process, at, start);
}

Result<std::vector<TopicPartition>> SimCluster::held_back(
    const std::vector<TopicPartition>& partitions, std::chrono::milliseconds patience,
    ProcessId process) {
  return sim::held_back(*core_, process, partitions, patience);
}

ProcessId SimCluster::start_process() {
  return core_->start_process();
}
void SimCluster::kill(ProcessId process) {
  core_->kill(process);
}
void SimCluster::freeze(ProcessId process) {
  core_->freeze(process);
}
void SimCluster::thaw(ProcessId process) {
  core_->thaw(process);
}
void SimCluster::cut_off(ProcessId process, std::chrono::nanoseconds time) {
  core_->cut_off(process, time);
}
bool SimCluster::alive(ProcessId process) const {
  return core_->alive(process);
}

void SimCluster::set_crash_hook(CrashHook hook) {
  core_->hook = std::move(hook);
}

CrashHook SimCluster::crash_points(ProcessId process) {
  return [core = core_.get(), process](const char* where) {
    if (!core->alive(process)) throw Crash{};
    core->crash_point(process, where);
  };
}

void SimCluster::run_for(std::chrono::nanoseconds time) {
  const Time deadline = core_->now() + time;
  core_->wait(deadline, [] { return false; });
}

void SimCluster::create_topic(const std::string& topic, const TopicSettings& settings) {
  core_->log.create(topic, settings);
}

Offset SimCluster::append(const TopicPartition& at, LogRecord record) {
  core_->settle();
  return core_->log.append(at, std::move(record), core_->clock.now());
}

void SimCluster::trim(const TopicPartition& at, Offset offset) {
  core_->log.trim(at, offset);
}

void SimCluster::compact(const TopicPartition& at, bool drop_tombstones) {
  core_->log.compact(at, drop_tombstones);
}

const SimLog& SimCluster::log() const {
  return core_->log;
}

std::optional<Offset> SimCluster::committed(const std::string& group,
                                            const TopicPartition& at) const {
  const auto found = core_->groups().find(group);
  if (found == core_->groups().end()) return std::nullopt;
  const auto& committed = found->second.committed();
  const auto one = committed.find(at);
  return one == committed.end() ? std::nullopt : std::optional(one->second.next);
}

std::int32_t SimCluster::generation(const std::string& group) const {
  const auto found = core_->groups().find(group);
  return found == core_->groups().end() ? 0 : found->second.generation();
}

std::optional<ProcessId> SimCluster::owner(const std::string& group,
                                           const TopicPartition& at) const {
  const auto found = core_->groups().find(group);
  return found == core_->groups().end() ? std::nullopt : found->second.owner(at);
}

std::uint64_t SimCluster::digest() const {
  std::uint64_t sum = core_->log.digest();
  for (const auto& [id, group] : core_->groups()) {
    sum = ingest::hash64(id, sum);
    for (const auto& [at, one] : group.committed()) {
      sum =
          ingest::hash64(fmt::format("{} {} {} {}", at.topic, at.partition, one.next, one.by), sum);
    }
  }
  return sum;
}

}  // namespace fovea::sim
