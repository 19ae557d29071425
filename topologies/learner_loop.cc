#include "topologies/learner_loop.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scorer/model_info.h"
#include "topologies/log.h"
#include "topologies/model_start.h"
#include "topologies/output_records.h"
#include "topologies/published_model.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kBatchRecords = 500;
constexpr milliseconds kPollMax{100};
constexpr milliseconds kAskTimeout{5'000};
constexpr seconds kMarkInterval{10};
constexpr milliseconds kLastMarkTimeout{1'000};
// Between two snapshots taken because models differ: a cause that stays must not stop the learning.
constexpr seconds kFollowInterval{60};
// Of the local disk, at most.
constexpr double kSnapshotBytesPerSecond = 8.0 * 1024 * 1024;
// A reader that ended is opened again so many times without progress between.
constexpr int kReopensMax = 5;
// ... each time with so many attempts, ten seconds in all.
constexpr int kReopenAttempts = 10;

}  // namespace

LearnerLoop::LearnerLoop(const Config& config, LearnerSettings settings,
                         std::unique_ptr<scorer::Learner> learner)
    : config_(config),
      settings_(std::move(settings)),
      clock_(settings_.clock ? *settings_.clock : system_clock()),
      clients_(settings_.clients ? *settings_.clients : ingest::kafka_clients()),
      follower_(config, settings_.process, std::move(learner), clock_),
      snapshot_at_(clock_.monotonic()),
      marked_at_(clock_.monotonic()),
      unwatched_(settings_.metrics ? nullptr : std::make_unique<Metrics>(config.name, clock_)),
      metrics_((settings_.metrics ? *settings_.metrics : *unwatched_).learner()) {
  if (config.publication.budget_bytes == 0) return;
  publisher_ = std::make_unique<ModelPublisher>(
      config, kafka_model_topic(config, settings_.kafka, follower_.learner().stamp().model_id),
      clock_, (settings_.metrics ? *settings_.metrics : *unwatched_).publisher());
}

Result<std::unique_ptr<LearnerLoop>> LearnerLoop::open(const Config& config,
                                                       LearnerSettings settings,
                                                       const Patience& patience) {
  auto learner = scorer::Learner::create(config.model, settings.kernels);
  if (!learner) return learner.error();
  auto restored = restore_newest(settings.snapshot_directory, **learner, log_warning);

  std::unique_ptr<LearnerLoop> loop(
      new LearnerLoop(config, std::move(settings), *std::move(learner)));
  loop->began_with_ = std::move(restored);
  if (auto opened = keep_trying(patience, "learning log", [&] { return loop->open_reader(); });
      !opened) {
    return opened.error();
  }
  if (!loop->began_with_ || loop->gap() || loop->far_behind()) {
    if (auto found = loop->find_beginning(patience); !found) return found.error();
  }
  if (auto opened =
          keep_trying(patience, "learning log", [&] { return loop->open_where_it_fits(); });
      !opened) {
    return opened.error();
  }
  const ModelStamp stamp = loop->follower_.learner().stamp();
  const auto& from = loop->began_with_;
  loop->restored_ = loop->follower_.learner().stats().examples > 0;
  loop->position_ = stamp.position;
  loop->snapshot_position_ = stamp.position;
  log_info(fmt::format(
      "model {:016x} {} position {}, the learning log ends at {}", stamp.model_id,
      from ? "restored from " + (from->path.empty() ? config.topics.model : from->path) + " at"
           : "starts from nothing at",
      stamp.position, loop->ends_.high));
  if (from && !from->path.empty() && loop->publisher_) loop->publisher_->offer(*from);
  loop->caught_up_ = loop->position() + 1 >= loop->ends_.high;
  loop->metrics_.end.set(loop->ends_.high);
  loop->metrics_.start_position.set(stamp.position);
  loop->note_figures({});
  loop->metrics_.started.set(true);
  return loop;
}

void LearnerLoop::stop() {
  stopping_ = true;
  if (publisher_) publisher_->stop();
}

void LearnerLoop::own_publication(const void* owner) {
  if (publisher_) publisher_->own(owner);
}

void LearnerLoop::disown_publication(const void* owner) {
  if (publisher_) publisher_->disown(owner);
}

Result<void> LearnerLoop::open_reader() {
  const Offset next = follower_.learner().stamp().position + 1;
  reader_.reset();
  ingest::KafkaSettings kafka = settings_.kafka;
  if (settings_.metrics) {
    kafka.statistics = [this](const ingest::KafkaStatistics& statistics) {
      settings_.metrics->set_kafka("learner", statistics);
    };
  }
  auto reader = clients_.open_partition_reader(kafka, {config_.topics.learning, 0}, next);
  if (!reader) return reader.error();
  const auto ends = (*reader)->ends(kAskTimeout);
  if (!ends) return ends.error();
  ends_ = *ends;
  reader_ = *std::move(reader);
  return {};
}

bool LearnerLoop::gap() const {
  return follower_.learner().stamp().position + 1 < ends_.low;
}

bool LearnerLoop::far_behind() const {
  return ends_.high - follower_.learner().stamp().position > settings_.far_behind;
}

Result<void> LearnerLoop::open_where_it_fits() {
  if (auto opened = open_reader(); !opened) return opened;
  const Offset position = follower_.learner().stamp().position;
  if (gap()) {
    const std::string lost = fmt::format(
        "{}: the model stands at position {} but the log begins at {}: what lies between is lost",
        config_.topics.learning, position, ends_.low);
    if (config_.publication.on_gap == OnGap::kStop) return fovea::stop(lost);
    follower_.skip_to(ends_.low);
    log_warning(
        fmt::format("{}; it goes on as lineage {}", lost, follower_.learner().stamp().lineage));
    return open_reader();
  }
  if (position + 1 > ends_.high) {
    return fovea::stop(fmt::format(
        "{}: the model stands at position {} but the log ends at {}: the topic was created anew",
        config_.topics.learning, position, ends_.high));
  }
  return {};
}

// Where the log has everything a topic that does not answer is named and done without; where it
// has not, it is waited for.
Result<void> LearnerLoop::find_beginning(const Patience& patience) {
  if (ends_.high == 0) return {};
  scorer::Learner& learner = follower_.learner();
  const auto transport = kafka_model_topic(config_, settings_.kafka, learner.stamp().model_id);
  const std::string& directory = settings_.snapshot_directory;
  const Say say = [this](const std::string& line) { log_info(config_.topics.model + ": " + line); };
  Offset beyond = kAnyPosition;
  if (began_with_) beyond = learner.stamp().position + (gap() ? 0 : settings_.far_behind / 2);
  const auto restore = [&] {
    PublishedModels published(transport.open_reader, patience.stopping);
    return restore_published(published, directory, learner, beyond, say);
  };
  auto found = gap() ? keep_trying(patience, config_.topics.model, restore) : restore();
  if (found && !*found && !began_with_ && config_.publication.budget_bytes > 0) {
    found = begin_model({config_, transport, directory, ends_, say}, learner, patience);
    // What the others of this model cannot have must not be what this one has.
    if (!found && scorer::parent(learner.model())) return found.error();
  }
  if (found) {
    if (!*found) return {};
    began_with_ = **std::move(found);
    follower_.note_restored();
    return {};
  }
  if (patience.stopping) return found.error();
  log_warning(fmt::format("{}: {}: no published snapshot is used", config_.topics.model,
                          found.error().message));
  return {};
}

// What ends a start at once is waited for here a while: a cluster that comes back may not know a
// topic, or the end of a log, for a moment.
Result<void> LearnerLoop::reopen() {
  int attempts = 0;
  return keep_trying({stopping_, false, clock_}, "learning log", [&]() -> Result<void> {
    auto opened = open_where_it_fits();
    if (!opened && ++attempts < kReopenAttempts) return fovea::retry(opened.error().message);
    return opened;
  });
}

void LearnerLoop::finish(bool healthy) {
  follower_.learner().publish();
  finish_snapshot();
  if (!healthy) return;
  if (position() > snapshot_position_) {
    begin_snapshot(clock_.monotonic());
    finish_snapshot();
  }
  // What this process had when it stopped, for the others to compare. After the snapshot: what it
  // says it has is on its disk.
  write_mark(kLastMarkTimeout);
}

Result<void> LearnerLoop::step() {
  metrics_.heartbeat.beat();
  if (auto polled = poll(); !polled) return polled;
  std::vector<std::string> disagreements;
  if (auto folded = follower_.fold(batch_, disagreements); !folded) return folded;
  if (auto followed = follow_publisher(disagreements); !followed) return followed;
  // Told to stop while the log was being reopened.
  if (!reader_) return {};
  if (!batch_.empty()) {
    reopens_ = 0;
    position_.store(follower_.learner().stamp().position, std::memory_order_relaxed);
  }
  if (!caught_up() && reader_->next() >= ends_.high) caught_up_ = true;

  const auto now = clock_.monotonic();
  if (follower_.publish_if_due(now)) metrics_.views.add();
  note_figures(batch_);
  snapshot_if_due(now);
  mark_if_due(now);
  return {};
}

Result<void> LearnerLoop::follow_publisher(const std::vector<std::string>& disagreements) {
  for (const std::string& disagreement : disagreements) log_error(disagreement);
  if (disagreements.empty() || !publisher_ || publisher_->is_owner()) return {};
  const auto now = clock_.monotonic();
  if (followed_at_ && now - *followed_at_ < kFollowInterval) return {};
  followed_at_ = now;

  const Heartbeat::Waiting restoring(metrics_.heartbeat);
  scorer::Learner& learner = follower_.learner();
  const std::string& directory = settings_.snapshot_directory;
  const Say say = [this](const std::string& line) {
    log_warning(config_.topics.model + ": " + line);
  };
  // First, so that no start takes them: they are of the model that differs.
  finish_snapshot();
  if (auto removed = remove_snapshots(directory, learner.stamp()); !removed) {
    say(removed.error().message);
  }
  const auto transport = kafka_model_topic(config_, settings_.kafka, learner.stamp().model_id);
  PublishedModels published(transport.open_reader, stopping_);
  const auto taken = restore_published(published, directory, learner, kAnyPosition, say);
  if (!taken || !*taken) {
    say(taken ? "no published snapshot to take instead" : taken.error().message);
    return {};
  }
  if (!(*taken)->path.empty()) publisher_->offer(**taken);
  follower_.note_restored();
  snapshot_position_ = learner.stamp().position;
  position_.store(snapshot_position_, std::memory_order_relaxed);
  batch_.clear();
  auto reopened = reopen();
  return stopping_ ? Result<void>() : reopened;
}

// Fills batch_. A reader that has ended is replaced, a bounded number of times.
Result<void> LearnerLoop::poll() {
  batch_.clear();
  const auto timeout = std::min(kPollMax, follower_.publish_due_in(clock_.monotonic()));
  auto polled = reader_->poll(batch_, kBatchRecords, timeout);
  if (polled) return {};
  log_limited(LogLevel::kWarning, "learning log", "learning log: " + polled.error().message);
  if (polled.error().disposition != Disposition::kStop) return {};
  if (++reopens_ > kReopensMax) return polled;
  const Heartbeat::Waiting reopening(metrics_.heartbeat);
  auto reopened = reopen();
  return stopping_ ? Result<void>() : reopened;
}

void LearnerLoop::snapshot_if_due(TimePoint now) {
  if (snapshot_.valid()) {
    if (snapshot_.wait_for(seconds(0)) == std::future_status::timeout) return;
    finish_snapshot();
  }
  if (follower_.unsaved() < milliseconds(config_.view.restart_target_ms)) return;
  const std::chrono::duration<double> pause(static_cast<double>(snapshot_bytes_) /
                                            kSnapshotBytesPerSecond);
  if (now - snapshot_at_ < pause) return;
  begin_snapshot(now);
}

// The copy is made here, between two records; a thread of its own writes it out.
void LearnerLoop::begin_snapshot(TimePoint now) {
  const ModelStamp stamp = follower_.learner().stamp();
  if (stamp.position < 0) return;
  std::string bytes = follower_.learner().snapshot();
  snapshot_at_ = now;
  snapshot_bytes_ = bytes.size();
  snapshot_position_ = stamp.position;
  follower_.note_snapshot();
  snapshot_ = std::async(settings_.snapshots, [this, stamp, moved = std::move(bytes)] {
    return write_snapshot(settings_.snapshot_directory, stamp, moved);
  });
}

// A snapshot that could not be written costs time at the next start and nothing else.
void LearnerLoop::finish_snapshot() {
  if (!snapshot_.valid()) return;
  auto written = snapshot_.get();
  (written ? metrics_.snapshots_written : metrics_.snapshots_failed).add();
  if (!written) {
    log_limited(LogLevel::kWarning, "snapshot", "snapshot: " + written.error().message);
  } else if (publisher_) {
    publisher_->offer(*std::move(written));
  }
}

void LearnerLoop::note_figures(const std::vector<ingest::SourceRecord>& batch) {
  if (const Offset end = reader_->known_end(); end != kNoOffset) {
    end_.store(end, std::memory_order_relaxed);
    metrics_.end.set(end);
  }
  metrics_.caught_up.set(caught_up());
  // Control records have no example: where reading stands counts them, the model's stamp does not.
  metrics_.position.set(position());
  metrics_.next.set(reader_->next());
  if (!batch.empty()) metrics_.record_time_ms.set(value(batch.back().record_time));
  if (const auto time = follower_.view_example_time()) {
    metrics_.view_example_time_ms.set(value(*time));
  }
  metrics_.view_position.set(follower_.view_position());
  const FollowerCounts& counts = follower_.counts();
  metrics_.learned.set(counts.learned);
  metrics_.counted.set(counts.counted);
  metrics_.catalogue.set(counts.catalogue);
  metrics_.marks.set(counts.marks);
  metrics_.repeats.set(counts.repeats);
  metrics_.refused.set(counts.refused);
  metrics_.marks_agreed.set(counts.marks_agreed);
  metrics_.marks_differed.set(counts.marks_differed);
  const scorer::LearnerStats stats = follower_.learner().stats();
  metrics_.examples.set(stats.examples);
  metrics_.gradients.set(stats.gradients);
  metrics_.items.set(stats.items);
  metrics_.loss.set(stats.loss);
}

void LearnerLoop::mark_if_due(TimePoint now) {
  if (now - marked_at_ < kMarkInterval) return;
  marked_at_ = now;
  write_mark(milliseconds(0));
}

void LearnerLoop::write_mark(milliseconds flush_timeout) {
  // Told to stop while the log was being reopened, as in step(): there is nothing to compare with.
  if (!reader_) return;
  // Not ends(), which waits where no broker answers: this thread would neither fold nor stop.
  const auto lag =
      static_cast<std::uint64_t>(std::max<Offset>(0, reader_->known_end() - reader_->next()));
  const auto mark = follower_.take_mark(lag);
  if (!mark) return;
  // Marks are for comparing only: one that is not written is left out.
  if (!append_mark(*mark, flush_timeout)) mark_sink_.reset();
}

Result<void> LearnerLoop::append_mark(const LearningRecord& mark, milliseconds flush_timeout) {
  if (!mark_sink_) {
    auto sink = clients_.open_sink(settings_.kafka);
    if (!sink) return sink.error();
    mark_sink_ = *std::move(sink);
  }
  if (auto appended = mark_sink_->append(learning_record(config_, mark)); !appended)
    return appended;
  const auto flushed = mark_sink_->flush(flush_timeout);
  if (!flushed && flushed.error().disposition != Disposition::kRetry) return flushed;
  return {};
}

}  // namespace fovea::topologies
