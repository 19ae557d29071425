// TransactionalSink and the source beside it, against a real broker: what becomes visible when, who
// is kept from committing, and whose open transaction a successor does not wait for.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "ingest/kafka.h"
#include "tests/support/kafka_broker.h"

namespace fovea::ingest {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

class Listener : public AssignmentListener {
 public:
  Result<void> on_assigning() override {
    ++assigning;
    return {};
  }
  Result<std::vector<TopicPosition>> on_assigned(
      const std::vector<AssignedPartition>& partitions) override {
    assigned = partitions;
    return std::vector<TopicPosition>();
  }
  void on_revoked(const std::vector<TopicPartition>&, bool) override { assigned.clear(); }

  int assigning = 0;
  std::vector<AssignedPartition> assigned;
};

class KafkaExactlyOnce : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    settings_ = test::kafka_settings(test::broker_address());
    input_ = {test::make_topic(settings_, "in", 1), 0};
    output_ = {test::make_topic(settings_, "out", 1), 0};
    group_ = test::unique_name("group");
    id_ = test::unique_name("worker");
    test::produce(settings_, {record(input_, "1"), record(input_, "2"), record(input_, "3")});
  }

  static OutputRecord record(const TopicPartition& at, const std::string& value) {
    return {at.topic, at.partition, "k", value, {}};
  }

  std::unique_ptr<Source> join(Listener& listener, const std::string& instance = "one") {
    auto source =
        open_kafka_source(settings_, {{input_.topic}, group_, instance, "earliest"}, listener);
    if (!source) return ADD_FAILURE() << source.error().message, nullptr;
    const auto deadline = steady_clock::now() + 30s;
    std::vector<SourceRecord> records;
    while (listener.assigned.empty()) {
      const auto polled = (*source)->poll(records, 100, 50ms);
      if (!polled) return ADD_FAILURE() << polled.error().message, nullptr;
      if (steady_clock::now() > deadline) return ADD_FAILURE() << "not assigned", nullptr;
    }
    return *std::move(source);
  }

  std::unique_ptr<TransactionalSink> sink() {
    auto opened = open_kafka_transactional_sink(settings_, id_, 30s);
    if (!opened) return ADD_FAILURE() << opened.error().message, nullptr;
    return *std::move(opened);
  }

  // With everything acknowledged, as far as one record goes.
  static void append(TransactionalSink& sink, const OutputRecord& record) {
    ASSERT_TRUE(sink.append(record));
    const auto flushed = sink.flush(20s);
    ASSERT_TRUE(flushed) << flushed.error().message;
  }

  // What can be seen of the output within 300 ms.
  std::vector<std::string> visible() {
    std::vector<std::string> values;
    auto reader = open_partition_reader(settings_, output_, kNoOffset);
    if (!reader) return ADD_FAILURE() << reader.error().message, values;
    std::vector<SourceRecord> records;
    const auto poll_until = [&](steady_clock::time_point deadline, bool answered) {
      while (steady_clock::now() < deadline) {
        EXPECT_TRUE((*reader)->poll(records, 100, 50ms));
        if (answered && (*reader)->known_end() != kNoOffset) return;
      }
    };
    poll_until(steady_clock::now() + 10s, true);  // what follows is not for connecting
    poll_until(steady_clock::now() + 300ms, false);
    for (const SourceRecord& one : records) values.push_back(one.value.value_or(""));
    return values;
  }

  KafkaSettings settings_;
  TopicPartition input_;
  TopicPartition output_;
  std::string group_;
  std::string id_;
};

using Values = std::vector<std::string>;

TEST_F(KafkaExactlyOnce, RecordsAndPositionsBecomeVisibleTogether) {
  Listener listener;
  Listener next;
  auto source = join(listener);
  auto mine = sink();
  ASSERT_TRUE(source && mine);
  EXPECT_EQ(listener.assigning, 1);
  EXPECT_FALSE(listener.assigned[0].committed);
  append(*mine, record(output_, "a"));
  EXPECT_EQ(mine->delivered_next(output_), 1);
  EXPECT_EQ(visible(), Values{});

  const auto committed = mine->commit({{input_, 2}}, source->membership(), 10s);

  ASSERT_TRUE(committed) << committed.error().message;
  EXPECT_EQ(visible(), Values{"a"});
  source.reset();
  source = join(next);
  ASSERT_TRUE(source);
  EXPECT_EQ(next.assigned[0].committed, 2);
  EXPECT_EQ(next.assigned[0].committed_by, id_);
}

TEST_F(KafkaExactlyOnce, PositionsAloneCommit) {
  Listener listener;
  Listener next;
  auto source = join(listener);
  auto mine = sink();
  ASSERT_TRUE(source && mine);

  ASSERT_TRUE(mine->commit({{input_, 3}}, source->membership(), 10s));
  ASSERT_TRUE(mine->commit({}, source->membership(), 10s)) << "nothing to commit";

  source.reset();
  source = join(next);
  ASSERT_TRUE(source);
  EXPECT_EQ(next.assigned[0].committed, 3);
}

TEST_F(KafkaExactlyOnce, WhatIsNotCommittedIsNeverSeen) {
  Listener listener;
  const auto source = join(listener);
  auto mine = sink();
  ASSERT_TRUE(source && mine);
  append(*mine, record(output_, "a"));

  mine.reset();
  mine = sink();
  ASSERT_TRUE(mine);
  append(*mine, record(output_, "b"));
  ASSERT_TRUE(mine->commit({{input_, 1}}, source->membership(), 10s));

  EXPECT_EQ(visible(), Values{"b"});
}

