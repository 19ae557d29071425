#include "topologies/worker.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "topologies/log.h"
#include "topologies/output_records.h"
#include "topologies/patience.h"
#include "topologies/shedding.h"
#include "vocab/assert.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;
using ingest::SourceRecord;
using ingest::TopicPartition;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// Longest wait for a record; shorter while an interval is open.
constexpr milliseconds kPollMax{100};
// While everything is held back.
constexpr milliseconds kHeldPoll{20};
// How often the ends of the partitions are noted.
constexpr milliseconds kProgressEvery{100};
// In a backfill the learner may be so many records behind what we wrote.
constexpr Offset kLearnerLagMax = 20'000;
constexpr seconds kQuiet{1};
// What stays broken is said this often.
constexpr seconds kSayEvery{3};
// New handles without a single commit between, before it is given up.
constexpr int kRebuildsMax = 5;

std::string header(const OutputRecord& record, const std::string& name) {
  for (const auto& [key, value] : record.headers) {
    if (key == name) return value;
  }
  return "";
}

// The message quotes the value at fault, which may name a person; the topic has it either way.
void log_dead_letter(const OutputRecord& record, bool quote) {
  const std::string reason = header(record, "fovea.reason");
  const std::string quoted = quote ? ": " + header(record, "fovea.message") : "";
  const std::string topic = header(record, "fovea.topic");
  const std::string partition = header(record, "fovea.partition");
  const std::string offset = header(record, "fovea.offset");
  log_limited(LogLevel::kWarning, "dead letter " + reason,
              fmt::format("dead letter, {}{} ({} [{}] offset {})", reason, quoted, topic, partition,
                          offset),
              {{"reason", reason}, {"topic", topic}, {"partition", partition}, {"offset", offset}});
}

}  // namespace

std::string worker_name(const Config& config, std::int32_t number) {
  return fmt::format("{}-{}", config.instance_id, number);
}

std::string transactional_id(const Config& config, const std::string& worker) {
  return config.group_id + "-" + worker;
}

Worker::Worker(const WorkerShared& shared, std::string name, std::string instance_id)
    : shared_(shared),
      name_(std::move(name)),
      instance_id_(std::move(instance_id)),
      store_(shared.store, shared.claims, this),
      unwatched_(shared.metrics ? nullptr : std::make_unique<WorkerMetrics>(name_)),
      metrics_(shared.metrics ? shared.metrics->add_worker(name_) : *unwatched_) {}

// Closing the source calls on_revoked(), which needs the rest.
Worker::~Worker() {
  source_.reset();
}

PipelineCounts Worker::counts() const {
  const std::lock_guard lock(counts_mutex_);
  return counts_;
}

void Worker::enter(WorkerPhase phase) {
  FOVEA_ASSERT(may_follow(phase_, phase));
  phase_ = phase;
  metrics_.phase.set(phase);
}

Result<void> Worker::run() {
  for (;;) {
    auto turned = turn();
    if (!turned || phase_ == WorkerPhase::kClosed) return turned;
  }
}

Result<void> Worker::turn() {
  auto done = phase_ == WorkerPhase::kJoining ? join() : step();
  const bool stopping = stopping_;
  if (done && !stopping) return {};
  if (done && phase_ == WorkerPhase::kRunning) {
    enter(WorkerPhase::kDraining);
    done = drain();
  }
  // Of two processes with one instance id the older gives way, or neither gets anywhere.
  if (!done && source_ && source_->replaced()) {
    beyond_repair_ = true;
    done = fovea::stop(done.error().message + "; give each process a group.instance of its own");
  }
  // Whatever the clients fail in is no failure of one that was told to stop: nothing is lost, and
  // the next start meets it again if it lasts.
  if (!done && stopping && !beyond_repair_) {
    if (phase_ != WorkerPhase::kJoining) say_uncommitted(done.error());
    done = {};
  }
  rebuilds_ = commits_ > commits_before_ ? 1 : rebuilds_ + 1;
  if (done || beyond_repair_ || stopping || rebuilds_ > kRebuildsMax) return close(std::move(done));
  rebuild(done.error());
  return {};
}

Result<void> Worker::close(Result<void> outcome) {
  if (phase_ != WorkerPhase::kDraining) enter(WorkerPhase::kDraining);
  // The source goes first: closing it calls on_revoked(), which needs the rest.
  source_.reset();
  enter(WorkerPhase::kClosed);
  return outcome;
}

void Worker::rebuild(const Error& why) {
  log_warning(fmt::format("worker {}: {}: starting again with new clients", name_, why.message));
  enter(WorkerPhase::kRebuilding);
  metrics_.rebuilds.add();
  metrics_.commit_began.set(0);
  source_.reset();
  drop_sink();
  {
    const std::lock_guard lock(counts_mutex_);
    counts_before_ = counts_;
  }
  for (int waited_ms = 0; waited_ms < 500 * rebuilds_ && !stopping_; waited_ms += 50) {
    shared_.clock.sleep(milliseconds(50));
  }
  enter(WorkerPhase::kJoining);
}

