#include "ingest/kafka_client.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <thread>
#include <utility>

#include "ingest/finish_within.h"
#include "ingest/kafka_error.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kReportEvery{3000};
constexpr milliseconds kProbe{200};
constexpr milliseconds kDestroyWithin{5000};
constexpr const char* kStatisticsInterval = "5000";

KafkaClient& client_of(void* opaque) {
  return *static_cast<KafkaClient*>(opaque);
}

void on_client_error(rd_kafka_t*, int code, const char* reason, void* opaque) {
  if (code == RD_KAFKA_RESP_ERR__FATAL) {
    client_of(opaque).on_fatal();
  } else {
    client_of(opaque).on_error(code, reason);
  }
}

void on_client_log(const rd_kafka_t* handle, int, const char* facility, const char* line) {
  client_of(rd_kafka_opaque(handle)).on_log(facility, line);
}

int on_client_statistics(rd_kafka_t*, char* json, std::size_t size, void* opaque) {
  client_of(opaque).on_statistics({json, size});
  return 0;  // the text stays the client's
}

// "[thrd:localhost:9092/1]: localhost:9092/1: Connect failed" without the client's thread.
std::string without_thread(const std::string& line) {
  constexpr std::string_view kPrefix = "[thrd:";
  if (line.compare(0, kPrefix.size(), kPrefix) != 0) return line;
  const auto end = line.find("]: ");
  return end == std::string::npos ? line : line.substr(end + 3);
}

// The client warns at every start of a producer that enable.gapless.guarantee is experimental.
// Nobody can act on it: it is set on purpose and cannot be unset (kafka_config.cc). Nothing is
// hidden by leaving it out either: when a delivery fails, the fatal error or the delivery report
// says so, not this line. Other warnings about the configuration are of the team's own settings.
bool is_expected(const std::string& facility, const std::string& line) {
  return facility == "CONFWARN" &&
         line.find("enable.gapless.guarantee is experimental") != std::string::npos;
}

}  // namespace

void KafkaTopicDeleter::operator()(rd_kafka_topic_s* topic) const {
  rd_kafka_topic_destroy(topic);
}
void KafkaMessageDeleter::operator()(rd_kafka_message_s* message) const {
  rd_kafka_message_destroy(message);
}
void KafkaPartitionsDeleter::operator()(rd_kafka_topic_partition_list_s* list) const {
  rd_kafka_topic_partition_list_destroy(list);
}
void KafkaQueueDeleter::operator()(rd_kafka_queue_s* queue) const {
  rd_kafka_queue_destroy(queue);
}

KafkaPartitions to_kafka(const std::vector<TopicPartition>& partitions) {
  KafkaPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(partitions.size())));
  for (const TopicPartition& at : partitions) {
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition);
  }
  return list;
}

KafkaPartitions to_kafka(const std::vector<TopicPosition>& positions) {
  KafkaPartitions list(rd_kafka_topic_partition_list_new(static_cast<int>(positions.size())));
  for (const auto& [at, next] : positions) {
    rd_kafka_topic_partition_list_add(list.get(), at.topic.c_str(), at.partition)->offset = next;
  }
  return list;
}

SourceRecord to_record(const rd_kafka_message_s& message, std::string_view topic) {
  SourceRecord record;
  record.topic = topic;
  record.partition = message.partition;
  record.offset = message.offset;
  rd_kafka_timestamp_type_t type;
  record.record_time = TimeMs{rd_kafka_message_timestamp(&message, &type)};
  if (message.key != nullptr) {
    record.key.emplace(static_cast<const char*>(message.key), message.key_len);
  }
  if (message.payload != nullptr) {
    record.value.emplace(static_cast<const char*>(message.payload), message.len);
  }
  return record;
}

Offset known_end(rd_kafka_t* handle, const TopicPartition& at) {
  std::int64_t low = 0;
  std::int64_t high = 0;
  const auto code =
      rd_kafka_get_watermark_offsets(handle, at.topic.c_str(), at.partition, &low, &high);
  return code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 ? high : kNoOffset;
}

Error missing_topic(const std::string& topic) {
  return stop("topic " + topic + " does not exist");
}

KafkaClient::KafkaClient(const KafkaSettings& settings, void* owner)
    : owner_(owner),
      bootstrap_(bootstrap_of(settings)),
      sink_(settings.log),
      statistics_(settings.statistics),
      away_since_(steady_clock::now()),
      reported_(*away_since_) {}

Result<std::unique_ptr<KafkaClient>> KafkaClient::create(const KafkaSettings& settings,
                                                         KafkaRole role, KafkaConf conf,
                                                         void* owner) {
  std::unique_ptr<KafkaClient> client(new KafkaClient(settings, owner));
  rd_kafka_conf_set_opaque(conf.get(), client.get());
  rd_kafka_conf_set_error_cb(conf.get(), on_client_error);
  rd_kafka_conf_set_log_cb(conf.get(), on_client_log);
  if (settings.statistics) {
    rd_kafka_conf_set_stats_cb(conf.get(), on_client_statistics);
    if (!settings.properties.contains("statistics.interval.ms")) {
      rd_kafka_conf_set(conf.get(), "statistics.interval.ms", kStatisticsInterval, nullptr, 0);
    }
  }
  const auto type = role == KafkaRole::kProducer ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
  char words[512] = "";
  client->handle_ = rd_kafka_new(type, conf.get(), words, sizeof words);
  if (client->handle_ == nullptr) return stop(std::string("Kafka client: ") + words);
  (void)conf.release();  // the handle's now
  if (role == KafkaRole::kMember) rd_kafka_poll_set_consumer(client->handle_);
  if (const auto error = rd_kafka_set_log_queue(client->handle_, nullptr);
      error != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return kafka_error(error, "Kafka client's log");
  }
  return client;
}

