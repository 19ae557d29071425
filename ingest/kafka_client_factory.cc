#include "ingest/kafka.h"

namespace fovea::ingest {
namespace {

class KafkaClients final : public ClientFactory {
 public:
  Result<std::unique_ptr<Source>> open_source(const KafkaSettings& settings,
                                              const ConsumerSettings& consumer,
                                              AssignmentListener& listener) const override {
    return open_kafka_source(settings, consumer, listener);
  }
  Result<std::unique_ptr<Sink>> open_sink(const KafkaSettings& settings) const override {
    return open_kafka_sink(settings);
  }
  Result<std::unique_ptr<TransactionalSink>> open_transactional_sink(
      const KafkaSettings& settings, const std::string& transactional_id,
      std::chrono::milliseconds timeout) const override {
    return open_kafka_transactional_sink(settings, transactional_id, timeout);
  }
  Result<std::unique_ptr<PartitionReader>> open_partition_reader(const KafkaSettings& settings,
                                                                 const TopicPartition& at,
                                                                 Offset start) const override {
    return ingest::open_partition_reader(settings, at, start);
  }
  Result<std::vector<TopicPartition>> held_back(const KafkaSettings& settings,
                                                const std::vector<TopicPartition>& partitions,
                                                std::chrono::milliseconds patience) const override {
    return ingest::held_back(settings, partitions, patience);
  }
};

}  // namespace

const ClientFactory& kafka_clients() {
  static const KafkaClients clients;
  return clients;
}

}  // namespace fovea::ingest
