#include "ingest/kafka_producer.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <utility>

#include "ingest/kafka_error.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;

// A topic that is written for the first time is looked up before: a record for a topic that the
// client has not met waits for a scan that runs once a second.
constexpr milliseconds kLookUp{5'000};
constexpr milliseconds kFullQueueWait{20};
constexpr std::uint32_t kServeEvery = 64;

}  // namespace

KafkaProducer::~KafkaProducer() {
  if (client_ == nullptr) return;
  // What was not flushed is not promised; waiting for a broker here would promise it.
  rd_kafka_purge(client_->handle(), RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT |
                                        RD_KAFKA_PURGE_F_NON_BLOCKING);
  closing_ = true;
  while (rd_kafka_poll(client_->handle(), 0) > 0) {
  }
  topics_.clear();
}

Result<void> KafkaProducer::open(const KafkaSettings& settings, KafkaConf conf) {
  rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
  auto client = KafkaClient::create(settings, KafkaRole::kProducer, std::move(conf), this);
  if (!client) return client.error();
  client_ = std::move(*client);
  return {};
}

Result<void> KafkaProducer::append(const OutputRecord& record) {
  if (++appended_ % kServeEvery == 0) rd_kafka_poll(client_->handle(), 0);
  if (lost_) return *lost_;
  auto found = topic(record.topic);
  if (!found) return found.error();
  WrittenTopic& written = **found;
  if (record.partition && (*record.partition < 0 || static_cast<std::size_t>(*record.partition) >=
                                                        written.delivered_next.size())) {
    return stop("topic " + record.topic + " has " + std::to_string(written.delivered_next.size()) +
                " partitions and not number " + std::to_string(*record.partition));
  }
  return produce(record, written);
}

Result<void> KafkaProducer::flush(milliseconds timeout) {
  const auto code = rd_kafka_flush(client_->handle(), static_cast<int>(timeout.count()));
  if (lost_) return *lost_;
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
  if (auto healthy = client_->check(); !healthy) return healthy;
  if (kafka_disposition(code) != Disposition::kRetry) return kafka_error(code, "flush");
  return retry(std::to_string(rd_kafka_outq_len(client_->handle())) +
               " records not acknowledged by " + client_->bootstrap() + " yet");
}

std::optional<Offset> KafkaProducer::delivered_next(const TopicPartition& at) const {
  const auto found = topics_.find(at.topic);
  if (found == topics_.end() || at.partition < 0) return {};
  const auto& offsets = found->second->delivered_next;
  const auto index = static_cast<std::size_t>(at.partition);
  if (index >= offsets.size() || offsets[index] == kNoOffset) return {};
  return offsets[index];
}

std::size_t KafkaProducer::pending() const {
  return static_cast<std::size_t>(rd_kafka_outq_len(client_->handle()));
}

void KafkaProducer::on_delivery(rd_kafka_t*, const rd_kafka_message_t* message, void* opaque) {
  auto& sink = *static_cast<KafkaProducer*>(static_cast<KafkaClient*>(opaque)->owner());
  if (sink.closing_) return;
  sink.delivered(*message, *static_cast<WrittenTopic*>(message->_private));
}

void KafkaProducer::delivered(const rd_kafka_message_t& message, WrittenTopic& written) {
  if (message.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
    // Refused for good: the client has already tried again for as long as it was told to. Before
    // librdkafka 2.2 rd_kafka_message_errstr() takes what was sent for the words of the error.
    if (!lost_) {
      lost_ = stop("interval lost: a record for " + written.name + " [" +
                   std::to_string(message.partition) +
                   "] was not delivered: " + rd_kafka_err2str(message.err));
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

Result<KafkaProducer::WrittenTopic*> KafkaProducer::topic(const std::string& name) {
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

Result<void> KafkaProducer::produce(const OutputRecord& record, WrittenTopic& written) {
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

Result<std::unique_ptr<Sink>> open_kafka_sink(const KafkaSettings& settings) {
  auto conf = make_kafka_conf(settings, KafkaRole::kProducer);
  if (!conf) return conf.error();
  auto sink = std::make_unique<KafkaProducer>();
  if (auto opened = sink->open(settings, std::move(*conf)); !opened) return opened.error();
  return std::unique_ptr<Sink>(std::move(sink));
}

}  // namespace fovea::ingest
