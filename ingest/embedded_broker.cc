#include "ingest/embedded_broker.h"

#include <librdkafka/rdkafka.h>

// Needs the one above and does not include it: the blank line keeps them in this order.
#include <librdkafka/rdkafka_mock.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

#include "ingest/kafka_error.h"

// Not in librdkafka 2.0.2, which waits for three seconds whatever anybody says.
extern "C" __attribute__((weak)) void rd_kafka_mock_group_initial_rebalance_delay_ms(
    rd_kafka_mock_cluster_t* cluster, int32_t delay_ms);

namespace fovea::ingest {
namespace {

constexpr int kBrokers = 1;
constexpr int kEveryBroker = -1;
// Long enough for the workers of one process to be in the first assignment together.
constexpr int kFirstAssignmentMs = 100;

struct HandleDeleter {
  void operator()(rd_kafka_t* handle) const { rd_kafka_destroy(handle); }
};
struct ClusterDeleter {
  void operator()(rd_kafka_mock_cluster_t* cluster) const {
    rd_kafka_mock_cluster_destroy(cluster);
  }
};

class MockBroker final : public EmbeddedBroker {
 public:
  Result<void> open() {
    rd_kafka_conf_t* conf = rd_kafka_conf_new();
    // The handle serves no client: what it would say is that it has no broker to talk to.
    rd_kafka_conf_set_log_cb(conf, nullptr);
    char words[512] = "";
    handle_.reset(rd_kafka_new(RD_KAFKA_PRODUCER, conf, words, sizeof words));
    if (handle_ == nullptr) {
      rd_kafka_conf_destroy(conf);
      return stop(std::string("embedded broker: ") + words);
    }
    cluster_.reset(rd_kafka_mock_cluster_new(handle_.get(), kBrokers));
    if (cluster_ == nullptr) return stop("embedded broker: no loopback port to listen on");
    if (rd_kafka_mock_group_initial_rebalance_delay_ms != nullptr) {
      rd_kafka_mock_group_initial_rebalance_delay_ms(cluster_.get(), kFirstAssignmentMs);
    }
    bootstrap_ = rd_kafka_mock_cluster_bootstraps(cluster_.get());
    return {};
  }

  [[nodiscard]] const std::string& bootstrap() const override { return bootstrap_; }

  Result<void> create(const std::vector<TopicDescription>& topics) override {
    for (const TopicDescription& topic : topics) {
      const auto code = rd_kafka_mock_topic_create(cluster_.get(), topic.name.c_str(),
                                                   std::max(1, topic.partitions), kBrokers);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
        continue;
      }
      return kafka_error(code, "topic " + topic.name + " of the embedded broker");
    }
    return {};
  }

  void set_down() override { rd_kafka_mock_broker_set_down(cluster_.get(), kEveryBroker); }
  void set_up() override { rd_kafka_mock_broker_set_up(cluster_.get(), kEveryBroker); }

  void fail_next(KafkaRequest request, const std::vector<KafkaFault>& faults) override {
    std::vector<rd_kafka_resp_err_t> codes;
    codes.reserve(faults.size());
    for (const KafkaFault fault : faults) codes.push_back(static_cast<rd_kafka_resp_err_t>(fault));
    rd_kafka_mock_push_request_errors_array(cluster_.get(), static_cast<std::int16_t>(request),
                                            codes.size(), codes.data());
  }

 private:
  // The cluster goes first.
  std::unique_ptr<rd_kafka_t, HandleDeleter> handle_;
  std::unique_ptr<rd_kafka_mock_cluster_t, ClusterDeleter> cluster_;
  std::string bootstrap_;
};

bool leads_elsewhere(std::string_view property) {
  for (const std::string_view start : {"sasl.", "ssl.", "enable.sasl", "enable.ssl"}) {
    if (property.substr(0, start.size()) == start) return true;
  }
  return property == "bootstrap.servers" || property == "metadata.broker.list" ||
         property == "security.protocol" || property == "client.dns.lookup";
}

}  // namespace

Result<std::unique_ptr<EmbeddedBroker>> EmbeddedBroker::start() {
  auto broker = std::make_unique<MockBroker>();
  if (auto opened = broker->open(); !opened) return opened.error();
  return std::unique_ptr<EmbeddedBroker>(std::move(broker));
}

KafkaSettings embedded_settings(const KafkaSettings& settings, const EmbeddedBroker& broker) {
  KafkaSettings changed = settings;
  for (auto at = changed.properties.begin(); at != changed.properties.end();) {
    at = leads_elsewhere(at->first) ? changed.properties.erase(at) : std::next(at);
  }
  changed.properties["bootstrap.servers"] = broker.bootstrap();
  // It answers a fetch that finds nothing when this is over, not when something arrives.
  changed.properties.try_emplace("fetch.wait.max.ms", "5");
  return changed;
}

}  // namespace fovea::ingest
