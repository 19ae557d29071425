// A partition whose leader is gone, on librdkafka's own cluster of two: another leads by then, and
// the client, which nobody tells, would ask the one it knows.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

#include <chrono>
#include <string>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_positions.h"

namespace fovea::ingest {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;

constexpr const char* kTopic = "led";

class KafkaLeader : public testing::Test {
 protected:
  void SetUp() override {
    char words[512] = "";
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, nullptr);
    handle_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words);
    ASSERT_NE(handle_, nullptr) << words;
    cluster_ = rd_kafka_mock_cluster_new(handle_, 2);
    rd_kafka_mock_topic_create(cluster_, kTopic, 1, 2);
    lead(1);
    const KafkaSettings settings{
        {{"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster_)}}, {}};
    auto conf_of_reader = make_kafka_conf(settings, KafkaRole::kReader);
    ASSERT_TRUE(conf_of_reader) << conf_of_reader.error().message;
    auto client =
        KafkaClient::create(settings, KafkaRole::kReader, *std::move(conf_of_reader), nullptr);
    ASSERT_TRUE(client) << client.error().message;
    client_ = *std::move(client);
    const auto known = partition_ends(*client_, at_, 10s);
    ASSERT_TRUE(known) << known.error().message;
  }
  void TearDown() override {
    client_.reset();
    rd_kafka_mock_cluster_destroy(cluster_);
    rd_kafka_destroy(handle_);
  }

  void lead(int broker) { rd_kafka_mock_partition_set_leader(cluster_, kTopic, 0, broker); }
  void set_down(int broker) { rd_kafka_mock_broker_set_down(cluster_, broker); }

  const TopicPartition at_{kTopic, Partition{0}};
  rd_kafka_t* handle_ = nullptr;
  rd_kafka_mock_cluster_t* cluster_ = nullptr;
  std::unique_ptr<KafkaClient> client_;
};

TEST_F(KafkaLeader, WhoLeadsNowIsAskedForTheEndsAndWithoutOneTheTimeOutHolds) {
  set_down(1);
  lead(2);
  const auto ends = partition_ends(*client_, at_, 1s);
  ASSERT_TRUE(ends) << ends.error().message;
  EXPECT_EQ(ends->high, 0);

  set_down(2);
  const auto began = steady_clock::now();
  const auto none = partition_ends(*client_, at_, 200ms);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().disposition, Disposition::kRetry);
  EXPECT_LT(steady_clock::now() - began, 5s);
}

}  // namespace
}  // namespace fovea::ingest
