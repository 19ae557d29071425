#pragma once

// What a Kafka client says of itself, every few seconds: of librdkafka's statistics the figures
// that an operator asks for.
//
// Source    librdkafka's STATISTICS.md; names there in brackets.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/ids.h"

namespace fovea::ingest {

struct KafkaBrokerStatistics {
  std::string name;  // "host:port/id"
  bool up = false;
  double rtt_avg_s = 0;  // of the last interval; 0: no request was answered
  double rtt_p50_s = 0;
  double rtt_p99_s = 0;
  std::uint64_t requests_waiting = 0;  // [outbuf_cnt] + [waitresp_cnt]
  std::uint64_t timeouts = 0;          // [req_timeouts]
  std::uint64_t retries = 0;           // [txretries]
};

struct KafkaPartitionStatistics {
  std::string topic;
  Partition partition = 0;
  std::uint64_t consumer_lag = 0;  // end of the partition minus committed offset
};

struct KafkaStatistics {
  bool producer = false;
  std::uint64_t sent_messages = 0;                   // [txmsgs]
  std::uint64_t sent_bytes = 0;                      // [tx_bytes]
  std::uint64_t received_messages = 0;               // [rxmsgs]
  std::uint64_t received_bytes = 0;                  // [rx_bytes]
  std::uint64_t queued_messages = 0;                 // [msg_cnt]
  std::uint64_t queued_bytes = 0;                    // [msg_size]
  std::vector<KafkaBrokerStatistics> brokers;        // those that have an address
  std::vector<KafkaPartitionStatistics> partitions;  // those whose lag is known
};

// Absent for what is not the client's statistics.
[[nodiscard]] std::optional<KafkaStatistics> parse_kafka_statistics(std::string_view json);

}  // namespace fovea::ingest
