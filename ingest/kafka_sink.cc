// An idempotent producer: what flush() says is there, is there, in order. And one that writes
// transactions.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_error.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;

// A topic that is written for the first time is looked up before: a record for a topic that the
// client has not met waits for a scan that runs once a second.
constexpr milliseconds kLookUp{5'000};
constexpr milliseconds kFullQueueWait{20};
constexpr std::uint32_t kServeEvery = 64;
constexpr const char* kTransactionMs = "10000";
constexpr milliseconds kAbort{5'000};

struct WrittenTopic {
  std::string name;
  KafkaTopic handle;
  std::vector<Offset> delivered_next;  // by partition; kNoOffset before the first
};

class KafkaSink final : public Sink {
 public:
  KafkaSink() = default;
  ~KafkaSink() override {
    if (client_ == nullptr) return;
    // What was not flushed is not promised; waiting for a broker here would promise it.
    rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                          RD_KAFKA_PURGE_F_NON_BLOCKING);
    closing_ = true;
    while (rd_kafka_poll(client_->handle(), 0) > 0) {
    }
    topics_.clear();
  }

  Result<void> open(const KafkaSettings& settings, KafkaConf conf) {
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    auto client = KafkaClient::create(settings, KafkaRole::kProducer, std::move(conf), this);
    if (!client) return client.error();
    client_ = std::move(*client);
    return {};
  }

  Result<void> append(const OutputRecord& record) override {
    if (++appended_ % kServeEvery == 0) rd_kafka_poll(client_->handle(), 0);
    if (lost_) return *lost_;
    auto found = topic(record.topic);
    if (!found) return found.error();
    WrittenTopic& written = **found;
    if (record.partition && (*record.partition < 0 || static_cast<std::size_t>(*record.partition) >=
                                                          written.delivered_next.size())) {
      return stop("topic " + record.topic + " has " +
                  std::to_string(written.delivered_next.size()) + " partitions and not number " +
                  std::to_string(*record.partition));
    }
    return produce(record, written);
  }

  Result<void> flush(milliseconds timeout) override {
    const auto code = rd_kafka_flush(client_->handle(), static_cast<int>(timeout.count()));
    if (lost_) return *lost_;
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    if (auto healthy = client_->check(); !healthy) return healthy;
    if (kafka_disposition(code) != Disposition::kRetry) return kafka_error(code, "flush");
    return retry(std::to_string(rd_kafka_outq_len(client_->handle())) +
                 " records not acknowledged by " + client_->bootstrap() + " yet");
  }

  [[nodiscard]] std::optional<Offset> delivered_next(const TopicPartition& at) const override {
    const auto found = topics_.find(at.topic);
    if (found == topics_.end() || at.partition < 0) return {};
    const auto& offsets = found->second->delivered_next;
    const auto index = static_cast<std::size_t>(at.partition);
    if (index >= offsets.size() || offsets[index] == kNoOffset) return {};
    return offsets[index];
  }

  [[nodiscard]] std::size_t pending() const override {
    return static_cast<std::size_t>(rd_kafka_outq_len(client_->handle()));
  }

  [[nodiscard]] rd_kafka_t* handle() const { return client_->handle(); }

  // After an aborted transaction: what was lost with it is written again.
  void forget_lost() { lost_.reset(); }

 private:
  static void on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
    auto& sink = *static_cast<KafkaSink*>(static_cast<KafkaClient*>(opaque)->owner());
    if (sink.closing_) return;
    sink.delivered(*message, *static_cast<WrittenTopic*>(message->_private));
  }

  void delivered(const rd_kafka_message_t& message, WrittenTopic& written) {
    if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      // Refused for good: the client has already tried again for as long as it was told to.
      if (!lost_) {
        lost_ = stop("interval lost: a record for " + written.name + " [" +
                     std::to_string(message.partition) +
                     "] was not delivered: " + rd_kafka_message_errstr(&message));
      }
      return;
    }
    client_->heard();
    // A retry that the broker recognised comes back without its offset: staying behind is safe.
    if (message.offset < 0) return;
    const auto index = static_cast<std::size_t>(message.partition);
    if (index >= written.delivered_next.size()) written.delivered_next.resize(index + 1, kNoOffset);
    Offset& next = written.delivered_next[index];
    next = std::max(next, message.offset + 1);
  }

  Result<WrittenTopic*> topic(const std::string& name) {
    if (const auto found = topics_.find(name); found != topics_.end()) return found->second.get();
    auto count = client_->partition_count(name, kLookUp);
    if (!count) return count.error();
    if (!*count) return missing_topic(name);
    auto written = std::make_unique<WrittenTopic>();
    written->name = name;
    written->handle.reset(rd_kafka_topic_new(client_->handle(), name.c_str(), nullptr));
    if (written->handle == nullptr) return kafka_error(rd_kafka_last_error(), "topic " + name);
    written->delivered_next.assign(static_cast<std::size_t>(**count), kNoOffset);
    return topics_.emplace(name, std::move(written)).first->second.get();
  }

  Result<void> produce(const OutputRecord& record, WrittenTopic& written) {
    rd_kafka_vu_t parts[7];
    std::size_t count = 0;
    const auto add = [&](rd_kafka_vtype_t kind) -> rd_kafka_vu_t& {
      rd_kafka_vu_t& part = parts[count++];
      part.vtype = kind;
      return part;
    };
    add(RD_KAFKA_VTYPE_RKT).u.rkt = written.handle.get();
    add(RD_KAFKA_VTYPE_PARTITION).u.i32 = record.partition.value_or(RD_KAFKA_PARTITION_UA);
    add(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
    add(RD_KAFKA_VTYPE_OPAQUE).u.ptr = &written;
    const auto bytes = [&](rd_kafka_vtype_t kind, const std::string& text) {
      // MSG_F_COPY: the client does not write to it.
      add(kind).u.mem = {const_cast<char*>(text.data()), text.size()};
    };
    if (record.key) bytes(RD_KAFKA_VTYPE_KEY, *record.key);
    if (record.value) bytes(RD_KAFKA_VTYPE_VALUE, *record.value);
    rd_kafka_headers_t* headers = nullptr;
    if (!record.headers.empty()) {
      headers = rd_kafka_headers_new(record.headers.size());
      for (const auto& [name, value] : record.headers) {
        rd_kafka_header_add(headers, name.data(), static_cast<ssize_t>(name.size()), value.data(),
                            static_cast<ssize_t>(value.size()));
      }
      add(RD_KAFKA_VTYPE_HEADERS).u.headers = headers;
    }
    rd_kafka_error_t* error = rd_kafka_produceva(client_->handle(), parts, count);
    if (error == nullptr) return {};

    // The headers stay ours when the record was not taken.
    if (headers != nullptr) rd_kafka_headers_destroy(headers);
    const auto code = rd_kafka_error_code(error);
    const std::string words = rd_kafka_error_string(error);
    rd_kafka_error_destroy(error);
    if (code == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
      rd_kafka_poll(client_->handle(), static_cast<int>(kFullQueueWait.count()));
      if (lost_) return *lost_;
      if (auto healthy = client_->check(); !healthy) return healthy;
      return retry("the queue to " + client_->bootstrap() + " is full");
    }
    if (auto healthy = client_->check();
        !healthy && healthy.error().disposition == Disposition::kStop) {
      return healthy;
    }
    return kafka_error(code, "topic " + record.topic, words);
  }

  std::map<std::string, std::unique_ptr<WrittenTopic>, std::less<>> topics_;
  std::unique_ptr<KafkaClient> client_;
  std::optional<Error> lost_;
  std::uint32_t appended_ = 0;
  bool closing_ = false;
};

