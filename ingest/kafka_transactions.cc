// What a producer writes under a transactional id.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_producer.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr const char* kTransactionMs = "10000";
constexpr milliseconds kAbort{5'000};
// An open transaction that its owner drops is ended if that is quick: whoever opens the id next, or
// waits for its records, would have to.
constexpr milliseconds kAbortAtClose{1'000};
// How long a handle gets to take its id over before a new one tries. While a coordinator settles
// what the holder before left open, librdkafka 2.0.2 asks again only after half a second.
constexpr milliseconds kTakeOverFirst{60};
constexpr milliseconds kTakeOverMost{2'000};

struct KafkaErrorDeleter {
  void operator()(rd_kafka_error_t* error) const { rd_kafka_error_destroy(error); }
};
using KafkaError = std::unique_ptr<rd_kafka_error_t, KafkaErrorDeleter>;

struct KafkaMembershipDeleter {
  void operator()(rd_kafka_consumer_group_metadata_t* one) const {
    rd_kafka_consumer_group_metadata_destroy(one);
  }
};
using KafkaMembership = std::unique_ptr<rd_kafka_consumer_group_metadata_t, KafkaMembershipDeleter>;

int as_int(milliseconds time) {
  return static_cast<int>(std::clamp<std::int64_t>(time.count(), 0, 1 << 30));
}

Result<void> open_transactional(KafkaProducer& producer, const KafkaSettings& settings,
                                const std::string& id) {
  auto conf = make_kafka_conf(settings, KafkaRole::kProducer,
                              {{"transactional.id", id},
                               {"transaction.timeout.ms", kTransactionMs},
                               {"message.timeout.ms", kTransactionMs}});
  if (!conf) return conf.error();
  return producer.open(settings, std::move(*conf));
}

// `raw` is taken; null is success.
Result<void> outcome(rd_kafka_error_t* raw, const std::string& what) {
  const KafkaError error(raw);
  if (error == nullptr) return {};
  const std::string words = what + ": " + rd_kafka_error_string(error.get());
  return rd_kafka_error_is_retriable(error.get()) != 0 ? retry(words) : stop(words);
}

class KafkaTransactionalWriter final : public TransactionalWriter {
 public:
  Result<void> open(const KafkaSettings& settings, const std::string& id) {
    id_ = id;
    return open_transactional(producer_, settings, id);
  }

  Result<void> take_over(milliseconds timeout) override {
    return answer(rd_kafka_init_transactions(producer_.handle(), static_cast<int>(timeout.count())),
                  "taking over");
  }

  Result<std::optional<Offset>> write(const std::vector<OutputRecord>& records,
                                      milliseconds timeout) override {
    if (auto begun = answer(rd_kafka_begin_transaction(producer_.handle()), "beginning"); !begun) {
      return begun.error();
    }
    auto written = write_open(records, timeout);
    if (written) return written;
    if (fenced()) return stop(written.error().message);
    auto aborted =
        answer(rd_kafka_abort_transaction(producer_.handle(), static_cast<int>(kAbort.count())),
               "aborting");
    producer_.forget_lost();
    // An abort that took too long leaves the transaction open: only another handle settles it.
    if (!aborted) return stop(written.error().message + "; " + aborted.error().message);
    return retry(written.error().message);
  }

  [[nodiscard]] bool fenced() const override {
    char words[8] = "";
    return rd_kafka_fatal_error(producer_.handle(), words, sizeof words) ==
           RD_KAFKA_RESP_ERR__FENCED;
  }

 private:
  Result<std::optional<Offset>> write_open(const std::vector<OutputRecord>& records,
                                           milliseconds timeout) {
    for (const OutputRecord& record : records) {
      if (auto appended = producer_.append(record); !appended) return appended.error();
    }
    if (auto flushed = producer_.flush(timeout); !flushed) return flushed.error();
    const int left = static_cast<int>(timeout.count());
    KafkaError failed(rd_kafka_commit_transaction(producer_.handle(), left));
    // A second call goes on with the same commit; its outcome is not to be guessed.
    if (failed != nullptr && rd_kafka_error_is_retriable(failed.get()) != 0) {
      failed.reset(rd_kafka_commit_transaction(producer_.handle(), left));
    }
    if (auto committed = answer(failed.release(), "committing"); !committed) {
      return committed.error();
    }
    if (records.empty()) return std::optional<Offset>();
    const OutputRecord& last = records.back();
    const auto next = producer_.delivered_next({last.topic, last.partition.value_or(0)});
    return next ? std::optional(*next - 1) : std::nullopt;
  }

  Result<void> answer(rd_kafka_error_t* raw, const std::string& what) const {
    return outcome(raw, what + " transactions of " + id_);
  }

  KafkaProducer producer_;
  std::string id_;
};

class KafkaTransactionalSink final : public TransactionalSink {
 public:
  explicit KafkaTransactionalSink(std::string id) : id_(std::move(id)) {}
  ~KafkaTransactionalSink() override {
    if (phase_ == Phase::kAppending) {
      (void)answer(rd_kafka_abort_transaction(producer_->handle(), as_int(kAbortAtClose)),
                   "aborting");
    }
  }

  Result<void> take_over(const KafkaSettings& settings, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    for (milliseconds wait = kTakeOverFirst;; wait = std::min(wait * 2, kTakeOverMost)) {
      producer_ = std::make_unique<KafkaProducer>();
      if (auto opened = open_transactional(*producer_, settings, id_); !opened) return opened;
      auto taken =
          answer(rd_kafka_init_transactions(producer_->handle(), as_int(wait)), "taking over");
      if (taken || taken.error().disposition != Disposition::kRetry) return taken;
      if (steady_clock::now() >= deadline) return taken;
    }
  }

  Result<void> append(const OutputRecord& record) override {
    if (auto begun = begin(); !begun) return begun;
    return producer_->append(record);
  }

  Result<void> flush(milliseconds timeout) override { return producer_->flush(timeout); }

  Result<void> commit(const std::vector<TopicPosition>& positions, const std::string& membership,
                      milliseconds timeout) override {
    if (phase_ == Phase::kNone && positions.empty()) return {};
    if (auto begun = begin(); !begun) return begun;
    if (phase_ == Phase::kAppending) {
      if (auto sent = send(positions, membership, timeout); !sent) return sent;
      phase_ = Phase::kCommitting;
    }
    // A call after one that timed out goes on with the same commit.
    auto committed =
        answer(rd_kafka_commit_transaction(producer_->handle(), as_int(timeout)), "committing");
    if (committed) phase_ = Phase::kNone;
    return committed;
  }

  [[nodiscard]] std::optional<Offset> delivered_next(const TopicPartition& at) const override {
    return producer_->delivered_next(at);
  }
  [[nodiscard]] std::size_t pending() const override { return producer_->pending(); }

 private:
  enum class Phase : std::uint8_t { kNone, kAppending, kCommitting };

  Result<void> begin() {
    if (phase_ != Phase::kNone) return {};
    auto begun = answer(rd_kafka_begin_transaction(producer_->handle()), "beginning");
    if (begun) phase_ = Phase::kAppending;
    return begun;
  }

  Result<void> send(const std::vector<TopicPosition>& positions, const std::string& membership,
                    milliseconds timeout) {
    if (positions.empty()) return {};
    rd_kafka_consumer_group_metadata_t* read = nullptr;
    auto understood =
        answer(rd_kafka_consumer_group_metadata_read(&read, membership.data(), membership.size()),
               "membership for");
    if (!understood) return understood;
    const KafkaMembership member(read);
    const KafkaPartitions offsets = to_kafka(positions);
    // Whoever gets a partition after us finds there whose open transaction may be in its way.
    for (int i = 0; i < offsets->cnt; ++i) {
      offsets->elems[i].metadata = ::strdup(id_.c_str());
      offsets->elems[i].metadata_size = id_.size();
    }
    return answer(rd_kafka_send_offsets_to_transaction(producer_->handle(), offsets.get(),
                                                       member.get(), as_int(timeout)),
                  "positions for");
  }

  Result<void> answer(rd_kafka_error_t* raw, const std::string& what) const {
    return outcome(raw, what + " transactions of " + id_);
  }

  const std::string id_;
  std::unique_ptr<KafkaProducer> producer_;
  Phase phase_ = Phase::kNone;
};

}  // namespace

Result<std::unique_ptr<TransactionalWriter>> open_kafka_transactional_writer(
    const KafkaSettings& settings, const std::string& transactional_id) {
  auto writer = std::make_unique<KafkaTransactionalWriter>();
  if (auto opened = writer->open(settings, transactional_id); !opened) return opened.error();
  return std::unique_ptr<TransactionalWriter>(std::move(writer));
}

Result<std::unique_ptr<TransactionalSink>> open_kafka_transactional_sink(
    const KafkaSettings& settings, const std::string& transactional_id, milliseconds timeout) {
  auto sink = std::make_unique<KafkaTransactionalSink>(transactional_id);
  if (auto taken = sink->take_over(settings, timeout); !taken) return taken.error();
  return std::unique_ptr<TransactionalSink>(std::move(sink));
}

}  // namespace fovea::ingest