Result<void> Worker::join() {
  commits_before_ = commits_;
  const Config& config = shared_.config;
  PipelineSettings settings;
  settings.clock = &shared_.clock;
  settings.input_partitions = shared_.input_partitions;
  settings.withdrawn = [this] { return shared_.withdrawn.mask(); };
  settings.on_item = [this](const ItemChange& change) { shared_.withdrawn.note(change); };
  settings.shed_probability = [this] {
    const double share = shed_probability(learner_lag(), shared_.config.learning.shed_lag);
    metrics_.shed_probability.set(share);
    return share;
  };
  settings.metrics = &metrics_.pipeline;
  auto pipeline = Pipeline::create(config, std::move(settings));
  if (!pipeline) {
    beyond_repair_ = true;
    return pipeline.error();
  }
  pipeline_ = std::make_unique<Pipeline>(*std::move(pipeline));
  commit_point_ = std::make_unique<CommitPoint>(config.delivery.mode, config.topics.profiles);
  interval_open_ = false;
  holding_ = false;

  ingest::ConsumerSettings consumer;
  consumer.topics = config.topics.input;
  consumer.topics.push_back(config.topics.items);
  consumer.group_id = config.group_id;
  consumer.instance_id = instance_id_;
  consumer.start = config.start;
  // Where the events begin says nothing about the catalogue.
  consumer.whole_topics = {config.topics.items};
  consumer.skip_lost = config.on_lost == OnGap::kContinue;
  auto source = shared_.clients.open_source(client_settings(), consumer, *this);
  if (!source) return source.error();
  source_ = *std::move(source);
  // While the client joins the group.
  if (auto opened = renew_sink(); !opened) return opened;

  enter(WorkerPhase::kRunning);
  return {};
}

ingest::KafkaSettings Worker::client_settings() {
  ingest::KafkaSettings kafka = shared_.kafka;
  if (shared_.metrics) {
    kafka.statistics = [this](const ingest::KafkaStatistics& statistics) {
      shared_.metrics->set_kafka(name_, statistics);
    };
  }
  return kafka;
}

void Worker::drop_sink() {
  transaction_ = nullptr;
  sink_.reset();
  outbox_.clear();
  emissions_.clear();
}

// The sink before drops what it has not delivered: an older profile must not arrive after those of
// the partition's new owner.
Result<void> Worker::renew_sink() {
  drop_sink();
  lost_ = false;
  if (!exactly_once()) {
    auto sink = shared_.clients.open_sink(client_settings());
    if (!sink) return sink.error();
    sink_ = *std::move(sink);
    return {};
  }
  const Heartbeat::Waiting taking_over(metrics_.heartbeat);
  auto sink = keep_trying({stopping_, false, shared_.clock}, "transactions", [this] {
    return shared_.clients.open_transactional_sink(
        client_settings(), transactional_id(shared_.config, name_), kTakeOver);
  });
  if (!sink) return sink.error();
  transaction_ = sink->get();
  sink_ = *std::move(sink);
  return {};
}

Result<void> Worker::step() {
  metrics_.heartbeat.beat();
  hold_or_go_on();
  milliseconds timeout = kPollMax;
  if (holding_) {
    timeout = kHeldPoll;
  } else if (interval_open_) {
    const auto due = interval_began_ + milliseconds(shared_.config.delivery.commit_interval_ms);
    const auto left = std::chrono::duration_cast<milliseconds>(due - shared_.clock.monotonic());
    timeout = std::clamp(left, milliseconds(0), kPollMax);
  }
  std::vector<SourceRecord> batch;
  auto polled = source_->poll(batch, shared_.config.delivery.batch_records_max, timeout);
  // A restore that was cut short by stop() is no failure.
  if (!polled && stopping_) return {};
  if (auto heeded = heed(std::move(polled), "input"); !heeded) return heeded;
  if (lost_) {
    if (auto renewed = renew_sink(); !renewed) return renewed;
  }
  const auto began = shared_.clock.monotonic();
  if (!batch.empty()) {
    if (auto processed = process(batch); !processed) return processed;
  }
  if (auto heeded = heed(outbox_.pump(*sink_), "output"); !heeded) return heeded;
  if (!exactly_once()) note_emissions();
  if (!batch.empty()) {
    metrics_.step.add(shared_.clock.monotonic() - began);
    metrics_.batch_records.add(static_cast<double>(batch.size()));
  }
  note_progress(batch);
  const auto now = shared_.clock.monotonic();
  if (commit_point_->phase() != CommitPhase::kOpen || commit_is_due(now)) {
    return heed(commit(kCommitStep), "commit");
  }
  look_for_late_writes(now);
  return {};
}

