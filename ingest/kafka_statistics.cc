#include "ingest/kafka_statistics.h"

#include <simdjson.h>

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr double kMicroseconds = 1e-6;

// 0 where it is missing or negative: the client writes -1 for what it does not know.
std::uint64_t count(const dom::object& object, std::string_view field) {
  std::int64_t value = 0;
  if (object[field].get(value) != simdjson::SUCCESS || value < 0) return 0;
  return static_cast<std::uint64_t>(value);
}

std::string_view text(const dom::object& object, std::string_view field) {
  std::string_view value;
  return object[field].get(value) == simdjson::SUCCESS ? value : std::string_view{};
}

KafkaBrokerStatistics broker_statistics(const dom::object& broker) {
  KafkaBrokerStatistics statistics;
  statistics.name = text(broker, "name");
  statistics.up = text(broker, "state") == "UP";
  statistics.requests_waiting = count(broker, "outbuf_cnt") + count(broker, "waitresp_cnt");
  statistics.timeouts = count(broker, "req_timeouts");
  statistics.retries = count(broker, "txretries");
  dom::object rtt;
  if (broker["rtt"].get(rtt) == simdjson::SUCCESS) {
    statistics.rtt_avg_s = static_cast<double>(count(rtt, "avg")) * kMicroseconds;
    statistics.rtt_p50_s = static_cast<double>(count(rtt, "p50")) * kMicroseconds;
    statistics.rtt_p99_s = static_cast<double>(count(rtt, "p99")) * kMicroseconds;
  }
  return statistics;
}

void add_partitions(const dom::object& topic, KafkaStatistics& out) {
  dom::object partitions;
  if (topic["partitions"].get(partitions) != simdjson::SUCCESS) return;
  for (const auto field : partitions) {
    dom::object partition;
    std::int64_t number = -1;
    std::int64_t lag = -1;
    if (field.value.get(partition) != simdjson::SUCCESS) continue;
    if (partition["partition"].get(number) != simdjson::SUCCESS || number < 0) continue;
    if (partition["consumer_lag"].get(lag) != simdjson::SUCCESS || lag < 0) continue;
    out.partitions.push_back({std::string(text(topic, "topic")), static_cast<Partition>(number),
                              static_cast<std::uint64_t>(lag)});
  }
}

}  // namespace

std::optional<KafkaStatistics> parse_kafka_statistics(std::string_view json) {
  dom::parser parser;
  dom::object root;
  if (parser.parse(json.data(), json.size()).get(root) != simdjson::SUCCESS) return {};
  const std::string_view type = text(root, "type");
  if (type != "producer" && type != "consumer") return {};

  KafkaStatistics out;
  out.producer = type == "producer";
  out.sent_messages = count(root, "txmsgs");
  out.sent_bytes = count(root, "tx_bytes");
  out.received_messages = count(root, "rxmsgs");
  out.received_bytes = count(root, "rx_bytes");
  out.queued_messages = count(root, "msg_cnt");
  out.queued_bytes = count(root, "msg_size");
  dom::object brokers;
  if (root["brokers"].get(brokers) == simdjson::SUCCESS) {
    for (const auto field : brokers) {
      dom::object broker;
      std::int64_t id = -1;
      if (field.value.get(broker) != simdjson::SUCCESS) continue;
      // Bootstrap addresses (-1) and the coordinator's second connection are the same brokers.
      if (broker["nodeid"].get(id) != simdjson::SUCCESS || id < 0) continue;
      if (text(broker, "source") == "logical") continue;
      out.brokers.push_back(broker_statistics(broker));
    }
  }
  dom::object topics;
  if (root["topics"].get(topics) == simdjson::SUCCESS) {
    for (const auto field : topics) {
      dom::object topic;
      if (field.value.get(topic) == simdjson::SUCCESS) add_partitions(topic, out);
    }
  }
  return out;
}

}  // namespace fovea::ingest
