#include "topologies/model_publisher.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <utility>

#include "topologies/log.h"
#include "topologies/output_records.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;
using ingest::TopicPartition;
using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kTakeOver{1'000};
constexpr milliseconds kWrite{3'000};
constexpr milliseconds kTrim{10'000};
// Between attempts, doubled up to the longest.
constexpr milliseconds kPause{1'000};
constexpr milliseconds kPauseMax{60'000};

bool same_model(const ModelStamp& a, const ModelStamp& b) {
  return a.model_id == b.model_id && a.lineage == b.lineage;
}

}  // namespace

ModelTopicTransport kafka_model_topic(const Config& config, const ingest::KafkaSettings& kafka,
                                      std::uint64_t model_id) {
  ModelTopicTransport transport;
  transport.open_reader = [kafka, topic = config.topics.model](Offset start) {
    return ingest::open_partition_reader(kafka, {topic, 0}, start);
  };
  transport.open_writer = [kafka, id = fmt::format("{}-snapshot-{:016x}", config.name, model_id)] {
    return ingest::open_kafka_transactional_writer(kafka, id);
  };
  // The embedded broker drops the oldest by itself.
  if (config.transport != Transport::kEmbedded) {
    transport.open_admin = [kafka] { return ingest::open_kafka_admin(kafka); };
  }
  return transport;
}

ModelPublisher::ModelPublisher(const Config& config, ModelTopicTransport transport,
                               const Clock& clock, PublisherMetrics& metrics)
    : config_(config), transport_(std::move(transport)), clock_(clock), metrics_(metrics) {
  thread_ = std::thread([this] { run(); });
}

ModelPublisher::~ModelPublisher() {
  stop();
}

void ModelPublisher::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ModelPublisher::own(const void* owner) {
  {
    const std::lock_guard lock(mutex_);
    owner_ = owner;
    ++ownerships_;
  }
  changed_.notify_all();
}

void ModelPublisher::disown(const void* owner) {
  {
    const std::lock_guard lock(mutex_);
    if (owner_ != owner) return;
    owner_ = nullptr;
  }
  changed_.notify_all();
}

bool ModelPublisher::is_owner() const {
  const std::lock_guard lock(mutex_);
  return owner_ != nullptr;
}

void ModelPublisher::offer(SnapshotFile snapshot) {
  {
    const std::lock_guard lock(mutex_);
    offered_ = std::move(snapshot);
  }
  changed_.notify_all();
}

bool ModelPublisher::await_turn(TimePoint time) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, time, [this] { return stopping_.load(); });
  changed_.wait(lock, [this] { return stopping_ || owner_ != nullptr; });
  return !stopping_;
}

// The same trouble is said once.
void ModelPublisher::say(const std::string& what) {
  if (what == said_) return;
  said_ = what;
  log_warning(fmt::format("{}: {}", config_.topics.model, what));
}

void ModelPublisher::run() {
  std::uint64_t dealt_with = 0;  // an ownership, and a snapshot under it
  ModelStamp done;
  std::uint64_t fenced = 0;
  milliseconds pause = kPause;
  for (;;) {
    SnapshotFile snapshot;
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, [&] {
        if (stopping_) return true;
        if (owner_ == nullptr || !offered_ || ownerships_ == fenced) return false;
        return ownerships_ != dealt_with || offered_->stamp != done;
      });
      if (stopping_) return;
      snapshot = *offered_;
      ownership_ = ownerships_;
    }
    const auto ended = session(snapshot);
    if (ended) {
      dealt_with = ownership_;
      done = snapshot.stamp;
      pause = kPause;
      said_.clear();
      continue;
    }
    if (stopping_) return;
    if (writer_ != nullptr && writer_->fenced()) {
      writer_.reset();
      {
        const std::lock_guard lock(mutex_);
        // Partition 0 has come back since: it is this process's turn to fence.
        if (ownerships_ != writer_ownership_) continue;
      }
      fenced = writer_ownership_;
      metrics_.fenced.add();
      say(ended.error().message + ": another process publishes now");
      continue;
    }
    metrics_.failed.add();
    say(ended.error().message);
    if (ended.error().disposition == Disposition::kStop) writer_.reset();
    if (!await_turn(steady_clock::now() + pause)) return;
    pause = std::min(pause * 2, kPauseMax);
  }
}

