// Sink and admin against a real broker, and that a source reads what a sink wrote.
//
// The oracle for partitions is Java's: the hashes are those of Kafka's own UtilsTest.testMurmur2.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <map>
#include <random>
#include <string>
#include <vector>

#include "ingest/keys.h"
#include "tests/integration/kafka_transport_fixture.h"

namespace fovea::ingest {
namespace {

using KafkaSink = KafkaTransport;
using KafkaAdminTest = KafkaTransport;

TEST_F(KafkaTransport, KeysValuesAndTombstonesComeBackAsTheyWent) {
  const auto topic = make_topic(settings, "round", 1);
  const std::string binary("\0\xff\n", 3);
  test::produce(settings, {{topic, {}, "user", "value", {}},
                           {topic, {}, "user", std::nullopt, {}},
                           {topic, {}, std::nullopt, "no key", {}},
                           {topic, {}, "", "", {}},
                           {topic, {}, binary, binary, {}}});
  Listener listener;
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);

  std::vector<SourceRecord> out;
  poll_until(*source, out, [&] { return out.size() >= 5; });

  ASSERT_EQ(out.size(), 5U);
  EXPECT_EQ(out[0].topic, topic);
  EXPECT_EQ(out[0].key, "user");
  EXPECT_EQ(out[0].value, "value");
  EXPECT_EQ(out[1].value, std::nullopt);
  EXPECT_EQ(out[2].key, std::nullopt);
  EXPECT_EQ(out[3].key, "");
  EXPECT_EQ(out[3].value, "");
  EXPECT_EQ(out[4].key, binary);
  EXPECT_EQ(out[4].value, binary);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_EQ(out[i].offset, static_cast<Offset>(i));
    EXPECT_LT(std::abs(now - value(out[i].record_time)), 60'000);
  }
}

TEST_F(KafkaSink, HeadersArriveInOrder) {
  const auto topic = make_topic(settings, "headers", 1);
  test::produce(settings, {{topic, {}, "k", "v", {{"a", "1"}, {"b", ""}, {"a", "2"}}}});

  // Headers are for other consumers: read with the client itself.
  char words[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", broker_address().c_str(), words, sizeof words);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
  ASSERT_NE(client, nullptr) << words;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  rd_kafka_consume_start(handle, 0, RD_KAFKA_OFFSET_BEGINNING);
  rd_kafka_message_t* message = rd_kafka_consume(handle, 0, 20'000);
  ASSERT_NE(message, nullptr);
  ASSERT_EQ(message->err, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_message_errstr(message);
  rd_kafka_headers_t* headers = nullptr;
  ASSERT_EQ(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::vector<std::pair<std::string, std::string>> found;
  const char* name = nullptr;
  const void* bytes = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &bytes, &size) == 0; ++i) {
    found.emplace_back(name, std::string(static_cast<const char*>(bytes), size));
  }
  rd_kafka_message_destroy(message);
  rd_kafka_consume_stop(handle, 0);
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(client);

  const std::vector<std::pair<std::string, std::string>> sent{{"a", "1"}, {"b", ""}, {"a", "2"}};
  EXPECT_EQ(found, sent);
}

TEST_F(KafkaSink, KeysGoToThePartitionThatJavaClientsChoose) {
  const std::int32_t count = 7;
  const auto topic = make_topic(settings, "murmur", count);
  const std::map<std::string, std::int32_t> hashes{
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107}};
  std::vector<OutputRecord> records;
  for (const auto& [key, hash] : hashes) records.push_back({topic, {}, key, "v", {}});
  for (int i = 0; i < 200; ++i) records.push_back({topic, {}, std::to_string(i), "v", {}});
  test::produce(settings, records);

  const auto dumped = test::dump_topic(settings, topic);

  ASSERT_EQ(dumped.size(), records.size());
  for (const auto& record : dumped) {
    EXPECT_EQ(record.partition, murmur2_partition(*record.key, count)) << *record.key;
    if (const auto known = hashes.find(*record.key); known != hashes.end()) {
      EXPECT_EQ(record.partition, (known->second & 0x7fffffff) % count) << *record.key;
    }
  }
}

TEST_F(KafkaSink, DeliveredNextIsOnePastTheLastAcknowledgedOffset) {
  const auto topic = make_topic(settings, "delivered", 2);
  test::produce(settings, {numbered(topic, 1, 0)});
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  EXPECT_EQ((*sink)->delivered_next({topic, 1}), std::nullopt);

  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*sink)->append(numbered(topic, 1, i)));
  const auto flushed = (*sink)->flush(20s);

  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ((*sink)->delivered_next({topic, 1}), 11);
  EXPECT_EQ((*sink)->delivered_next({topic, 0}), std::nullopt);
  EXPECT_EQ((*sink)->delivered_next({topic, 9}), std::nullopt);
}

