#pragma once

// The Kafka transport: everything that talks to a broker is made here.
//
// Settings are librdkafka's own names ("bootstrap.servers", "sasl.password", ...). What the
// delivery protocol needs is set by us and refused from the configuration; a mistyped property is
// refused with the nearest known one.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/sink.h"
#include "ingest/source.h"
#include "vocab/result.h"

namespace fovea::ingest {

using LogLine = std::function<void(const std::string&)>;

struct KafkaSettings {
  std::map<std::string, std::string> properties;  // as given in [kafka]
  LogLine log;                                    // one clause a call; may be empty
};

// Errors: kStop naming the property and the nearest known one.
[[nodiscard]] Result<void> check_kafka_settings(const KafkaSettings& settings);

struct ConsumerSettings {
  std::vector<std::string> topics;
  std::string group_id;
  std::string instance_id;             // static membership; stable across restarts
  std::string start = "earliest";      // where a partition without any position starts
};

// A member of a consumer group; range assignment, offsets never committed by the client itself.
// Lifetime  `listener` outlives the source. Destroying the source closes the consumer and calls
//           on_revoked for what is left.
// Errors: kStop for settings.
[[nodiscard]] Result<std::unique_ptr<Source>> open_kafka_source(const KafkaSettings& settings,
                                                               const ConsumerSettings& consumer,
                                                               AssignmentListener& listener);

// An idempotent producer without transactions; a failed delivery never leaves a hole behind which
// later records of the partition get through (enable.gapless.guarantee).
[[nodiscard]] Result<std::unique_ptr<Sink>> open_kafka_sink(const KafkaSettings& settings);

// One partition read from an offset on, outside any group: the learning log, a changelog.
class PartitionReader {
 public:
  virtual ~PartitionReader() = default;

  // As Source::poll.
  virtual Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                            std::chrono::milliseconds timeout) = 0;

  // Offset that the next record will have or follow: control and aborted records are counted.
  [[nodiscard]] virtual Offset next() const = 0;

  // The partition's ends as of now.
  struct Ends { Offset low = 0; Offset high = 0; };
  virtual Result<Ends> ends(std::chrono::milliseconds timeout) = 0;
};

// Errors: kStop for settings or a missing topic.
[[nodiscard]] Result<std::unique_ptr<PartitionReader>> open_partition_reader(
    const KafkaSettings& settings, const TopicPartition& at, Offset start);

// What is asked of a cluster before anything is read or written.
struct TopicDescription {
  std::string name;
  std::int32_t partitions = 0;
  std::int32_t replication = 0;
  std::map<std::string, std::string> config;
};

class KafkaAdmin {
 public:
  virtual ~KafkaAdmin() = default;
  // Errors: kRetry when no broker answers within `timeout`.
  virtual Result<std::string> cluster_id(std::chrono::milliseconds timeout) = 0;
  // Only those that exist.
  virtual Result<std::vector<TopicDescription>> describe(const std::vector<std::string>& topics,
                                                         std::chrono::milliseconds timeout) = 0;
  // Existing topics are left as they are.
  virtual Result<void> create(const std::vector<TopicDescription>& topics,
                              std::chrono::milliseconds timeout) = 0;
};

[[nodiscard]] Result<std::unique_ptr<KafkaAdmin>> open_kafka_admin(const KafkaSettings& settings);

}  // namespace fovea::ingest