Result<void> ModelPublisher::session(const SnapshotFile& snapshot) {
  if (writer_ == nullptr || writer_ownership_ != ownership_) {
    if (auto taken = take_over(); !taken) return taken;
  }
  const bool newer = !newest_ || !same_model(newest_->stamp, snapshot.stamp) ||
                     newest_->stamp.position < snapshot.stamp.position;
  if (!newer) return {};
  // The other slot: the newest is whole until this one is.
  const std::uint32_t slot = newest_ ? kModelSlots - 1 - newest_->slot : 0;
  auto published = publish(snapshot, slot);
  if (!published) return published.error();
  older_ = std::exchange(newest_, *published);
  metrics_.complete.add();
  note_newest(*published, clock_.now());
  log_info(fmt::format("{}: model {:016x} published at position {}, {} bytes in slot {}",
                       config_.topics.model, published->stamp.model_id, published->stamp.position,
                       published->bytes, slot));
  // What cannot be trimmed today is trimmed after the next one.
  if (auto trimmed = trim(); !trimmed) say("trimming: " + trimmed.error().message);
  return {};
}

Result<void> ModelPublisher::take_over() {
  writer_.reset();
  newest_.reset();
  older_.reset();
  auto writer = transport_.open_writer();
  if (!writer) return writer.error();
  for (;;) {
    auto taken = (*writer)->take_over(kTakeOver);
    if (taken) break;
    if (taken.error().disposition != Disposition::kRetry) return taken;
    say(taken.error().message);
    if (!await_turn(steady_clock::now() + kPause)) return taken;
  }
  // After the fence: nobody adds to what is found now.
  const std::uint64_t id = scorer::model_id(config_.model);
  PublishedModels published(transport_.open_reader, stopping_);
  auto newest = published.next([id](const ModelStamp& stamp) { return stamp.model_id == id; });
  if (!newest) return newest.error();
  if (*newest) {
    newest_ = (*newest)->manifest;
    note_newest((*newest)->manifest, (*newest)->time);
  }
  writer_ = *std::move(writer);
  writer_ownership_ = ownership_;
  return {};
}

Result<ModelManifest> ModelPublisher::publish(const SnapshotFile& snapshot, std::uint32_t slot) {
  std::ifstream in(snapshot.path, std::ios::binary | std::ios::ate);
  if (!in) return fovea::stop(snapshot.path + " cannot be read");
  const auto bytes = static_cast<std::uint64_t>(in.tellg());
  in.seekg(0);
  return write_model(
      snapshot.stamp, slot, in, bytes,
      [this](const ModelKey& key, std::string value) { return write(key, std::move(value)); });
}

// One record, in its turn under the budget; tried again for as long as it is this process's.
Result<std::optional<Offset>> ModelPublisher::write(const ModelKey& key, std::string value) {
  const std::vector<OutputRecord> records{model_record(config_, key, std::move(value))};
  const std::chrono::duration<double> share(static_cast<double>(records.front().value->size()) /
                                            static_cast<double>(config_.publication.budget_bytes));
  for (TimePoint turn = next_write_;;) {
    if (!await_turn(turn)) return fovea::stop("told to stop");
    next_write_ = steady_clock::now() + duration_cast<steady_clock::duration>(share);
    auto written = writer_->write(records, kWrite);
    if (written) {
      metrics_.bytes.add(records.front().value->size());
      return written;
    }
    if (written.error().disposition != Disposition::kRetry) return written;
    say(written.error().message);
    turn = steady_clock::now() + kPause;
  }
}

Result<void> ModelPublisher::trim() {
  if (!transport_.open_admin || !newest_ || !older_) return {};
  if (!same_model(newest_->stamp, older_->stamp)) return {};
  auto admin = transport_.open_admin();
  if (!admin) return admin.error();
  const TopicPartition log{config_.topics.learning, 0};
  const TimeMs since{value(clock_.now()) - config_.learning.retention_ms};
  const auto retained = (*admin)->offset_at(log, since, kTrim);
  if (!retained) return retained.error();
  Offset before = std::min(newest_->stamp.position, older_->stamp.position) + 1;
  if (*retained) before = std::min(before, **retained);
  if (before <= trimmed_to_) return {};
  const auto begins = (*admin)->delete_before(log, before, kTrim);
  if (!begins) return begins.error();
  trimmed_to_ = before;
  metrics_.log_start.set(*begins);
  log_info(fmt::format("{}: trimmed, it begins at {} now", config_.topics.learning, *begins));
  return {};
}

void ModelPublisher::note_newest(const ModelManifest& manifest, TimeMs time) {
  metrics_.position.set(manifest.stamp.position);
  metrics_.time_ms.set(value(time));
}

}  // namespace fovea::topologies
