// What is asked of a cluster before anything is read or written, and the topics that are missing.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <functional>
#include <string_view>
#include <thread>
#include <utility>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_error.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

// The id of the client library's own broker in a process (embedded_broker.h) begins so. It leaves
// requests to create or describe topics unanswered, which would look like a broker that is away.
constexpr std::string_view kEmbedded = "mockCluster";

bool is_embedded(std::string_view cluster_id) {
  return cluster_id.substr(0, kEmbedded.size()) == kEmbedded;
}

struct DeleteRecordsDeleter {
  void operator()(rd_kafka_DeleteRecords_t* request) const {
    rd_kafka_DeleteRecords_destroy(request);
  }
};
using DeleteRecords = std::unique_ptr<rd_kafka_DeleteRecords_t, DeleteRecordsDeleter>;

struct EventDeleter {
  void operator()(rd_kafka_event_t* event) const { rd_kafka_event_destroy(event); }
};
using KafkaEvent = std::unique_ptr<rd_kafka_event_t, EventDeleter>;

struct NewTopicDeleter {
  void operator()(rd_kafka_NewTopic_t* topic) const { rd_kafka_NewTopic_destroy(topic); }
};
using NewTopic = std::unique_ptr<rd_kafka_NewTopic_t, NewTopicDeleter>;

struct ConfigResourceDeleter {
  void operator()(rd_kafka_ConfigResource_t* resource) const {
    rd_kafka_ConfigResource_destroy(resource);
  }
};
using ConfigResource = std::unique_ptr<rd_kafka_ConfigResource_t, ConfigResourceDeleter>;

class Admin final : public KafkaAdmin {
 public:
  Result<void> open(const KafkaSettings& settings) {
    auto conf = make_kafka_conf(settings, KafkaRole::kAdmin);
    if (!conf) return conf.error();
    // A consumer handle, because looking up a topic on a producer's may create it.
    auto client = KafkaClient::create(settings, KafkaRole::kAdmin, std::move(*conf), this);
    if (!client) return client.error();
    client_ = std::move(*client);
    return {};
  }

  Result<std::string> cluster_id(milliseconds timeout) override {
    const Deadline deadline(timeout);
    char* id = rd_kafka_clusterid(client_->handle(), deadline.left());
    if (id == nullptr) return nobody();
    client_->heard();
    std::string copy = id;
    rd_kafka_mem_free(client_->handle(), id);
    return copy;
  }

  Result<std::vector<TopicDescription>> describe(const std::vector<std::string>& topics,
                                                 milliseconds timeout) override {
    const Deadline deadline(timeout);
    std::vector<TopicDescription> found;
    for (const std::string& topic : topics) {
      auto one = look_up(topic, deadline);
      if (!one) return one.error();
      if (one->partitions > 0) found.push_back(std::move(*one));
    }
    if (auto filled = fill_configs(found, deadline); !filled) return filled.error();
    return found;
  }

