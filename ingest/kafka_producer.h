#pragma once

// An idempotent producer: what flush() says is there, is there, in order. Private to ingest: what
// open_kafka_sink() gives, and what transactions are written with.
//
// Threads   Not thread-safe.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"

struct rd_kafka_s;
struct rd_kafka_message_s;

namespace fovea::ingest {

class KafkaProducer final : public Sink {
 public:
  KafkaProducer() = default;
  ~KafkaProducer() override;
  KafkaProducer(const KafkaProducer&) = delete;
  KafkaProducer& operator=(const KafkaProducer&) = delete;

  // Once, before anything else.
  // Errors: kStop with the client's words about the configuration as a whole.
  Result<void> open(const KafkaSettings& settings, KafkaConf conf);

  Result<void> append(const OutputRecord& record) override;
  Result<void> flush(std::chrono::milliseconds timeout) override;
  [[nodiscard]] std::optional<Offset> delivered_next(const TopicPartition& at) const override;
  [[nodiscard]] std::size_t pending() const override;

  [[nodiscard]] rd_kafka_s* handle() const { return client_->handle(); }

  // After an aborted transaction: what was lost with it is written again.
  void forget_lost() { lost_.reset(); }

 private:
  struct WrittenTopic {
    std::string name;
    KafkaTopic handle;
    std::vector<Offset> delivered_next;  // by partition; kNoOffset before the first
  };

  static void on_delivery(rd_kafka_s*, const rd_kafka_message_s* message, void* opaque);
  void delivered(const rd_kafka_message_s& message, WrittenTopic& written);
  Result<WrittenTopic*> topic(const std::string& name);
  Result<void> produce(const OutputRecord& record, WrittenTopic& written);

  std::map<std::string, std::unique_ptr<WrittenTopic>, std::less<>> topics_;
  std::unique_ptr<KafkaClient> client_;
  std::optional<Error> lost_;
  std::uint32_t appended_ = 0;
  bool closing_ = false;
};

}  // namespace fovea::ingest
