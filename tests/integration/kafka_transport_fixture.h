#pragma once

// What the tests of source, sink and admin against a real broker share: a listener that remembers,
// numbered records, and polling with an end.

#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "tests/support/kafka_broker.h"

namespace fovea::ingest {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::broker_address;
using test::kafka_settings;
using test::make_topic;
using test::unique_name;

// Says where to start, remembers what it was told, and asks for pauses.
class Listener : public AssignmentListener {
 public:
  Result<std::vector<TopicPosition>> on_assigned(
      const std::vector<AssignedPartition>& partitions) override {
    ++assigned_count;
    owned.clear();
    committed.clear();
    for (const AssignedPartition& one : partitions) {
      owned.insert(one.at.partition);
      committed[one.at.partition] = one.committed;
    }
    if (source != nullptr && !pause_on_assigned.empty()) source->pause(pause_on_assigned);
    std::vector<TopicPosition> told;
    for (const auto& position : positions) {
      if (owned.contains(position.at.partition)) told.push_back(position);
    }
    return told;
  }
  void on_revoked(const std::vector<TopicPartition>&, bool lost) override {
    ++revoked_count;
    lost_count += lost ? 1 : 0;
    owned.clear();
  }

  std::vector<TopicPosition> positions;
  std::vector<TopicPartition> pause_on_assigned;
  Source* source = nullptr;
  std::set<Partition> owned;
  std::map<Partition, std::optional<Offset>> committed;
  int assigned_count = 0;
  int revoked_count = 0;
  int lost_count = 0;
};

inline std::unique_ptr<Source> open_source(const std::string& topic, const std::string& group,
                                           Listener& listener,
                                           const std::string& start = "earliest",
                                           const std::string& instance = {}) {
  auto source = open_kafka_source(kafka_settings(broker_address()),
                                  {{topic}, group, instance, start}, listener);
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return nullptr;
  }
  listener.source = source->get();
  return std::move(*source);
}

// Polls until `enough` holds, or fails after 20 s.
template <class Enough>
void poll_until(Source& source, std::vector<SourceRecord>& out, const Enough& enough,
                std::size_t records_max = 500) {
  const auto deadline = steady_clock::now() + 20s;
  while (!enough()) {
    const auto polled = source.poll(out, records_max, 50ms);
    ASSERT_TRUE(polled) << polled.error().message;
    ASSERT_LT(steady_clock::now(), deadline) << out.size() << " records so far";
  }
}

inline Error poll_until_error(Source& source) {
  const auto deadline = steady_clock::now() + 20s;
  std::vector<SourceRecord> out;
  while (steady_clock::now() < deadline) {
    if (const auto polled = source.poll(out, 500, 50ms); !polled) return polled.error();
  }
  ADD_FAILURE() << "no error within 20 s";
  return retry("");
}

inline OutputRecord numbered(const std::string& topic, Partition partition, int number) {
  return {topic, partition, "k", std::to_string(number), {}};
}

inline std::vector<OutputRecord> numbered_records(const std::string& topic, Partition partitions,
                                                  int count) {
  std::vector<OutputRecord> records;
  for (int i = 0; i < count; ++i) {
    for (Partition p = 0; p < partitions; ++p) records.push_back(numbered(topic, p, i));
  }
  return records;
}

class KafkaTransport : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    settings = kafka_settings(broker_address());
  }
  KafkaSettings settings;
};

}  // namespace fovea::ingest