TEST_F(KafkaSink, ARecordRefusedByTheBrokerLosesTheIntervalForGood) {
  const auto topic = make_topic(settings, "small", 1, {{"max.message.bytes", "1000"}});
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  std::mt19937 random(1);
  std::string incompressible(5000, ' ');
  for (char& c : incompressible) c = static_cast<char>(random());
  ASSERT_TRUE((*sink)->append({topic, 0, "k", incompressible, {}}));

  const auto flushed = (*sink)->flush(20s);

  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().disposition, Disposition::kStop);
  EXPECT_EQ(flushed.error().message, "interval lost: a record for " + topic +
                                         " [0] was not delivered: Broker: Message size too large");
  const auto later = (*sink)->append(numbered(topic, 0, 1));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().disposition, Disposition::kStop);
  EXPECT_EQ((*sink)->delivered_next({topic, 0}), std::nullopt);
}

TEST_F(KafkaSink, AMissingTopicOrPartitionIsNamed) {
  const auto topic = make_topic(settings, "two", 2);
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  const std::string missing = unique_name("missing");

  const auto no_topic = (*sink)->append({missing, {}, "k", "v", {}});
  const auto no_partition = (*sink)->append({topic, 2, "k", "v", {}});

  ASSERT_FALSE(no_topic);
  EXPECT_EQ(no_topic.error().disposition, Disposition::kStop);
  EXPECT_EQ(no_topic.error().message, "topic " + missing + " does not exist");
  ASSERT_FALSE(no_partition);
  EXPECT_EQ(no_partition.error().message, "topic " + topic + " has 2 partitions and not number 2");
}

TEST_F(KafkaAdminTest, DescribesWhatItCreatedAndLeavesItAsItIs) {
  auto admin = open_kafka_admin(settings);
  ASSERT_TRUE(admin) << admin.error().message;
  const TopicDescription wanted{unique_name("admin"),
                                3,
                                1,
                                {{"cleanup.policy", "compact"},
                                 {"retention.ms", "-1"},
                                 {"message.timestamp.type", "LogAppendTime"},
                                 {"compression.type", "lz4"},
                                 {"max.compaction.lag.ms", "86400000"},
                                 {"delete.retention.ms", "604800000"}}};
  const auto created = (*admin)->create({wanted}, 30s);
  ASSERT_TRUE(created) << created.error().message;
  auto other = wanted;
  other.partitions = 9;
  const auto again = (*admin)->create({other}, 30s);
  ASSERT_TRUE(again) << again.error().message;

  const auto described = (*admin)->describe({unique_name("missing"), wanted.name}, 30s);

  ASSERT_TRUE(described) << described.error().message;
  ASSERT_EQ(described->size(), 1U);
  EXPECT_EQ(described->front().name, wanted.name);
  EXPECT_EQ(described->front().partitions, 3);
  EXPECT_EQ(described->front().replication, 1);
  for (const auto& [name, expected] : wanted.config) {
    EXPECT_EQ(described->front().config.at(name), expected) << name;
  }
}

TEST_F(KafkaAdminTest, ARefusedTopicIsNamedWithTheBrokersReason) {
  auto admin = open_kafka_admin(settings);
  ASSERT_TRUE(admin) << admin.error().message;
  const auto name = unique_name("refused");
  const auto created = (*admin)->create({{name, 1, 1, {{"cleanup.policy", "burn"}}}}, 30s);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().disposition, Disposition::kStop);
  EXPECT_NE(created.error().message.find(name), std::string::npos) << created.error().message;
  EXPECT_NE(created.error().message.find("burn"), std::string::npos) << created.error().message;
}

TEST_F(KafkaAdminTest, TheClusterHasOneIdForEverybody) {
  auto one = open_kafka_admin(settings);
  auto two = open_kafka_admin(settings);
  const auto first = (*one)->cluster_id(30s);
  const auto second = (*two)->cluster_id(30s);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(first->empty());
  EXPECT_EQ(*first, *second);
}

}  // namespace
}  // namespace fovea::ingest
