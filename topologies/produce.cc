#include "topologies/produce.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "ingest/file_source.h"
#include "ingest/item_codec.h"
#include "ingest/kafka.h"
#include "topologies/count_lines.h"
#include "topologies/generated_log.h"
#include "topologies/log.h"
#include "topologies/progress.h"
#include "topologies/stop_signal.h"
#include "vocab/clock.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kFlushTimeout{500};
// A cluster that is being restarted is back within it.
constexpr milliseconds kPatience{60'000};
constexpr milliseconds kPollTimeout{100};
constexpr std::size_t kPollRecords = 500;

// One command's worth of sending.
class Producer {
 public:
  Producer(const Config& config, const ProduceOptions& options, ingest::Sink& sink)
      : config_(config), options_(options), sink_(sink), stopping_(stop_on_signals()) {
    topic_ = options.topic.empty() ? config.topics.input.front() : options.topic;
  }

  Result<void> send_items(const std::string& path);
  Result<void> send_file(ingest::EventCodec& codec);
  Result<void> send_generated();
  Result<void> flush();
  [[nodiscard]] std::int64_t sent() const { return sent_; }
  [[nodiscard]] std::int64_t acknowledged() const {
    return appended_ - static_cast<std::int64_t>(sink_.pending());
  }
  [[nodiscard]] const std::string& topic() const { return topic_; }

 private:
  [[nodiscard]] bool done() const {
    return stopping_.load() || (options_.limit && sent_ >= *options_.limit);
  }
  Result<void> append(const OutputRecord& record) {
    auto appended =
        append_patiently(sink_, record, [this](const Error& why) { return wait_no_longer(why); });
    if (!appended) return unfinished(appended.error());
    ++appended_;
    return {};
  }
  // Says what is waited for, every few seconds; true when told to stop or when it is enough.
  [[nodiscard]] bool wait_no_longer(const Error& why);
  [[nodiscard]] Error unfinished(const Error& why) const {
    return stop(fmt::format("{}: {} of {} records were acknowledged", why.message, acknowledged(),
                            appended_));
  }
  Result<void> send_item(const Item& item);
  Result<void> send_event(std::optional<std::string> key, std::string value);
  void wait_until_due();
  [[nodiscard]] std::uint64_t expected(std::uint64_t lines) const;

  const Config& config_;
  const ProduceOptions& options_;
  ingest::Sink& sink_;
  const std::atomic<bool>& stopping_;
  std::int64_t appended_ = 0;
  std::int64_t acknowledged_ = -1;  // when it was last waited for
  steady_clock::time_point waited_at_{};
  std::string topic_;
  std::int64_t sent_ = 0;
  steady_clock::time_point started_ = steady_clock::now();
};

Result<void> Producer::send_items(const std::string& path) {
  auto source = ingest::open_file_source(path, config_.topics.items);
  if (!source) return source.error();
  auto codec = ingest::ItemCodec::create(config_.items);
  if (!codec) return codec.error();
  Progress progress("items", count_lines(path));
  std::vector<ingest::SourceRecord> batch;
  while (!(*source)->finished() && !stopping_.load()) {
    batch.clear();
    if (auto polled = (*source)->poll(batch, kPollRecords, kPollTimeout); !polled) return polled;
    for (const ingest::SourceRecord& line : batch) {
      auto item = codec->decode(line);
      if (!item) {
        // A compacted topic takes no record without a key.
        log_limited(LogLevel::kWarning, "produce item",
                    fmt::format("{} line {}: {}: not sent, its id is not known", path,
                                line.offset + 1, item.error().message));
        continue;
      }
      OutputRecord record;
      record.topic = config_.topics.items;
      record.key = item->item.item.id;
      record.value = line.value;
      if (auto appended = append(record); !appended) return appended;
    }
    progress.advance(batch.size());
  }
  return {};
}

Result<void> Producer::send_item(const Item& item) {
  OutputRecord record;
  record.topic = config_.topics.items;
  record.key = item.item.id;
  record.value = ingest::encode_item(item);
  return append(record);
}

Result<void> Producer::send_event(std::optional<std::string> key, std::string value) {
  OutputRecord record;
  record.topic = topic_;
  if (options_.key == ProduceKey::kUser) record.key = std::move(key);
  record.value = std::move(value);
  wait_until_due();
  ++sent_;
  return append(record);
}

void Producer::wait_until_due() {
  const auto due = started_ + due_after(sent_, options_.rate);
  while (!stopping_.load()) {
    const auto left = due - steady_clock::now();
    if (left <= steady_clock::duration::zero()) return;
    std::this_thread::sleep_for(std::min<steady_clock::duration>(left, milliseconds(100)));
  }
}

std::uint64_t Producer::expected(std::uint64_t lines) const {
  if (options_.loop || options_.demo) lines = 0;
  if (!options_.limit) return lines;
  const auto limit = static_cast<std::uint64_t>(*options_.limit);
  return lines == 0 ? limit : std::min(lines, limit);
}

Result<void> Producer::send_file(ingest::EventCodec& codec) {
  Progress progress(topic_, expected(count_lines(options_.events)));
  std::vector<ingest::SourceRecord> batch;
  started_ = steady_clock::now();
  do {
    const std::int64_t before = sent_;
    auto source = ingest::open_file_source(options_.events, topic_);
    if (!source) return source.error();
    while (!(*source)->finished() && !done()) {
      batch.clear();
      if (auto polled = (*source)->poll(batch, kPollRecords, kPollTimeout); !polled) return polled;
      for (ingest::SourceRecord& line : batch) {
        if (done()) break;
        if (!line.value) continue;
        auto user = options_.key == ProduceKey::kUser ? user_of(codec, *line.value) : std::nullopt;
        if (auto done = send_event(std::move(user), *std::move(line.value)); !done) return done;
        progress.advance();
      }
    }
    if (sent_ == before && options_.loop) return stop(options_.events + ": nothing to loop over");
  } while (options_.loop && !done());
  return {};
}

Result<void> Producer::send_generated() {
  GeneratedLogSettings settings;
  settings.seed = options_.seed;
  settings.types = config_.model.positive;
  settings.start = SystemClock{}.now();
  // At the pace at which they are sent, so that event time is the time of sending; without one,
  // what a small service sees.
  settings.events_per_second = options_.rate > 0 ? options_.rate : 100;
  GeneratedLog log(settings);
  for (const Item& item : log.catalogue()) {
    if (auto done = send_item(item); !done) return done;
  }
  Progress progress(topic_, expected(0));
  started_ = steady_clock::now();
  while (!done()) {
    GeneratedStep step = log.next();
    for (const ItemChange& change : step.catalogue) {
      if (auto done = send_item(change.item); !done) return done;
    }
    std::string user = step.event.user.value;
    if (auto done = send_event(std::move(user), ingest::encode_event(step.event)); !done) {
      return done;
    }
    progress.advance();
  }
  return {};
}

Result<void> Producer::flush() {
  for (;;) {
    auto flushed = sink_.flush(kFlushTimeout);
    if (flushed) return flushed;
    const bool retry = flushed.error().disposition == Disposition::kRetry;
    if (!retry || wait_no_longer(flushed.error())) {
      return unfinished(flushed.error());
    }
  }
}

bool Producer::wait_no_longer(const Error& why) {
  const auto now = steady_clock::now();
  // While some are acknowledged, it is only slow.
  if (const auto so_far = acknowledged(); so_far != acknowledged_) {
    acknowledged_ = so_far;
    waited_at_ = now;
  }
  if (stopping_.load() || now - waited_at_ >= kPatience) return true;
  log_limited(LogLevel::kWarning, "produce", why.message + ", trying again");
  return false;
}

}  // namespace

