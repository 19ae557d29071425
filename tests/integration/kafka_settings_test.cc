// What [kafka] may say, checked against the client's own table of properties; no broker is needed.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <string>

#include "ingest/kafka.h"
#include "ingest/kafka_config.h"

namespace fovea::ingest {
namespace {

KafkaSettings with(const std::string& name, const std::string& value) {
  return {{{"bootstrap.servers", "localhost:9092"}, {name, value}}, {}};
}

std::string refusal(const KafkaSettings& settings) {
  const auto checked = check_kafka_settings(settings);
  if (checked) return {};
  EXPECT_EQ(checked.error().disposition, Disposition::kStop);
  return checked.error().message;
}

std::string value_of(const char* name, const KafkaSettings& settings, KafkaRole role) {
  const auto conf = make_kafka_conf(settings, role);
  if (!conf) return conf.error().message;
  char value[32] = "";
  std::size_t size = sizeof value;
  EXPECT_EQ(rd_kafka_conf_get(conf->get(), name, value, &size), RD_KAFKA_CONF_OK);
  return value;
}

TEST(KafkaSettings, UnknownPropertyNamesTheNearestOne) {
  EXPECT_EQ(refusal(with("bootstrap.server", "x:1")),
            "unknown Kafka property bootstrap.server: the nearest known one is bootstrap.servers");
  EXPECT_EQ(refusal(with("sasl.pasword", "hunter2")),
            "unknown Kafka property sasl.pasword: the nearest known one is sasl.password");
  EXPECT_EQ(refusal(with("comression.codec", "lz4")),
            "unknown Kafka property comression.codec: the nearest known one is compression.codec");
}

TEST(KafkaSettings, WhatTheDeliveryProtocolNeedsIsRefusedWithItsReason) {
  for (const char* name : {"acks", "allow.auto.create.topics", "auto.offset.reset",
                           "delivery.timeout.ms", "enable.auto.commit", "enable.auto.offset.store",
                           "enable.gapless.guarantee", "enable.idempotence", "enable.partition.eof",
                           "group.id", "group.instance.id", "isolation.level", "message.timeout.ms",
                           "partition.assignment.strategy", "partitioner", "transactional.id"}) {
    EXPECT_NE(refusal(with(name, "true")).find(std::string(name) + " cannot be set: "),
              std::string::npos)
        << name;
  }
}

// A record given up for its age would leave a hole that enable.gapless.guarantee does not close.
TEST(KafkaSettings, AProducerGivesNoRecordUpForItsAge) {
  EXPECT_EQ(value_of("message.timeout.ms", with("linger.ms", "5"), KafkaRole::kProducer), "0");
}

// A broker that was cut off closes no connection: its partitions stood still for the client's
// minute.
TEST(KafkaSettings, NobodyWaitsAMinuteForAnAnswer) {
  for (const KafkaRole role :
       {KafkaRole::kMember, KafkaRole::kReader, KafkaRole::kProducer, KafkaRole::kAdmin}) {
    EXPECT_EQ(value_of("socket.timeout.ms", with("client.id", "x"), role), "10000");
    EXPECT_EQ(value_of("socket.timeout.ms", with("socket.timeout.ms", "7000"), role), "7000");
  }
}

TEST(KafkaSettings, AValueOutOfRangeIsNamed) {
  const std::string words = refusal(with("session.timeout.ms", "soon"));
  EXPECT_NE(words.find("session.timeout.ms = soon"), std::string::npos) << words;
}

TEST(KafkaSettings, ASecretIsNotRepeated) {
  const std::string words = refusal(with("ssl.keystore.password", ""));
  EXPECT_EQ(words.find("hunter2"), std::string::npos);
  EXPECT_EQ(refusal(with("sasl.oauthbearer.client.secret.x", "hunter2")).find("hunter2"),
            std::string::npos);
}

TEST(KafkaSettings, ABrokerMustBeNamed) {
  EXPECT_EQ(refusal({{{"linger.ms", "5"}}, {}}), "Kafka property bootstrap.servers is not set");
  EXPECT_EQ(refusal({{{"metadata.broker.list", "localhost:9092"}}, {}}), "");
}

TEST(KafkaSettings, PropertiesOfEitherSideAreAccepted) {
  EXPECT_EQ(refusal({{{"bootstrap.servers", "localhost:9092"},
                      {"linger.ms", "5"},
                      {"compression.type", "zstd"},
                      {"queue.buffering.max.messages", "60000"},
                      {"fetch.min.bytes", "100"},
                      {"session.timeout.ms", "10000"},
                      {"security.protocol", "SASL_SSL"},
                      {"sasl.mechanism", "SCRAM-SHA-512"},
                      {"sasl.username", "u"},
                      {"sasl.password", "p"}},
                     {}}),
            "");
}

}  // namespace
}  // namespace fovea::ingest
