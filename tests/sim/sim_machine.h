#pragma once

// What runs in the simulation: a machine with a disk, and on it one process of fovea's, or none.

#include <atomic>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "ingest/kafka.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_disk.h"
#include "topologies/claimed_store.h"
#include "topologies/learner_loop.h"
#include "topologies/standby.h"
#include "topologies/withdrawn_items.h"
#include "topologies/worker.h"

namespace fovea::sim {

// The clients of one process.
class SimClients final : public ingest::ClientFactory {
 public:
  SimClients(SimCluster& cluster, ProcessId process) : cluster_(cluster), process_(process) {}
  Result<std::unique_ptr<ingest::Source>> open_source(
      const ingest::KafkaSettings&, const ingest::ConsumerSettings& consumer,
      ingest::AssignmentListener& listener) const override {
    return cluster_.open_source(consumer, listener, process_);
  }
  Result<std::unique_ptr<ingest::Sink>> open_sink(const ingest::KafkaSettings&) const override {
    return cluster_.open_sink(process_);
  }
  Result<std::unique_ptr<ingest::TransactionalSink>> open_transactional_sink(
      const ingest::KafkaSettings&, const std::string& id,
      std::chrono::milliseconds timeout) const override {
    return cluster_.open_transactional_sink(id, timeout, process_);
  }
  Result<std::unique_ptr<ingest::PartitionReader>> open_partition_reader(
      const ingest::KafkaSettings&, const ingest::TopicPartition& at, Offset start) const override {
    return cluster_.open_partition_reader(at, start, process_);
  }
  Result<std::vector<ingest::TopicPartition>> held_back(
      const ingest::KafkaSettings&, const std::vector<ingest::TopicPartition>& partitions,
      std::chrono::milliseconds patience) const override {
    return cluster_.held_back(partitions, patience, process_);
  }

 private:
  SimCluster& cluster_;
  const ProcessId process_;
};

// What dies together, in the order of its making.
struct SimProcess {
  SimProcess(SimCluster& cluster, ProcessId number) : id(number), clients(cluster, number) {}

  const ProcessId id;
  const SimClients clients;
  const ingest::KafkaSettings kafka;
  const std::atomic<bool> never{false};
  std::unique_ptr<profile_store::ProfileStore> store;
  std::unique_ptr<topologies::LearnerLoop> learner;
  topologies::PartitionClaims claims;
  topologies::WithdrawnItems withdrawn;
  std::unique_ptr<topologies::Worker> worker;    // once the model is there
  std::unique_ptr<topologies::Standby> standby;  // where the run has them; as the worker
  std::optional<Time> frozen_until;
  bool leaves = false;

  void leave() {
    leaves = true;
    worker->stop();
    if (standby) standby->stop();
  }
};

// Outlives its processes.
struct SimMachine {
  SimMachine(const SimClock& clock, std::string called, std::string directory)
      : name(std::move(called)), disk(clock), models(std::move(directory)) {}

  const std::string name;
  SimDisk disk;
  const std::string models;
  std::unique_ptr<SimProcess> process;
};

}  // namespace fovea::sim