  Result<void> create(const std::vector<TopicDescription>& topics, milliseconds timeout) override {
    if (topics.empty()) return {};
    const Deadline deadline(timeout);
    const auto cluster = cluster_id(deadline.left_ms());
    if (!cluster) return cluster.error();
    if (is_embedded(*cluster)) {
      return stop("topic " + topics.front().name +
                  ": an embedded broker's topics are made by the "
                  "process that it lives in");
    }
    std::vector<NewTopic> owned;
    std::vector<rd_kafka_NewTopic_t*> wanted;
    for (const TopicDescription& topic : topics) {
      char words[512] = "";
      // 0 leaves it to the broker, which wants to hear -1.
      owned.emplace_back(rd_kafka_NewTopic_new(
          topic.name.c_str(), topic.partitions > 0 ? topic.partitions : -1,
          topic.replication > 0 ? topic.replication : -1, words, sizeof words));
      if (owned.back() == nullptr) return stop("topic " + topic.name + ": " + words);
      for (const auto& [name, value] : topic.config) {
        rd_kafka_NewTopic_set_config(owned.back().get(), name.c_str(), value.c_str());
      }
      wanted.push_back(owned.back().get());
    }
    auto event = ask(RD_KAFKA_ADMIN_OP_CREATETOPICS, "creating topics", deadline,
                     [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                       rd_kafka_CreateTopics(client_->handle(), wanted.data(), wanted.size(),
                                             options, queue);
                     });
    if (!event) return event.error();
    std::size_t count = 0;
    const auto* results = rd_kafka_CreateTopics_result_topics(
        rd_kafka_event_CreateTopics_result(event->get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      const auto code = rd_kafka_topic_result_error(results[i]);
      if (code == RD_KAFKA_RESP_ERR_NO_ERROR || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        continue;
      const char* words = rd_kafka_topic_result_error_string(results[i]);
      return kafka_error(code, std::string("topic ") + rd_kafka_topic_result_name(results[i]),
                         words != nullptr ? words : "");
    }
    return wait_for(topics, deadline);
  }

  Result<std::optional<Offset>> offset_at(const TopicPartition& at, TimeMs time,
                                          milliseconds timeout) override {
    const Deadline deadline(timeout);
    // The client asks for a time where otherwise an offset stands.
    const KafkaPartitions asked = to_kafka(std::vector<TopicPosition>{{at, value(time)}});
    const auto code = rd_kafka_offsets_for_times(client_->handle(), asked.get(), deadline.left());
    const auto problem = code != RD_KAFKA_RESP_ERR_NO_ERROR ? code : asked->elems[0].err;
    if (problem != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return kafka_error(problem, "offset by time of " + words(at));
    }
    client_->heard();
    const Offset found = asked->elems[0].offset;
    return found < 0 ? std::optional<Offset>() : std::optional(found);
  }

  Result<Offset> delete_before(const TopicPartition& at, Offset offset,
                               milliseconds timeout) override {
    const Deadline deadline(timeout);
    const std::string what = "deleting records of " + words(at);
    const KafkaPartitions before = to_kafka(std::vector<TopicPosition>{{at, offset}});
    const DeleteRecords request(rd_kafka_DeleteRecords_new(before.get()));
    rd_kafka_DeleteRecords_t* requests[] = {request.get()};
    auto event = ask(RD_KAFKA_ADMIN_OP_DELETERECORDS, what, deadline,
                     [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                       rd_kafka_DeleteRecords(client_->handle(), requests, 1, options, queue);
                     });
    if (!event) return event.error();
    const rd_kafka_topic_partition_list_t* after =
        rd_kafka_DeleteRecords_result_offsets(rd_kafka_event_DeleteRecords_result(event->get()));
    if (after->cnt != 1) return stop(what + ": no answer for it");
    if (const auto code = after->elems[0].err) return kafka_error(code, what);
    return Offset{after->elems[0].offset};
  }

 private:
  static std::string words(const TopicPartition& at) {
    return at.topic + " [" + std::to_string(at.partition) + "]";
  }

  class Deadline {
   public:
    explicit Deadline(milliseconds timeout) : at_(steady_clock::now() + timeout) {}
    [[nodiscard]] bool passed() const { return steady_clock::now() >= at_; }
    [[nodiscard]] milliseconds left_ms() const { return milliseconds{left()}; }
    // At least 1: the client takes 0 for "do not wait" and a negative for "for ever".
    [[nodiscard]] int left() const {
      const auto left = std::chrono::duration_cast<milliseconds>(at_ - steady_clock::now());
      return static_cast<int>(std::clamp<std::int64_t>(left.count(), 1, 1 << 30));
    }

   private:
    steady_clock::time_point at_;
  };

  Error nobody() {
    rd_kafka_poll(client_->handle(), 0);  // what the client has to say about it
    return retry(client_->away());
  }

  // Without partitions where the cluster does not have the topic.
  Result<TopicDescription> look_up(const std::string& name, const Deadline& deadline) {
    TopicDescription description;
    description.name = name;
    auto count = client_->partition_count(name, deadline.left_ms());
    if (!count) return count.error().disposition == Disposition::kRetry ? nobody() : count.error();
    if (!*count) return description;
    description.partitions = **count;
    KafkaTopic topic(rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr));
    const struct rd_kafka_metadata* metadata = nullptr;
    const auto code =
        rd_kafka_metadata(client_->handle(), 0, topic.get(), &metadata, deadline.left());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "topic " + name);
    if (metadata->topic_cnt == 1 && metadata->topics[0].partition_cnt > 0) {
      description.replication = metadata->topics[0].partitions[0].replica_cnt;
    }
    rd_kafka_metadata_destroy(metadata);
    return description;
  }