std::chrono::nanoseconds due_after(std::int64_t index, double rate) {
  if (rate <= 0) return std::chrono::nanoseconds(0);
  return std::chrono::nanoseconds(
      static_cast<std::int64_t>(static_cast<double>(index) * 1e9 / rate));
}

std::optional<std::string> user_of(ingest::EventCodec& codec, const std::string& line) {
  ingest::SourceRecord record;
  record.topic = "produce";
  record.record_time = ingest::kNoRecordTime;
  record.value = line;
  const auto decoded = codec.decode(record);
  if (!decoded || decoded->events.empty()) return std::nullopt;
  return decoded->events.front().user.value;
}

Result<void> append_patiently(ingest::Sink& sink, const OutputRecord& record,
                              const std::function<bool(const Error&)>& give_up) {
  for (;;) {
    auto appended = sink.append(record);
    if (appended || appended.error().disposition != Disposition::kRetry) return appended;
    if (give_up(appended.error())) return stop(appended.error().message);
    // Delivery reports are what empties the queue.
    auto flushed = sink.flush(milliseconds(100));
    if (!flushed && flushed.error().disposition == Disposition::kStop) return flushed;
  }
}

Result<void> produce(const Config& config, const ProduceOptions& options) {
  ingest::KafkaSettings kafka;
  kafka.properties = config.kafka;
  kafka.log = [](const std::string& line) { log_limited(LogLevel::kWarning, line, line); };
  auto sink = ingest::open_kafka_sink(kafka);
  if (!sink) return sink.error();
  auto codec = ingest::EventCodec::create(config.mapping);
  if (!codec) return codec.error();

  Producer producer(config, options, **sink);
  if (!options.items.empty()) {
    if (auto done = producer.send_items(options.items); !done) return done;
  }
  if (options.demo) {
    if (auto done = producer.send_generated(); !done) return done;
  } else if (!options.events.empty()) {
    if (auto done = producer.send_file(*codec); !done) return done;
  }
  if (auto flushed = producer.flush(); !flushed) return flushed;
  fmt::print(stderr, "{} records sent to {}\n", producer.sent(), producer.topic());
  return {};
}

}  // namespace fovea::topologies
