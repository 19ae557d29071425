#include "topologies/rekeyer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "ingest/dead_letter.h"
#include "profile_store/memory_profile_store.h"
#include "topologies/log.h"
#include "topologies/patience.h"
#include "topologies/worker.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;
using ingest::SourceRecord;
using ingest::TopicPartition;
using ingest::TopicPosition;
using std::chrono::milliseconds;

constexpr milliseconds kPollMax{100};
constexpr milliseconds kHeldPoll{20};
constexpr milliseconds kCommitStep{1'000};
constexpr milliseconds kLastCommit{10'000};
constexpr milliseconds kTakeOver{5'000};
constexpr int kRebuildsMax = 5;

}  // namespace

OutputRecord rekeyed_record(const Config& config, Event event, const SourceRecord& record,
                            std::size_t ordinal) {
  if (event.id.empty()) {
    event.id = fmt::format("{}/{}/{}#{}", record.topic, record.partition, record.offset, ordinal);
  }
  OutputRecord rekeyed;
  rekeyed.topic = config.topics.events;
  rekeyed.key = event.user.value;
  rekeyed.value = ingest::encode_event(event);
  rekeyed.headers = {{"fovea.topic", std::string(record.topic)},
                     {"fovea.partition", std::to_string(record.partition)},
                     {"fovea.offset", std::to_string(record.offset)},
                     {"fovea.timestamp", std::to_string(value(record.record_time))}};
  return rekeyed;
}

Result<std::unique_ptr<Rekeyer>> Rekeyer::create(const RekeyerShared& shared, std::string name,
                                                 std::string instance_id) {
  auto codec = ingest::EventCodec::create(shared.config.mapping);
  if (!codec) return codec.error();
  return std::unique_ptr<Rekeyer>(
      new Rekeyer(shared, std::move(name), std::move(instance_id), *std::move(codec)));
}

Rekeyer::Rekeyer(const RekeyerShared& shared, std::string name, std::string instance_id,
                 ingest::EventCodec codec)
    : shared_(shared),
      name_(std::move(name)),
      instance_id_(std::move(instance_id)),
      codec_(std::move(codec)),
      nothing_(profile_store::make_memory_profile_store()),
      commit_point_(shared.config.delivery.mode, ""),
      unwatched_(shared.metrics ? nullptr : std::make_unique<WorkerMetrics>(name_)),
      metrics_(shared.metrics ? shared.metrics->add_worker(name_) : *unwatched_) {}

// Closing the source calls on_revoked(), which needs the rest.
Rekeyer::~Rekeyer() {
  source_.reset();
}

Result<void> Rekeyer::run() {
  for (;;) {
    auto turned = turn();
    if (!turned || closed_) return turned;
  }
}

Result<void> Rekeyer::turn() {
  auto done = source_ ? step() : join();
  if (stopping_) return close(source_ && done ? commit_all() : Result<void>());
  if (done) return {};
  if (source_ && source_->replaced()) {
    return close(
        fovea::stop(done.error().message + "; give each process a group.instance of its own"));
  }
  if (++rebuilds_ > kRebuildsMax) return close(std::move(done));
  rebuild(done.error());
  return {};
}

Result<void> Rekeyer::close(Result<void> outcome) {
  closed_ = true;
  metrics_.phase.set(WorkerPhase::kClosed);
  source_.reset();
  return outcome;
}

void Rekeyer::rebuild(const Error& why) {
  log_warning(fmt::format("worker {}: {}: starting again with new clients", name_, why.message));
  metrics_.phase.set(WorkerPhase::kRebuilding);
  metrics_.rebuilds.add();
  source_.reset();
  drop();
  for (int waited_ms = 0; waited_ms < 500 * rebuilds_ && !stopping_; waited_ms += 50) {
    shared_.clock.sleep(milliseconds(50));
  }
}

Result<void> Rekeyer::join() {
  metrics_.phase.set(WorkerPhase::kJoining);
  ingest::ConsumerSettings consumer;
  consumer.topics = shared_.config.topics.input;
  consumer.group_id = shared_.config.group_id + "-rekey";
  consumer.instance_id = instance_id_;
  consumer.start = shared_.config.start;
  consumer.skip_lost = shared_.config.on_lost == OnGap::kContinue;
  auto source = shared_.clients.open_source(shared_.kafka, consumer, *this);
  if (!source) return source.error();
  source_ = *std::move(source);
  holding_ = false;
  if (auto opened = renew_sink(); !opened) return opened;
  metrics_.phase.set(WorkerPhase::kRunning);
  return {};
}

Result<void> Rekeyer::renew_sink() {
  drop();
  if (shared_.config.delivery.mode != DeliveryMode::kExactlyOnce) {
    auto sink = shared_.clients.open_sink(shared_.kafka);
    if (!sink) return sink.error();
    sink_ = *std::move(sink);
    return {};
  }
  const Heartbeat::Waiting taking_over(metrics_.heartbeat);
  auto sink = keep_trying({stopping_, false, shared_.clock}, "transactions", [this] {
    return shared_.clients.open_transactional_sink(
        shared_.kafka, transactional_id(shared_.config, name_), kTakeOver);
  });
  if (!sink) return sink.error();
  transaction_ = sink->get();
  sink_ = *std::move(sink);
  return {};
}

// What is not committed is read again, by whoever owns it then.
void Rekeyer::drop() {
  commit_point_.abandon();
  transaction_ = nullptr;
  sink_.reset();
  outbox_.clear();
  moved_.clear();
}

Result<void> Rekeyer::step() {
  metrics_.heartbeat.beat();
  hold_or_go_on();
  std::vector<SourceRecord> batch;
  auto polled = source_->poll(batch, shared_.config.delivery.batch_records_max,
                              holding_         ? kHeldPoll
                              : moved_.empty() ? kPollMax
                                               : kHeldPoll);
  if (!polled && stopping_) return {};
  if (auto heeded = heed(std::move(polled), "input"); !heeded) return heeded;
  if (!sink_) {
    if (auto renewed = renew_sink(); !renewed) return renewed;
  }
  if (!batch.empty() && moved_.empty()) interval_began_ = shared_.clock.monotonic();
  for (const SourceRecord& record : batch) rekey(record);
  if (auto heeded = heed(outbox_.pump(*sink_), "output"); !heeded) return heeded;
  const bool due = shared_.clock.monotonic() - interval_began_ >=
                   milliseconds(shared_.config.delivery.commit_interval_ms);
  if (commit_point_.phase() != CommitPhase::kOpen || (due && !moved_.empty())) {
    return heed(commit(), "commit");
  }
  return {};
}

void Rekeyer::rekey(const SourceRecord& record) {
  moved_[{std::string(record.topic), record.partition}] = record.offset + 1;
  auto decoded = codec_.decode(record);
  if (!decoded) {
    outbox_.put(ingest::dead_letter(shared_.config.topics.dead_letter, record, decoded.error()));
    log_limited(LogLevel::kWarning, "dead letter " + decoded.error().reason,
                fmt::format("dead letter, {} ({} [{}] offset {})", decoded.error().reason,
                            record.topic, record.partition, record.offset));
    return;
  }
  for (std::size_t i = 0; i < decoded->events.size(); ++i) {
    outbox_.put(rekeyed_record(shared_.config, std::move(decoded->events[i]), record, i));
  }
}

bool Rekeyer::open() const {
  return !moved_.empty() || commit_point_.phase() != CommitPhase::kOpen;
}

Result<void> Rekeyer::commit() {
  if (commit_point_.phase() == CommitPhase::kOpen) {
    Interval interval;
    for (const auto& [at, next] : moved_) interval.positions.push_back({at, next});
    moved_.clear();
    commit_point_.begin(std::move(interval));
  }
  auto advanced =
      commit_point_.advance({outbox_, *sink_, transaction_, *nothing_, *source_}, kCommitStep);
  if (advanced) {
    rebuilds_ = 0;
    metrics_.commits.add();
  }
  return advanced;
}

Result<void> Rekeyer::commit_all() {
  const auto deadline = shared_.clock.monotonic() + kLastCommit;
  while (open()) {
    auto committed = commit();
    if (committed) continue;
    if (committed.error().disposition == Disposition::kStop ||
        shared_.clock.monotonic() >= deadline) {
      log_warning(
          fmt::format("worker {}: the last interval was not committed and will be read "
                      "again: {}",
                      name_, committed.error().message));
      return committed;
    }
  }
  return {};
}

Result<void> Rekeyer::heed(Result<void> outcome, const char* what) {
  if (outcome || outcome.error().disposition == Disposition::kStop) return outcome;
  metrics_.set_trouble(fmt::format("{}: {}", what, outcome.error().message));
  log_limited(LogLevel::kWarning, name_ + what,
              fmt::format("{}: {}, trying again", what, outcome.error().message));
  return {};
}

void Rekeyer::hold_or_go_on() {
  const bool hold = !outbox_.empty() || commit_point_.phase() != CommitPhase::kOpen;
  if (hold == holding_) return;
  holding_ = hold;
  const std::vector<TopicPartition> all(assigned_.begin(), assigned_.end());
  hold ? source_->pause(all) : source_->resume(all);
}

Result<void> Rekeyer::on_assigning() {
  return sink_ ? Result<void>() : renew_sink();
}

Result<std::vector<TopicPosition>> Rekeyer::on_assigned(
    const std::vector<ingest::AssignedPartition>& partitions) {
  for (const auto& partition : partitions) {
    assigned_.insert(partition.at);
    metrics_.assign(partition.at);
  }
  holding_ = false;
  metrics_.joined.set(true);
  log_info(fmt::format("worker {}: {} partitions assigned", name_, partitions.size()));
  return std::vector<TopicPosition>();
}

void Rekeyer::on_revoked(const std::vector<TopicPartition>& partitions, bool lost) {
  // Without a source this is its destructor: what is open is dropped.
  if (lost || !source_ || !commit_all()) drop();
  for (const TopicPartition& at : partitions) {
    assigned_.erase(at);
    metrics_.revoke(at);
  }
}

}  // namespace fovea::topologies