// What may be tried again is said and left to the next step; the rest ends the session.
Result<void> Worker::heed(Result<void> outcome, const char* what) {
  if (outcome || outcome.error().disposition == Disposition::kStop) return outcome;
  metrics_.set_trouble(fmt::format("{}: {}", what, outcome.error().message));
  const auto now = shared_.clock.monotonic();
  if (!said_at_ || now - *said_at_ >= kSayEvery) {
    said_at_ = now;
    log_warning(fmt::format("{}: {}, trying again", what, outcome.error().message));
  }
  return {};
}

void Worker::open_interval() {
  if (interval_open_) return;
  interval_open_ = true;
  interval_began_ = shared_.clock.monotonic();
}

Result<void> Worker::process(const std::vector<SourceRecord>& batch) {
  open_interval();
  Result<Effects> effects = [&] {
    const scorer::ModelView view = shared_.learner.view();
    return pipeline_->process(batch, store_, *view);
  }();
  if (!effects) {
    beyond_repair_ = true;
    return effects.error();
  }
  route(*std::move(effects));
  report_misrouted();
  const std::lock_guard lock(counts_mutex_);
  counts_ = counts_before_;
  add(pipeline_->counts(), counts_);
  metrics_.set_counts(counts_);
  return {};
}

void Worker::route(Effects effects) {
  for (std::size_t i = 0; i < effects.recommendations.size(); ++i) {
    emissions_.push_back({effects.recommendations[i].event_time, effects.trigger_times[i]});
  }
  // Recommendations first: they are what somebody waits for.
  for (const Recommendation& recommendation : effects.recommendations) {
    outbox_.put(recommendation_record(shared_.config, recommendation));
  }
  for (const LearningRecord& learning : effects.learning) {
    outbox_.put(learning_record(shared_.config, learning));
  }
  for (OutputRecord& dead_letter : effects.dead_letters) {
    log_dead_letter(dead_letter, shared_.config.log_personal_data);
    outbox_.put(std::move(dead_letter));
  }
}

void Worker::report_misrouted() {
  if (misrouted_said_ || pipeline_->counts().misrouted == 0) return;
  misrouted_said_ = true;
  log_warning(fmt::format(
      "{} holds events in another partition than Kafka's default partitioner (murmur2 of the user) "
      "gives them; they are processed where they are. Remedy: key the events by user, with "
      "librdkafka producers set partitioner=murmur2_random",
      shared_.config.topics.input.front()));
}

bool Worker::commit_is_due(TimePoint now) const {
  return interval_open_ &&
         now - interval_began_ >= milliseconds(shared_.config.delivery.commit_interval_ms);
}

Result<void> Worker::commit(milliseconds timeout) {
  if (commit_point_->phase() == CommitPhase::kOpen) {
    if (!interval_open_) return {};
    interval_open_ = false;
    commit_point_->begin(pipeline_->close_interval());
    metrics_.commit_began.set(shared_.clock.monotonic().time_since_epoch().count());
  }
  auto advanced =
      commit_point_->advance({outbox_, *sink_, transaction_, store_, *source_}, timeout);
  if (!advanced) {
    if (advanced.error().disposition == Disposition::kStop &&
        commit_point_->fault() == CommitFault::kStore) {
      beyond_repair_ = true;
    }
    return advanced;
  }
  ++commits_;
  if (exactly_once()) note_emissions();
  metrics_.commits.add();
  metrics_.commit.add(shared_.clock.monotonic().time_since_epoch() -
                      steady_clock::duration(metrics_.commit_began.value()));
  metrics_.commit_began.set(0);
  // Every example so far was acknowledged at or before this place of the learning log.
  if (const auto next = sink_->delivered_next({shared_.config.topics.learning, 0})) {
    pipeline_->settle_learning(*next - 1);
  }
  answer_foreign_appends();
  return {};
}

// An owner before may have had writes on their way when this one read the changelog to its end.
// A commit shows them; where nothing is committed within a second of the time, the end is asked
// for. Under exactly_once nothing comes late: what is not committed by then never is.
void Worker::look_for_late_writes(TimePoint now) {
  if (exactly_once()) return;
  const auto due = std::find_if(look_at_.begin(), look_at_.end(),
                                [&](const auto& entry) { return entry.second.at <= now; });
  if (due == look_at_.end() || commit_point_->phase() != CommitPhase::kOpen) return;
  const Partition partition = due->first;
  Look& look = due->second;
  const Offset next = commit_point_->next(partition);
  if (!look.next) {
    look = {now + kQuiet, next};
    return;
  }
  if (next > *look.next) {
    look_at_.erase(due);
    return;
  }
  look.at = now + kLateWrites;  // where the broker is away
  auto reader = shared_.clients.open_partition_reader(
      shared_.kafka, {shared_.config.topics.profiles, partition}, commit_point_->next(partition));
  if (!reader) return;
  const auto ends = (*reader)->ends(kCommitStep);
  if (!ends) return;
  look_at_.erase(partition);
  commit_point_->note_end(partition, ends->high);
  answer_foreign_appends();
}

