#pragma once

// One librdkafka handle and what it has said about itself. Private to ingest.
//
// The client reconnects by itself, with backoff, for as long as it lives. What is left to do is to
// say so: check() turns "no broker since ..." into an Error every few seconds, and a fatal error
// into the end.
//
// Threads   Not thread-safe. The client's own threads put logs and errors on the handle's queue,
//           and the owner is told of them when it polls, so nothing here is shared.

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "ingest/kafka.h"
#include "ingest/kafka_config.h"
#include "vocab/result.h"

struct rd_kafka_s;
struct rd_kafka_topic_s;
struct rd_kafka_message_s;
struct rd_kafka_topic_partition_list_s;
struct rd_kafka_queue_s;

namespace fovea::ingest {

struct KafkaTopicDeleter {
  void operator()(rd_kafka_topic_s* topic) const;
};
using KafkaTopic = std::unique_ptr<rd_kafka_topic_s, KafkaTopicDeleter>;

struct KafkaMessageDeleter {
  void operator()(rd_kafka_message_s* message) const;
};
using KafkaMessage = std::unique_ptr<rd_kafka_message_s, KafkaMessageDeleter>;

struct KafkaPartitionsDeleter {
  void operator()(rd_kafka_topic_partition_list_s* list) const;
};
using KafkaPartitions = std::unique_ptr<rd_kafka_topic_partition_list_s, KafkaPartitionsDeleter>;

struct KafkaQueueDeleter {
  void operator()(rd_kafka_queue_s* queue) const;
};
using KafkaQueue = std::unique_ptr<rd_kafka_queue_s, KafkaQueueDeleter>;

// With every offset unset.
[[nodiscard]] KafkaPartitions to_kafka(const std::vector<TopicPartition>& partitions);
[[nodiscard]] KafkaPartitions to_kafka(const std::vector<TopicPosition>& positions);

// The bytes of a message, copied; `topic` is the caller's.
[[nodiscard]] SourceRecord to_record(const rd_kafka_message_s& message, std::string_view topic);

class KafkaClient {
 public:
  // `owner` is what callbacks of the caller's own, set on `conf`, find behind owner().
  // Errors: kStop with the client's words about the configuration as a whole.
  [[nodiscard]] static Result<std::unique_ptr<KafkaClient>> create(const KafkaSettings& settings,
                                                                   KafkaRole role, KafkaConf conf,
                                                                   void* owner);
  ~KafkaClient();
  KafkaClient(const KafkaClient&) = delete;
  KafkaClient& operator=(const KafkaClient&) = delete;

  [[nodiscard]] rd_kafka_s* handle() const { return handle_; }
  [[nodiscard]] void* owner() const { return owner_; }
  [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }

  // A broker has answered.
  void heard();

  // A fatal error has been raised: nothing will come of this handle any more.
  [[nodiscard]] bool dead() const { return fatal_.has_value(); }

  // Fatal: another member of the group joined under this one's instance id, or so the broker says.
  [[nodiscard]] bool fenced() const { return fenced_; }

  // The group member's session ended for want of a coordinator. Only the client's log says so.
  [[nodiscard]] bool session_ran_out() const { return session_ran_out_; }
  void session_renewed() { session_ran_out_ = false; }

  // Errors: kStop after a fatal error; kRetry, at most once every three seconds, while no broker
  // answers. Blocks for up to 200 ms when it has reason to doubt.
  [[nodiscard]] Result<void> check();

  // "no broker of localhost:9092 has answered for 7 s: Connection refused"
  [[nodiscard]] std::string away() const;

  // Partitions of a topic; absent when the cluster does not have it.
  // Errors: kRetry when nobody answers within `timeout`; kStop when it may not be seen.
  [[nodiscard]] Result<std::optional<std::int32_t>> partition_count(
      const std::string& topic, std::chrono::milliseconds timeout);

  // At most one line a second of each facility; what was left out is counted in the next.
  void log(const std::string& facility, const std::string& line);

  // From the client's callbacks.
  void on_error(int code, const std::string& reason);
  void on_fatal();
  void on_log(const std::string& facility, const std::string& line);
  void on_statistics(std::string_view json);

 private:
  using Time = std::chrono::steady_clock::time_point;
  struct Logged {
    Time last;
    std::uint64_t left_out = 0;
  };

  KafkaClient(const KafkaSettings& settings, void* owner);

  rd_kafka_s* handle_ = nullptr;
  void* owner_;
  std::string bootstrap_;
  LogLine sink_;
  std::function<void(const KafkaStatistics&)> statistics_;
  std::map<std::string, Logged> logged_;
  std::optional<std::string> fatal_;
  bool fenced_ = false;
  bool session_ran_out_ = false;
  std::optional<Time> away_since_;
  Time reported_;
  std::string last_reason_;
};

// End of a partition as of the handle's last fetch; kNoOffset before the first.
[[nodiscard]] Offset known_end(rd_kafka_s* handle, const TopicPartition& at);

// "topic video.events does not exist"
[[nodiscard]] Error missing_topic(const std::string& topic);

}  // namespace fovea::ingest