TEST_F(KafkaExactlyOnce, WhoTakesTheIdOverKeepsTheOneBeforeFromCommitting) {
  Listener listener;
  const auto source = join(listener);
  auto before = sink();
  ASSERT_TRUE(source && before);
  append(*before, record(output_, "a"));

  auto after = sink();
  ASSERT_TRUE(after);
  const auto refused = before->commit({{input_, 1}}, source->membership(), 10s);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().disposition, Disposition::kStop) << refused.error().message;
  append(*after, record(output_, "b"));
  ASSERT_TRUE(after->commit({{input_, 1}}, source->membership(), 10s));
  EXPECT_EQ(visible(), Values{"b"});
}

TEST_F(KafkaExactlyOnce, WhoHasLostItsPartitionsCommitsNothing) {
  Listener listener;
  Listener next;
  auto source = join(listener, "");
  auto zombie = sink();
  ASSERT_TRUE(source && zombie);
  append(*zombie, record(output_, "a"));
  const std::string membership = source->membership();
  source.reset();
  source = join(next, "");
  ASSERT_TRUE(source);

  const auto refused = zombie->commit({{input_, 1}}, membership, 10s);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().disposition, Disposition::kStop) << refused.error().message;
  zombie.reset();
  EXPECT_EQ(visible(), Values{});
}

// What KafkaTransactionalSink never leaves but by a crash: offsets are sent, and no commit comes.
class CrashedOwner {
 public:
  CrashedOwner(const std::string& bootstrap, const std::string& id) {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    std::array<char, 256> words{};
    const auto set = [&](const char* name, const std::string& value) {
      EXPECT_EQ(rd_kafka_conf_set(conf, name, value.c_str(), words.data(), words.size()),
                RD_KAFKA_CONF_OK)
          << words.data();
    };
    set("bootstrap.servers", bootstrap);
    set("transactional.id", id);
    set("transaction.timeout.ms", "60000");
    producer_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words.data(), words.size());
    EXPECT_NE(producer_, nullptr) << words.data();
    expect(rd_kafka_init_transactions(producer_, 30'000));
    expect(rd_kafka_begin_transaction(producer_));
  }
  ~CrashedOwner() { rd_kafka_destroy(producer_); }
  CrashedOwner(const CrashedOwner&) = delete;
  CrashedOwner& operator=(const CrashedOwner&) = delete;

  void send_offset(const TopicPosition& position, const std::string& membership) {
    rd_kafka_topic_partition_list_t* offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(offsets, position.at.topic.c_str(), position.at.partition)
        ->offset = position.next;
    rd_kafka_consumer_group_metadata_t* member = nullptr;
    expect(rd_kafka_consumer_group_metadata_read(&member, membership.data(), membership.size()));
    expect(rd_kafka_send_offsets_to_transaction(producer_, offsets, member, 30'000));
    rd_kafka_consumer_group_metadata_destroy(member);
    rd_kafka_topic_partition_list_destroy(offsets);
  }

 private:
  static void expect(rd_kafka_error_t* error) {
    if (error == nullptr) return;
    ADD_FAILURE() << rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
  }

  rd_kafka_t* producer_ = nullptr;
};

TEST_F(KafkaExactlyOnce, APartitionIsHeldBackWhereATransactionStaysOpen) {
  const TopicPartition other{output_.topic, 1};  // it has one
  auto mine = sink();
  ASSERT_TRUE(mine);
  append(*mine, record(output_, "a"));

  auto began = steady_clock::now();
  auto held = held_back(settings_, {input_, output_, other}, 700ms);
  EXPECT_GE(steady_clock::now() - began, 700ms);
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(*held, std::vector{output_});

  // Where one transaction follows another the last stable offset moves.
  std::atomic<bool> done{false};
  std::thread busy([&] {
    Listener listener;
    const auto source = join(listener);
    while (!done) {
      const auto committed = mine->commit({{input_, 1}}, source->membership(), 10s);
      ASSERT_TRUE(committed) << committed.error().message;
      append(*mine, record(output_, "b"));
    }
  });
  held = held_back(settings_, {output_}, 30s);
  done = true;
  busy.join();
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(*held, std::vector<TopicPartition>());

  began = steady_clock::now();
  mine.reset();
  ASSERT_TRUE(sink());
  held = held_back(settings_, {output_}, 30s);
  EXPECT_LT(steady_clock::now() - began, 20s);
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(*held, std::vector<TopicPartition>());

  const auto missing = held_back(settings_, {{"nowhere", 0}}, 100ms);
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().message, "topic nowhere does not exist");
}

TEST_F(KafkaExactlyOnce, ASuccessorEndsTheTransactionOfAnOwnerThatCrashed) {
  Listener listener;
  Listener next;
  auto source = join(listener);
  auto mine = sink();
  ASSERT_TRUE(source && mine);
  ASSERT_TRUE(mine->commit({{input_, 1}}, source->membership(), 10s));
  mine.reset();
  CrashedOwner crashed(test::broker_address(), id_);
  crashed.send_offset({input_, 3}, source->membership());
  source.reset();

  const auto began = steady_clock::now();
  source = join(next);

  ASSERT_TRUE(source);
  EXPECT_EQ(next.assigned[0].committed, 1) << "what was sent is aborted";
  EXPECT_LT(steady_clock::now() - began, 30s) << "the transaction would have lasted a minute";
}

}  // namespace
}  // namespace fovea::ingest