KafkaClient::~KafkaClient() {
  if (handle_ == nullptr) return;
  // Whoever owns a group member has closed it, within its time; here nothing may wait for a broker.
  // And yet librdkafka may wait for threads of its own for ever, once a broker was away: seen with
  // 2.0.2, and like its #4674, which is open.
  const bool destroyed = finish_within(kDestroyWithin, [handle = handle_] {
    rd_kafka_destroy_flags(handle, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
  });
  if (!destroyed) log("DESTROY", "the client did not end, its threads are left behind");
}

void KafkaClient::heard() {
  away_since_.reset();
  last_reason_.clear();
}

void KafkaClient::on_fatal() {
  char words[512] = "";
  const auto code = rd_kafka_fatal_error(handle_, words, sizeof words);
  fatal_ = words;
  fenced_ = code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

void KafkaClient::on_error(int code, const std::string& reason) {
  const auto known = static_cast<rd_kafka_resp_err_t>(code);
  if (known == RD_KAFKA_RESP_ERR__AUTHENTICATION) fatal_ = reason;
  if (known == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
    // "1/1 brokers are down" says less than the reason before it.
    if (!away_since_) away_since_ = reported_ = steady_clock::now();
    return;
  }
  last_reason_ = reason;
  log(rd_kafka_err2name(known), reason);
}

std::string KafkaClient::away() const {
  const auto since = away_since_.value_or(steady_clock::now());
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - since).count();
  std::string words =
      "no broker of " + bootstrap_ + " has answered for " + std::to_string(seconds) + " s";
  if (!last_reason_.empty()) words += ": " + last_reason_;
  return words;
}

Result<void> KafkaClient::check() {
  if (fatal_) return stop("Kafka client of " + bootstrap_ + ": " + *fatal_);
  if (!away_since_ || steady_clock::now() - reported_ < kReportEvery) return {};
  // The client does not say when a broker is back, so it is asked.
  const struct rd_kafka_metadata* metadata = nullptr;
  const auto code =
      rd_kafka_metadata(handle_, 0, nullptr, &metadata, static_cast<int>(kProbe.count()));
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    rd_kafka_metadata_destroy(metadata);
    heard();
    return {};
  }
  reported_ = steady_clock::now();
  return retry(away());
}

Result<std::optional<std::int32_t>> KafkaClient::partition_count(const std::string& topic,
                                                                 milliseconds timeout) {
  KafkaTopic handle(rd_kafka_topic_new(handle_, topic.c_str(), nullptr));
  if (handle == nullptr) return kafka_error(rd_kafka_last_error(), "topic " + topic);
  const auto deadline = steady_clock::now() + timeout;
  for (;;) {
    const auto left = std::max(
        milliseconds{1}, std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
    const struct rd_kafka_metadata* metadata = nullptr;
    const auto code =
        rd_kafka_metadata(handle_, 0, handle.get(), &metadata, static_cast<int>(left.count()));
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      if (kafka_disposition(code) == Disposition::kRetry) return retry(away());
      return kafka_error(code, "topic " + topic);
    }
    heard();
    auto problem =
        metadata->topic_cnt == 1 ? metadata->topics[0].err : RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE;
    const auto count = metadata->topic_cnt == 1 ? metadata->topics[0].partition_cnt : 0;
    rd_kafka_metadata_destroy(metadata);
    if (problem == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) return std::optional<std::int32_t>{};
    if (problem == RD_KAFKA_RESP_ERR_NO_ERROR && count > 0) return std::optional{count};
    if (problem != RD_KAFKA_RESP_ERR_NO_ERROR &&
        kafka_disposition(problem) != Disposition::kRetry) {
      return kafka_error(problem, "topic " + topic);
    }
    // Just created: it has a name and not yet a leader.
    if (steady_clock::now() >= deadline) return retry("topic " + topic + " has no leader yet");
    std::this_thread::sleep_for(milliseconds{20});
  }
}

void KafkaClient::on_log(const std::string& facility, const std::string& line) {
  if (facility == "SESSTMOUT") session_ran_out_ = true;
  if (is_expected(facility, line)) return;
  log(facility, line);
}

void KafkaClient::on_statistics(std::string_view json) {
  if (!statistics_) return;
  if (const auto parsed = parse_kafka_statistics(json)) statistics_(*parsed);
}

void KafkaClient::log(const std::string& facility, const std::string& line) {
  if (!sink_) return;
  const auto now = steady_clock::now();
  auto [at, first] = logged_.try_emplace(facility);
  if (!first && now - at->second.last < std::chrono::seconds{1}) {
    ++at->second.left_out;
    return;
  }
  std::string text = "kafka: " + without_thread(line);
  if (at->second.left_out > 0) {
    text += " (" + std::to_string(at->second.left_out) + " more of " + facility + ")";
  }
  at->second = {now, 0};
  sink_(text);
}

}  // namespace fovea::ingest
