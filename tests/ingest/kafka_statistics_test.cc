// The client's own statistics, as librdkafka writes them.

#include "ingest/kafka_statistics.h"

#include <gtest/gtest.h>

namespace fovea::ingest {
namespace {

constexpr const char* kConsumer = R"({"name":"c","client_id":"c","type":"consumer","ts":1,
  "msg_cnt":2,"msg_size":3,"txmsgs":0,"tx_bytes":10,"rxmsgs":20,"rx_bytes":30,
  "brokers":{
    "127.0.0.1:9092/bootstrap":{"name":"127.0.0.1:9092/bootstrap","nodeid":-1,"state":"UP"},
    "GroupCoordinator":{"name":"GroupCoordinator","nodeid":1,"source":"logical","state":"UP"},
    "127.0.0.1:9092/1":{"name":"127.0.0.1:9092/1","nodeid":1,"source":"learned","state":"UP",
      "outbuf_cnt":1,"waitresp_cnt":2,"req_timeouts":4,"txretries":5,
      "rtt":{"avg":1500,"p50":1000,"p99":20000}}},
  "topics":{"t.events":{"topic":"t.events","partitions":{
    "0":{"partition":0,"consumer_lag":7},
    "1":{"partition":1,"consumer_lag":-1},
    "-1":{"partition":-1,"consumer_lag":9}}}}})";

TEST(KafkaStatistics, KeepWhatAnOperatorAsksFor) {
  const auto read = parse_kafka_statistics(kConsumer);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->producer);
  EXPECT_EQ(read->sent_bytes, 10U);
  EXPECT_EQ(read->received_messages, 20U);
  EXPECT_EQ(read->received_bytes, 30U);
  ASSERT_EQ(read->brokers.size(), 1U) << "neither bootstrap addresses nor the coordinator's link";
  EXPECT_EQ(read->brokers[0].name, "127.0.0.1:9092/1");
  EXPECT_TRUE(read->brokers[0].up);
  EXPECT_EQ(read->brokers[0].requests_waiting, 3U);
  EXPECT_EQ(read->brokers[0].timeouts, 4U);
  EXPECT_EQ(read->brokers[0].retries, 5U);
  EXPECT_DOUBLE_EQ(read->brokers[0].rtt_p99_s, .02);
  ASSERT_EQ(read->partitions.size(), 1U) << "only those whose lag is known";
  EXPECT_EQ(read->partitions[0].topic, "t.events");
  EXPECT_EQ(read->partitions[0].consumer_lag, 7U);
}

TEST(KafkaStatistics, AreTotalOnAnyPrefixAndAnyBytes) {
  const std::string whole = kConsumer;
  for (std::size_t n = 0; n < whole.size(); ++n) {
    EXPECT_FALSE(parse_kafka_statistics(whole.substr(0, n))) << n;
  }
  for (const char* other :
       {"", "null", "[]", "{}", R"({"type":"admin"})", R"({"type":3})", "\xff"}) {
    EXPECT_FALSE(parse_kafka_statistics(other)) << other;
  }
  EXPECT_TRUE(parse_kafka_statistics(
      R"({"type":"producer","brokers":[],"topics":{"a":1,"b":{"partitions":{"0":[]}}}})"));
}

}  // namespace
}  // namespace fovea::ingest
