// One partition from an offset on, without a group: nobody shares it and nothing is committed.
//
// The client's simple consumer is used because it needs no group id, and so no permission on one.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_error.h"
#include "ingest/kafka_positions.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookUp{5'000};
// A fetch on its way brings something within this, as a rule.
constexpr milliseconds kFetchTakes{2};
constexpr milliseconds kWake{200};
// The client stops to fetch while so much waits: the default of queued.min.messages, and half of
// queued.max.messages.kbytes (kafka_config.cc), since it counts more than payload.
constexpr std::uint64_t kQueueRecords = 100'000;
constexpr std::uint64_t kQueueBytes = 8U << 20U;

milliseconds left_until(steady_clock::time_point deadline) {
  const auto left = std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now());
  return std::max(left, milliseconds{0});
}

class KafkaPartitionReader final : public PartitionReader {
 public:
  KafkaPartitionReader(KafkaSettings settings, TopicPartition at)
      : settings_(std::move(settings)), at_(std::move(at)) {}

  ~KafkaPartitionReader() override {
    if (started_) rd_kafka_consume_stop(topic_.get(), at_.partition);
  }

  Result<void> open(Offset start) {
    auto client = open_client({});
    if (!client) return client.error();
    client_ = std::move(*client);
    // Looked up first: a partition of a topic that the client has not met waits for a scan that
    // runs once a second.
    auto count = client_->partition_count(at_.topic, kLookUp);
    if (!count) return count.error();
    if (!*count) return missing_topic(at_.topic);
    if (at_.partition < 0 || at_.partition >= **count) {
      return stop("topic " + at_.topic + " has " + std::to_string(**count) +
                  " partitions and not number " + std::to_string(at_.partition));
    }
    topic_.reset(rd_kafka_topic_new(client_->handle(), at_.topic.c_str(), nullptr));
    queue_.reset(rd_kafka_queue_new(client_->handle()));
    if (topic_ == nullptr) return kafka_error(rd_kafka_last_error(), "topic " + at_.topic);
    next_ = std::max<Offset>(start, 0);
    const Offset from = start < 0 ? Offset{RD_KAFKA_OFFSET_BEGINNING} : start;
    if (rd_kafka_consume_start_queue(topic_.get(), at_.partition, from, queue_.get()) != 0) {
      return kafka_error(rd_kafka_last_error(), words());
    }
    started_ = true;
    return {};
  }

  Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                    milliseconds timeout) override {
    if (stopped_) return *stopped_;
    const auto deadline = steady_clock::now() + timeout;
    const std::size_t before = out.size();
    rd_kafka_poll(client_->handle(), 0);  // logs and errors
    while (out.size() - before < records_max) {
      // The clock is asked for the first alone: of millions it would be seen.
      KafkaMessage message = out.size() == before ? take(left_until(deadline)) : take({});
      if (message == nullptr) break;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        if (message->offset < next_) continue;
        next_ = message->offset + 1;
        taken_records_ += 1;
        taken_bytes_ += message->len + message->key_len;
        out.push_back(to_record(*message, at_.topic));
      } else if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        // Its offset counts what no record shows: transaction markers and aborted records.
        next_ = std::max(next_, message->offset);
        ended_ = true;
        client_->heard();
        break;
      } else if (auto failed = on_error(*message); !failed) {
        stopped_ = failed.error();
        out.resize(before);
        return *stopped_;
      }
    }
    if (out.size() > before) {
      client_->heard();
      return {};
    }
    return client_->check();
  }

  [[nodiscard]] Offset next() const override { return next_; }

  [[nodiscard]] Offset known_end() const override {
    const Offset end = ingest::known_end(client_->handle(), at_);
    // The client's figure is of the last fetch that brought something.
    return end == kNoOffset ? (ended_ ? next_ : kNoOffset) : std::max(end, next_);
  }

  Result<Ends> ends(milliseconds timeout) override {
    if (watermarks_ == nullptr) {
      // With read_committed the client asks for the last stable offset and calls it the end.
      auto client = open_client({{"isolation.level", "read_uncommitted"}});
      if (!client) return client.error();
      watermarks_ = std::move(*client);
    }
    const auto deadline = steady_clock::now() + timeout;
    const auto stable = partition_ends(*client_, at_, timeout);
    if (!stable) return stable.error();
    auto ends =
        partition_ends(*watermarks_, at_,
                       std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
    if (ends) ends->stable = stable->high;
    return ends;
  }

 private:
  // The next message; null after `wait`.
  KafkaMessage take(milliseconds wait) {
    const auto consume = [this](milliseconds most) {
      return KafkaMessage(rd_kafka_consume_queue(queue_.get(), static_cast<int>(most.count())));
    };
    if (wait <= kFetchTakes) return consume(wait);
    const auto deadline = steady_clock::now() + wait;
    KafkaMessage message = consume(kFetchTakes);
    if (message != nullptr) return message;
    const bool was_full = taken_records_ >= kQueueRecords || taken_bytes_ >= kQueueBytes;
    taken_records_ = taken_bytes_ = 0;
    if (was_full && ingest::known_end(client_->handle(), at_) > next_) {
      wake(std::min(kWake, left_until(deadline)));
    }
    return consume(left_until(deadline));
  }

  // While its queue is full the client does not fetch, and looks at that again a second later:
  // whoever has read all of it by then would wait for the rest of that second. A request to the
  // partition's leader, which is all that this is for, ends its sleep.
  void wake(milliseconds timeout) {
    // What is answered does not matter, nor whether.
    (void)partition_ends(*client_, at_, timeout);
  }

  [[nodiscard]] std::string words() const { return words_for(at_); }

  Result<std::unique_ptr<KafkaClient>> open_client(const std::map<std::string, std::string>& own) {
    auto conf = make_kafka_conf(settings_, KafkaRole::kReader, own);
    if (!conf) return conf.error();
    return KafkaClient::create(settings_, KafkaRole::kReader, std::move(*conf), this);
  }

  Result<void> on_error(const rd_kafka_message_t& message) {
    const std::string what = rd_kafka_message_errstr(&message);
    if (message.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
      const auto now = ends(kLookUp);
      if (!now) return stop(words() + ": position " + std::to_string(next_) + ": " + what);
      return stop(words() + ": position " + std::to_string(next_) +
                  " is not between the topic's start " + std::to_string(now->low) +
                  " and its end " + std::to_string(now->high));
    }
    if (message.err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
      auto count = client_->partition_count(at_.topic, kLookUp);
      if (count && !*count) return missing_topic(at_.topic);
    }
    Error error = kafka_error(message.err, words(), what);
    if (error.disposition == Disposition::kStop) return error;
    client_->log(rd_kafka_err2name(message.err), error.message);
    return {};
  }

  const KafkaSettings settings_;
  const TopicPartition at_;  // SourceRecord::topic points into it
  std::unique_ptr<KafkaClient> client_;
  std::unique_ptr<KafkaClient> watermarks_;  // made when first asked for
  KafkaQueue queue_;
  KafkaTopic topic_;
  Offset next_ = 0;
  bool started_ = false;
  bool ended_ = false;  // the end was reached at least once
  // Since the client's queue was last seen empty.
  std::uint64_t taken_records_ = 0;
  std::uint64_t taken_bytes_ = 0;
  std::optional<Error> stopped_;
};

}  // namespace

Result<std::unique_ptr<PartitionReader>> open_partition_reader(const KafkaSettings& settings,
                                                               const TopicPartition& at,
                                                               Offset start) {
  auto reader = std::make_unique<KafkaPartitionReader>(settings, at);
  if (auto opened = reader->open(start); !opened) return opened.error();
  return std::unique_ptr<PartitionReader>(std::move(reader));
}

}  // namespace fovea::ingest