struct KafkaErrorDeleter {
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using KafkaError = std::unique_ptr<rd_kafka_error_t, KafkaErrorDeleter>;

class KafkaTransactionalWriter final : public TransactionalWriter {
 public:
  Result<void> open(const KafkaSettings& settings, const std::string& id) {
    auto conf = make_kafka_conf(settings, KafkaRole::kProducer,
                                {{"transactional.id", id},
                                 {"transaction.timeout.ms", kTransactionMs},
                                 {"message.timeout.ms", kTransactionMs}});
    if (!conf) return conf.error();
    id_ = id;
    return sink_.open(settings, std::move(*conf));
  }

  Result<void> take_over(milliseconds timeout) override {
    return answer(rd_kafka_init_transactions(sink_.handle(), static_cast<int>(timeout.count())),
                  "taking over");
  }

  Result<std::optional<Offset>> write(const std::vector<OutputRecord>& records,
                                      milliseconds timeout) override {
    if (auto begun = answer(rd_kafka_begin_transaction(sink_.handle()), "beginning"); !begun) {
      return begun.error();
    }
    auto written = write_open(records, timeout);
    if (written) return written;
    if (fenced()) return stop(written.error().message);
    auto aborted = answer(
        rd_kafka_abort_transaction(sink_.handle(), static_cast<int>(kAbort.count())), "aborting");
    sink_.forget_lost();
    // An abort that took too long leaves the transaction open: only another handle settles it.
    if (!aborted) return stop(written.error().message + "; " + aborted.error().message);
    return retry(written.error().message);
  }