// With the next interval, which does not wait for an event.
void Worker::write_again(Partition partition, std::vector<UserId> users) {
  if (users.empty()) return;
  commit_point_->append_again(partition, std::move(users));
  open_interval();
}

// Where the reading does not succeed, the hole is looked at again after the next commit.
void Worker::answer_foreign_appends() {
  for (const CommitPoint::Foreign& hole : commit_point_->foreign()) {
    auto outdated = [&]() -> Result<std::vector<UserId>> {
      auto reader = shared_.clients.open_partition_reader(
          shared_.kafka, {shared_.config.topics.profiles, hole.partition}, hole.from);
      if (!reader) return reader.error();
      return outdated_users(**reader, hole.partition, hole.to, store_, stopping_);
    }();
    if (!outdated) {
      log_limited(
          LogLevel::kWarning, "changelog",
          fmt::format("changelog of partition {}: {}", hole.partition, outdated.error().message));
      return;
    }
    if (!outdated->empty()) {
      log_warning(fmt::format(
          "changelog of partition {}: an owner before wrote {} older profiles from offset {} on; "
          "they are written again",
          hole.partition, outdated->size(), hole.from));
    }
    write_again(hole.partition, *std::move(outdated));
  }
  commit_point_->foreign_dealt_with();
}

Result<void> Worker::drain() {
  const auto deadline = shared_.clock.monotonic() + kLastCommit;
  for (;;) {
    auto committed = commit(kCommitStep);
    if (committed && !interval_open_ && commit_point_->phase() == CommitPhase::kOpen) return {};
    if (!committed && committed.error().disposition == Disposition::kStop) return committed;
    if (!committed && shared_.clock.monotonic() >= deadline) {
      say_uncommitted(committed.error());
      return {};
    }
  }
}

void Worker::say_uncommitted(const Error& why) {
  log_warning(
      fmt::format("worker {}: what was not committed when it was told to stop is read again: {}",
                  name_, why.message));
}

void Worker::hold_or_go_on() {
  const bool hold =
      !outbox_.empty() || commit_point_->phase() != CommitPhase::kOpen || learner_is_behind();
  if (hold == holding_) return;
  holding_ = hold;
  const std::vector<TopicPartition> all(assigned_.begin(), assigned_.end());
  if (hold) {
    source_->pause(all);
  } else {
    source_->resume(all);
  }
}

// A recommendation has left when the client has it, or when its transaction has committed.
void Worker::note_emissions() {
  if (emissions_.empty() || !outbox_.empty()) return;
  const TimeMs now = shared_.clock.now();
  for (const auto& [event_time, record_time] : emissions_) {
    metrics_.event_to_emission.add(milliseconds(milliseconds_between(event_time, now)));
    metrics_.broker_to_emission.add(milliseconds(milliseconds_between(record_time, now)));
  }
  emissions_.clear();
}

// How far input and catalogue have been read. The ends are asked of the client, which is cheap and
// not free, so now and then.
void Worker::note_progress(const std::vector<SourceRecord>& batch) {
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const SourceRecord& record = batch[i];
    // The last record of a run of one partition.
    if (i + 1 < batch.size() && batch[i + 1].partition == record.partition &&
        batch[i + 1].topic == record.topic) {
      continue;
    }
    const auto found = metrics_.partitions().find({std::string(record.topic), record.partition});
    if (found == metrics_.partitions().end()) continue;
    found->second->next.set(record.offset + 1);
    found->second->record_time_ms.set(value(record.record_time));
  }
  const auto now = shared_.clock.monotonic();
  if (now - ends_noted_at_ < kProgressEvery) return;
  ends_noted_at_ = now;
  for (const auto& [at, partition] : metrics_.partitions()) {
    const auto progress = source_->progress(at);
    if (!progress) continue;
    partition->next.set(progress->next);
    partition->end.set(progress->end);
  }
}

// What lies in the learning log and is not learned here yet: what this worker wrote a moment ago
// is known before the learner has heard of it.
Offset Worker::learner_lag() const {
  const auto written = sink_->delivered_next({shared_.config.topics.learning, 0});
  return std::max(shared_.learner.end(), written.value_or(0)) - 1 - shared_.learner.position();
}

bool Worker::learner_is_behind() const {
  const auto written = sink_->delivered_next({shared_.config.topics.learning, 0});
  return written && *written - 1 - shared_.learner.position() > kLearnerLagMax;
}

}  // namespace fovea::topologies
