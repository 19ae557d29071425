#pragma once

// A cluster with a topic, and listeners that remember what they were told.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/sim_cluster.h"

namespace fovea::sim {

using ingest::TopicPartition;
using namespace std::chrono_literals;

inline LogRecord record(const std::string& value) {
  LogRecord made;
  made.key = "k";
  made.value = value;
  return made;
}

inline ingest::OutputRecord output(Partition partition, const std::string& value) {
  return {"t", partition, "k", value, {}};
}

class Listener final : public ingest::AssignmentListener {
 public:
  struct Told {
    std::vector<TopicPartition> partitions;
    bool lost = false;
  };
  std::vector<std::vector<ingest::AssignedPartition>> assigned;
  std::vector<Told> revoked;
  std::vector<ingest::TopicPosition> answer;
  std::function<void()> on_revoke;
  std::function<void()> on_assign;  // before anybody is asked where the group had got to

  Result<void> on_assigning() override {
    if (on_assign) on_assign();
    return {};
  }
  Result<std::vector<ingest::TopicPosition>> on_assigned(
      const std::vector<ingest::AssignedPartition>& partitions) override {
    assigned.push_back(partitions);
    return answer;
  }
  void on_revoked(const std::vector<TopicPartition>& partitions, bool lost) override {
    revoked.push_back({partitions, lost});
    if (on_revoke) on_revoke();
  }
};

// A process with a member of group g that reads t.
struct Reader {
  ProcessId process;
  Listener listener;
  std::unique_ptr<ingest::Source> source;
  std::vector<ingest::SourceRecord> got;

  Result<void> poll(std::chrono::milliseconds timeout = 10ms) {
    return source->poll(got, 1000, timeout);
  }
  [[nodiscard]] std::vector<std::string> values(Partition partition = 0) const {
    std::vector<std::string> values;
    for (const auto& one : got) {
      if (one.partition == partition) values.push_back(one.value.value_or("(none)"));
    }
    return values;
  }
  [[nodiscard]] std::vector<Partition> holds() const {
    std::vector<Partition> partitions;
    if (listener.assigned.size() == listener.revoked.size()) return partitions;
    for (const auto& one : listener.assigned.back()) partitions.push_back(one.at.partition);
    return partitions;
  }
};

class SimFixture : public testing::Test {
 protected:
  explicit SimFixture(std::int32_t partitions = 1) {
    cluster.create_topic("t", {partitions, false});
  }

  // Calls the members in turn until the group has settled.
  static void settle(const std::vector<Reader*>& readers) {
    for (int round = 0; round < 6; ++round) {
      for (Reader* reader : readers) ASSERT_TRUE(reader->poll());
    }
  }

  std::unique_ptr<Reader> join(const std::string& instance = "",
                               const std::string& start = "earliest") {
    auto reader = std::make_unique<Reader>();
    reader->process = cluster.start_process();
    reopen(*reader, instance, start);
    return reader;
  }
  void reopen(Reader& reader, const std::string& instance, const std::string& start = "earliest") {
    ingest::ConsumerSettings settings{{"t"}, "g", instance, start, {}};
    settings.skip_lost = skip_lost;
    auto source = cluster.open_source(settings, reader.listener, reader.process);
    ASSERT_TRUE(source) << source.error().message;
    reader.source = *std::move(source);
  }
  std::unique_ptr<ingest::Sink> sink(ProcessId process) {
    auto made = cluster.open_sink(process);
    return *std::move(made);
  }
  std::unique_ptr<ingest::TransactionalSink> transactional(ProcessId process,
                                                           const std::string& id = "a") {
    auto made = cluster.open_transactional_sink(id, 5s, process);
    EXPECT_TRUE(made);
    return *std::move(made);
  }
  [[nodiscard]] std::vector<std::string> committed_values(Partition partition = 0) const {
    std::vector<std::string> values;
    for (const LogRecord* one : cluster.log().partition({"t", partition}).committed()) {
      values.push_back(one->value.value_or("(none)"));
    }
    return values;
  }
  [[nodiscard]] std::vector<std::string> log_values(Partition partition = 0) const {
    std::vector<std::string> values;
    for (const LogRecord& one : cluster.log().partition({"t", partition}).records) {
      values.push_back(one.value.value_or("(none)"));
    }
    return values;
  }

  SimClock clock;
  FaultPlan plan;
  SimCluster cluster{clock, plan, 7};
  bool skip_lost = false;  // of whoever joins
  const TopicPartition at{"t", 0};
};

}  // namespace fovea::sim