  [[nodiscard]] bool fenced() const override {
    char words[8] = "";
    return rd_kafka_fatal_error(sink_.handle(), words, sizeof words) == RD_KAFKA_RESP_ERR__FENCED;
  }

 private:
  Result<std::optional<Offset>> write_open(const std::vector<OutputRecord>& records,
                                           milliseconds timeout) {
    for (const OutputRecord& record : records) {
      if (auto appended = sink_.append(record); !appended) return appended.error();
    }
    if (auto flushed = sink_.flush(timeout); !flushed) return flushed.error();
    const int left = static_cast<int>(timeout.count());
    KafkaError failed(rd_kafka_commit_transaction(sink_.handle(), left));
    // A second call goes on with the same commit; its outcome is not to be guessed.
    if (failed != nullptr && rd_kafka_error_is_retriable(failed.get()) != 0) {
      failed.reset(rd_kafka_commit_transaction(sink_.handle(), left));
    }
    if (auto committed = answer(failed.release(), "committing"); !committed) {
      return committed.error();
    }
    if (records.empty()) return std::optional<Offset>();
    const OutputRecord& last = records.back();
    const auto next = sink_.delivered_next({last.topic, last.partition.value_or(0)});
    return next ? std::optional(*next - 1) : std::nullopt;
  }

  Result<void> answer(rd_kafka_error_t* raw, const std::string& what) const {
    const KafkaError error(raw);
    if (error == nullptr) return {};
    const std::string words =
        what + " transactions of " + id_ + ": " + rd_kafka_error_string(error.get());
    return rd_kafka_error_is_retriable(error.get()) != 0 ? retry(words) : stop(words);
  }

  KafkaSink sink_;
  std::string id_;
};

}  // namespace

Result<std::unique_ptr<TransactionalWriter>> open_kafka_transactional_writer(
    const KafkaSettings& settings, const std::string& transactional_id) {
  auto writer = std::make_unique<KafkaTransactionalWriter>();
  if (auto opened = writer->open(settings, transactional_id); !opened) return opened.error();
  return std::unique_ptr<TransactionalWriter>(std::move(writer));
}

Result<std::unique_ptr<Sink>> open_kafka_sink(const KafkaSettings& settings) {
  auto conf = make_kafka_conf(settings, KafkaRole::kProducer);
  if (!conf) return conf.error();
  auto sink = std::make_unique<KafkaSink>();
  if (auto opened = sink->open(settings, std::move(*conf)); !opened) return opened.error();
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace fovea::ingest
