// PartitionReader against logs whose offsets are not all records: transactions, settled and open,
// written with the client itself; and a log whose start has been cut off.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <string>
#include <thread>
#include <vector>

#include "ingest/kafka.h"
#include "tests/support/kafka_broker.h"

namespace fovea::ingest {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::broker_address;
using test::kafka_settings;
using test::make_topic;
using test::unique_name;

// A transactional producer, so far as these tests need one.
class Transactional {
 public:
  Transactional() {
    char words[512];
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", broker_address().c_str(), words, sizeof words);
    rd_kafka_conf_set(conf, "transactional.id", unique_name("tx").c_str(), words, sizeof words);
    client_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    expect(rd_kafka_init_transactions(client_, 30'000));
  }
  ~Transactional() { rd_kafka_destroy(client_); }
  Transactional(const Transactional&) = delete;
  Transactional& operator=(const Transactional&) = delete;

  void begin() { expect(rd_kafka_begin_transaction(client_)); }
  void write(const std::string& topic, const std::string& value) {
    rd_kafka_topic_t* handle = rd_kafka_topic_new(client_, topic.c_str(), nullptr);
    EXPECT_EQ(rd_kafka_produce(handle, 0, RD_KAFKA_MSG_F_COPY, const_cast<char*>(value.data()),
                               value.size(), nullptr, 0, nullptr),
              0);
    rd_kafka_topic_destroy(handle);
    EXPECT_EQ(rd_kafka_flush(client_, 30'000), RD_KAFKA_RESP_ERR_NO_ERROR);
  }
  void commit() { expect(rd_kafka_commit_transaction(client_, 30'000)); }
  void abort() { expect(rd_kafka_abort_transaction(client_, 30'000)); }

 private:
  static void expect(rd_kafka_error_t* error) {
    if (error == nullptr) return;
    ADD_FAILURE() << rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
  }
  rd_kafka_t* client_;
};

class KafkaReader : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    settings = kafka_settings(broker_address());
  }

  std::unique_ptr<PartitionReader> open(const std::string& topic, Offset start) {
    auto reader = open_partition_reader(settings, {topic, 0}, start);
    if (!reader) {
      ADD_FAILURE() << reader.error().message;
      return nullptr;
    }
    return std::move(*reader);
  }

  // A commit is answered before its markers are written: the end, once it is there.
  static PartitionReader::Ends ends_at(PartitionReader& reader, Offset high) {
    const auto deadline = steady_clock::now() + 20s;
    for (;;) {
      const auto ends = reader.ends(20s);
      if (!ends) {
        ADD_FAILURE() << ends.error().message;
        return {};
      }
      if (ends->high >= high) return *ends;
      if (steady_clock::now() > deadline) {
        ADD_FAILURE() << "the end stays at " << ends->high;
        return {};
      }
    }
  }

  // Values read until next() has reached `end`.
  static std::vector<std::string> read_to(PartitionReader& reader, Offset end) {
    std::vector<std::string> values;
    const auto deadline = steady_clock::now() + 20s;
    while (reader.next() < end) {
      std::vector<SourceRecord> out;
      const auto polled = reader.poll(out, 100, 200ms);
      EXPECT_TRUE(polled) << polled.error().message;
      for (const auto& record : out) values.push_back(record.value.value_or("-"));
      if (!polled || steady_clock::now() > deadline) {
        ADD_FAILURE() << "stuck at " << reader.next() << " of " << end;
        break;
      }
    }
    return values;
  }

  KafkaSettings settings;
};

TEST_F(KafkaReader, NextReachesTheHighWatermarkBehindACommitMarker) {
  const auto topic = make_topic(settings, "marker", 1);
  Transactional writer;
  writer.begin();
  writer.write(topic, "a");
  writer.write(topic, "b");
  writer.commit();
  auto reader = open(topic, 0);
  ASSERT_NE(reader, nullptr);
  const auto ends = ends_at(*reader, 3);

  const auto values = read_to(*reader, ends.high);

  EXPECT_EQ(ends.low, 0);
  EXPECT_EQ(ends.high, 3);  // two records and a marker
  EXPECT_EQ(values, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(reader->next(), 3);
}

TEST_F(KafkaReader, AbortedRecordsAreCountedAndNotShown) {
  const auto topic = make_topic(settings, "aborted", 1);
  Transactional writer;
  writer.begin();
  writer.write(topic, "kept");
  writer.commit();
  writer.begin();
  writer.write(topic, "dropped");
  writer.write(topic, "dropped too");
  writer.abort();
  auto reader = open(topic, 0);
  ASSERT_NE(reader, nullptr);
  const auto ends = ends_at(*reader, 5);

  EXPECT_EQ(read_to(*reader, ends.high), std::vector<std::string>{"kept"});
  EXPECT_EQ(reader->next(), 5);
}

TEST_F(KafkaReader, AnOpenTransactionHoldsNextBackButNotTheEnd) {
  const auto topic = make_topic(settings, "open", 1);
  test::produce(settings, {{topic, 0, "k", "before", {}}});
  Transactional writer;
  writer.begin();
  writer.write(topic, "pending");
  test::produce(settings, {{topic, 0, "k", "behind", {}}});
  auto reader = open(topic, 0);
  ASSERT_NE(reader, nullptr);
  const auto ends = reader->ends(20s);
  ASSERT_TRUE(ends) << ends.error().message;
  EXPECT_EQ(ends->high, 3);
  EXPECT_EQ(read_to(*reader, 1), std::vector<std::string>{"before"});

  std::vector<SourceRecord> out;
  ASSERT_TRUE(reader->poll(out, 100, 300ms));
  EXPECT_TRUE(out.empty());
  EXPECT_EQ(reader->next(), 1);
  writer.abort();

  EXPECT_EQ(read_to(*reader, 4), std::vector<std::string>{"behind"});
}

TEST_F(KafkaReader, StartsInTheMiddleAndGoesOnWithWhatIsWrittenLater) {
  const auto topic = make_topic(settings, "middle", 1);
  std::vector<OutputRecord> records;
  for (int i = 0; i < 1000; ++i) records.push_back({topic, 0, "k", std::to_string(i), {}});
  test::produce(settings, records);
  auto reader = open(topic, 990);
  ASSERT_NE(reader, nullptr);
  EXPECT_EQ(reader->next(), 990);

  const auto tail = read_to(*reader, 1000);
  test::produce(settings, {{topic, 0, "k", "later", {}}});
  const auto later = read_to(*reader, 1001);

  ASSERT_EQ(tail.size(), 10U);
  EXPECT_EQ(tail.front(), "990");
  EXPECT_EQ(later, std::vector<std::string>{"later"});
}

// The client stops to fetch where more than 100,000 records wait, and looks up a second later.
TEST_F(KafkaReader, WhoIsSlowerThanTheClientDoesNotWaitForIt) {
  const std::string topic = make_topic(settings, "slower", 1);
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  constexpr Offset kRecords = 800'000;
  for (Offset i = 0; i < kRecords; ++i) {
    while (!(*sink)->append({topic, 0, "k", "v", {}})) {
    }
  }
  ASSERT_TRUE((*sink)->flush(30s));
  const auto reader = open(topic, 0);
  ASSERT_NE(reader, nullptr);

  int in_vain = 0;
  std::vector<SourceRecord> records;
  while (records.empty()) ASSERT_TRUE(reader->poll(records, 2'000, 400ms));
  while (reader->next() < kRecords) {
    records.clear();
    ASSERT_TRUE(reader->poll(records, 2'000, 100ms));
    in_vain += records.empty() ? 1 : 0;
    std::this_thread::sleep_for(2ms);
  }

  // A client that sleeps does so for most of a second each time.
  EXPECT_LE(in_vain, 5) << "polls that found nothing, of so many as there was to read";
}

TEST_F(KafkaReader, AnEmptyPartitionIsAtItsEndAtOnce) {
  const auto topic = make_topic(settings, "empty", 1);
  auto reader = open(topic, kNoOffset);
  ASSERT_NE(reader, nullptr);
  const auto ends = reader->ends(20s);
  ASSERT_TRUE(ends) << ends.error().message;
  EXPECT_EQ(ends->low, 0);
  EXPECT_EQ(ends->high, 0);
  EXPECT_EQ(reader->next(), 0);
}

TEST_F(KafkaReader, APositionThatWasTrimmedAwayStopsAndNamesTheEnds) {
  const auto topic = make_topic(settings, "trimmed", 1);
  std::vector<OutputRecord> records;
  for (int i = 0; i < 20; ++i) records.push_back({topic, 0, "k", std::to_string(i), {}});
  test::produce(settings, records);
  char words[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", broker_address().c_str(), words, sizeof words);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
  rd_kafka_topic_partition_list_t* list = rd_kafka_topic_partition_list_new(1);
  rd_kafka_topic_partition_list_add(list, topic.c_str(), 0)->offset = 12;
  rd_kafka_DeleteRecords_t* deletion = rd_kafka_DeleteRecords_new(list);
  rd_kafka_queue_t* queue = rd_kafka_queue_new(client);
  rd_kafka_DeleteRecords(client, &deletion, 1, nullptr, queue);
  rd_kafka_event_t* event = rd_kafka_queue_poll(queue, 30'000);
  ASSERT_NE(event, nullptr);
  ASSERT_EQ(rd_kafka_event_error(event), RD_KAFKA_RESP_ERR_NO_ERROR);
  rd_kafka_event_destroy(event);
  rd_kafka_queue_destroy(queue);
  rd_kafka_DeleteRecords_destroy(deletion);
  rd_kafka_topic_partition_list_destroy(list);
  rd_kafka_destroy(client);

  auto reader = open(topic, 3);
  ASSERT_NE(reader, nullptr);
  Result<void> polled;
  const auto deadline = steady_clock::now() + 20s;
  while (polled && steady_clock::now() < deadline) {
    std::vector<SourceRecord> out;
    polled = reader->poll(out, 100, 200ms);
    EXPECT_TRUE(out.empty());
  }
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().disposition, Disposition::kStop);
  EXPECT_EQ(polled.error().message,
            topic + " [0]: position 3 is not between the topic's start 12 and its end 20");
  auto whole = open(topic, kNoOffset);
  ASSERT_NE(whole, nullptr);
  EXPECT_EQ(read_to(*whole, 20).size(), 8U);
}

TEST_F(KafkaReader, AMissingTopicOrPartitionIsNamed) {
  const auto topic = make_topic(settings, "one", 1);
  const auto missing = unique_name("missing");
  const auto no_topic = open_partition_reader(settings, {missing, 0}, 0);
  const auto no_partition = open_partition_reader(settings, {topic, 1}, 0);
  ASSERT_FALSE(no_topic);
  EXPECT_EQ(no_topic.error().disposition, Disposition::kStop);
  EXPECT_EQ(no_topic.error().message, "topic " + missing + " does not exist");
  ASSERT_FALSE(no_partition);
  EXPECT_EQ(no_partition.error().message, "topic " + topic + " has 1 partitions and not number 1");
}

}  // namespace
}  // namespace fovea::ingest