  Result<void> fill_configs(std::vector<TopicDescription>& topics, const Deadline& deadline) {
    if (topics.empty()) return {};
    const auto cluster = cluster_id(deadline.left_ms());
    if (!cluster) return cluster.error();
    if (is_embedded(*cluster)) return {};
    std::vector<ConfigResource> owned;
    std::vector<rd_kafka_ConfigResource_t*> asked;
    for (const auto& topic : topics) {
      owned.emplace_back(rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic.name.c_str()));
      asked.push_back(owned.back().get());
    }
    auto event = ask(RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS, "describing topics", deadline,
                     [&](rd_kafka_AdminOptions_t* options, rd_kafka_queue_t* queue) {
                       rd_kafka_DescribeConfigs(client_->handle(), asked.data(), asked.size(),
                                                options, queue);
                     });
    if (!event) return event.error();
    std::size_t count = 0;
    const auto* resources = rd_kafka_DescribeConfigs_result_resources(
        rd_kafka_event_DescribeConfigs_result(event->get()), &count);
    for (std::size_t i = 0; i < count; ++i) {
      const std::string name = rd_kafka_ConfigResource_name(resources[i]);
      if (const auto code = rd_kafka_ConfigResource_error(resources[i])) {
        return kafka_error(code, "configuration of topic " + name);
      }
      const auto topic = std::find_if(topics.begin(), topics.end(),
                                      [&](const auto& one) { return one.name == name; });
      if (topic == topics.end()) continue;
      std::size_t entries = 0;
      const auto* configs = rd_kafka_ConfigResource_configs(resources[i], &entries);
      for (std::size_t j = 0; j < entries; ++j) {
        const char* value = rd_kafka_ConfigEntry_value(configs[j]);
        if (value != nullptr) topic->config[rd_kafka_ConfigEntry_name(configs[j])] = value;
      }
    }
    return {};
  }

  // A created topic is there when a client can find its partitions' leaders.
  Result<void> wait_for(const std::vector<TopicDescription>& topics, const Deadline& deadline) {
    for (const auto& topic : topics) {
      for (;;) {
        auto count = client_->partition_count(topic.name, deadline.left_ms());
        if (!count) return count.error();
        if (*count) break;
        if (deadline.passed()) return retry("topic " + topic.name + " is created and not seen yet");
        std::this_thread::sleep_for(milliseconds{20});
      }
    }
    return {};
  }

  // Sends one request and waits for its answer; the client's own time-out is a little shorter, so
  // that its words are what the caller gets.
  Result<KafkaEvent> ask(
      rd_kafka_admin_op_t operation, const std::string& what, const Deadline& deadline,
      const std::function<void(rd_kafka_AdminOptions_t*, rd_kafka_queue_t*)>& send) {
    char words[512] = "";
    rd_kafka_AdminOptions_t* options = rd_kafka_AdminOptions_new(client_->handle(), operation);
    rd_kafka_AdminOptions_set_request_timeout(options, deadline.left(), words, sizeof words);
    const KafkaQueue queue(rd_kafka_queue_new(client_->handle()));
    send(options, queue.get());
    rd_kafka_AdminOptions_destroy(options);
    KafkaEvent event(rd_kafka_queue_poll(queue.get(), deadline.left() + 500));
    if (event == nullptr) return nobody();
    if (const auto code = rd_kafka_event_error(event.get())) {
      if (kafka_disposition(code) == Disposition::kRetry) return nobody();
      return kafka_error(code, what, rd_kafka_event_error_string(event.get()));
    }
    client_->heard();
    return event;
  }

  std::unique_ptr<KafkaClient> client_;
};

}  // namespace

Result<std::unique_ptr<KafkaAdmin>> open_kafka_admin(const KafkaSettings& settings) {
  auto admin = std::make_unique<Admin>();
  if (auto opened = admin->open(settings); !opened) return opened.error();
  return std::unique_ptr<KafkaAdmin>(std::move(admin));
}

}  // namespace fovea::ingest
