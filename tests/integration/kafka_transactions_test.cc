// TransactionalWriter and the trimming of logs against a real broker: what fences whom, and what
// lies in a log whose start was deleted.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "tests/support/kafka_broker.h"

namespace fovea::ingest {
namespace {

using namespace std::chrono_literals;
using test::broker_address;
using test::kafka_settings;
using test::make_topic;
using test::unique_name;

class KafkaTransactions : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    settings_ = kafka_settings(broker_address());
    topic_ = make_topic(settings_, "model", 1);
    id_ = unique_name("writer");
  }

  // One that holds the id.
  std::unique_ptr<TransactionalWriter> writer() {
    auto opened = open_kafka_transactional_writer(settings_, id_);
    if (!opened) {
      ADD_FAILURE() << opened.error().message;
      return nullptr;
    }
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    for (;;) {
      const auto taken = (*opened)->take_over(1s);
      if (taken) return *std::move(opened);
      if (taken.error().disposition != Disposition::kRetry ||
          std::chrono::steady_clock::now() > deadline) {
        ADD_FAILURE() << taken.error().message;
        return nullptr;
      }
    }
  }

  [[nodiscard]] std::vector<OutputRecord> records(const std::vector<std::string>& values) const {
    std::vector<OutputRecord> made;
    for (const std::string& value : values) {
      OutputRecord record;
      record.topic = topic_;
      record.partition = 0;
      record.key = "key of " + value;
      record.value = value;
      made.push_back(std::move(record));
    }
    return made;
  }

  std::vector<std::string> values() {
    std::vector<std::string> found;
    for (const auto& record : test::dump_topic(settings_, topic_)) {
      found.push_back(record.value.value_or(""));
    }
    return found;
  }

  KafkaSettings settings_;
  std::string topic_;
  std::string id_;
};

using Values = std::vector<std::string>;

TEST_F(KafkaTransactions, WhatIsWrittenIsThereAndTheLastOffsetIsTold) {
  const auto mine = writer();
  ASSERT_TRUE(mine);

  const auto first = mine->write(records({"a", "b"}), 10s);
  const auto second = mine->write(records({"c"}), 10s);

  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_EQ(values(), (Values{"a", "b", "c"}));
  EXPECT_EQ(*first, 1);
  EXPECT_EQ(*second, 3) << "the marker of the transaction before takes an offset";
}

TEST_F(KafkaTransactions, WhoTakesTheIdOverFencesTheOneBefore) {
  const auto before = writer();
  ASSERT_TRUE(before);
  ASSERT_TRUE(before->write(records({"a"}), 10s));
  const auto after = writer();
  ASSERT_TRUE(after);

  const auto refused = before->write(records({"b"}), 10s);

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().disposition, Disposition::kStop) << refused.error().message;
  EXPECT_TRUE(before->fenced());
  EXPECT_FALSE(after->fenced());
  ASSERT_TRUE(after->write(records({"c"}), 10s));
  EXPECT_EQ(values(), (Values{"a", "c"}));
}

TEST_F(KafkaTransactions, ARecordThatCannotBeWrittenTakesItsTransactionWithIt) {
  const auto mine = writer();
  ASSERT_TRUE(mine);
  auto spoilt = records({"a", "b"});
  spoilt.back().partition = 7;

  EXPECT_FALSE(mine->write(spoilt, 10s));

  EXPECT_FALSE(mine->fenced());
  const auto again = mine->write(records({"c"}), 10s);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(values(), (Values{"c"}));
}

TEST_F(KafkaTransactions, AMissingTopicIsNamed) {
  const auto mine = writer();
  ASSERT_TRUE(mine);
  auto lost = records({"a"});
  lost.back().topic = "nowhere";

  const auto refused = mine->write(lost, 10s);

  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("nowhere"), std::string::npos) << refused.error().message;
  EXPECT_FALSE(mine->fenced());
}

TEST_F(KafkaTransactions, ALogIsTrimmedToAnOffsetAndBeginsThere) {
  test::produce(settings_, records({"a", "b", "c", "d"}));
  auto admin = open_kafka_admin(settings_);
  ASSERT_TRUE(admin);

  const auto begins = (*admin)->delete_before({topic_, 0}, 2, 10s);

  ASSERT_TRUE(begins) << begins.error().message;
  EXPECT_EQ(*begins, 2);
  EXPECT_EQ(values(), (Values{"c", "d"}));
}

TEST_F(KafkaTransactions, ATrimBeyondTheEndIsRefusedAndNamesThePartition) {
  auto admin = open_kafka_admin(settings_);
  ASSERT_TRUE(admin);

  const auto refused = (*admin)->delete_before({topic_, 0}, 5, 10s);

  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find(topic_ + " [0]"), std::string::npos)
      << refused.error().message;
}

TEST_F(KafkaTransactions, TheFirstRecordOfATimeIsFoundAndNoneWhereAllAreOlder) {
  test::produce(settings_, records({"a", "b"}));
  const auto dumped = test::dump_topic(settings_, topic_);
  ASSERT_EQ(dumped.size(), 2U);
  auto admin = open_kafka_admin(settings_);
  ASSERT_TRUE(admin);
  const TopicPartition at{topic_, 0};

  const auto all = (*admin)->offset_at(at, TimeMs{0}, 10s);
  const auto none = (*admin)->offset_at(at, TimeMs{value(dumped.back().record_time) + 1}, 10s);

  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(*all, std::optional<Offset>(0));
  ASSERT_TRUE(none) << none.error().message;
  EXPECT_EQ(*none, std::nullopt);
}

}  // namespace
}  // namespace fovea::ingest
