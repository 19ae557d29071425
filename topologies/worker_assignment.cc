// Of a worker: what a rebalance gives it and takes from it.

#include <fmt/format.h>

#include <utility>

#include "topologies/log.h"
#include "topologies/patience.h"
#include "topologies/start_plan.h"
#include "topologies/worker.h"

namespace fovea::topologies {
namespace {

using ingest::TopicPartition;
using ingest::TopicPosition;
using profile_store::PartitionPositions;
using std::chrono::milliseconds;

// A transaction of somebody who lives lasts the commit interval, and not so much longer: where only
// the owners before and after write, and where all do.
constexpr milliseconds kSlateWait{200};
constexpr milliseconds kLearningWait{700};

}  // namespace

// What this process had open keeps the group's offsets back, and the changelogs.
Result<void> Worker::on_assigning() {
  if (!exactly_once() || transaction_ != nullptr) return {};
  return renew_sink();
}

Result<std::vector<TopicPosition>> Worker::on_assigned(
    const std::vector<ingest::AssignedPartition>& partitions) {
  const Heartbeat::Waiting restoring(metrics_.heartbeat);
  if (!stopping_) end_what_owners_before_left_open(partitions);
  std::vector<TopicPosition> starts;
  for (const ingest::AssignedPartition& partition : partitions) {
    assigned_.insert(partition.at);
    metrics_.assign(partition.at);
    if (partition.at.topic == shared_.config.topics.items) continue;
    if (partition.at.partition == 0) shared_.learner.own_publication(this);
    auto start = take(partition);
    if (!start) {
      beyond_repair_ = true;
      return start.error();
    }
    if (*start) starts.push_back(**start);
  }
  // The source starts an assignment unpaused.
  holding_ = false;
  metrics_.joined.set(true);
  log_info(fmt::format("worker {}: {} partitions assigned", name_, partitions.size()));
  return starts;
}

Result<std::optional<TopicPosition>> Worker::take(const ingest::AssignedPartition& assigned) {
  const Partition partition = assigned.at.partition;
  shared_.claims.claim(partition, this);
  auto stored = store_.positions(partition);
  if (!stored) return stored.error();
  const StartPlan plan = plan_start(*stored, assigned.committed);
  std::optional<PartitionPositions> positions = *stored;
  std::vector<UserId> outdated;
  if (plan.restore) {
    metrics_.restoring.set(metrics_.restoring.value() + 1);
    auto restored = restore(assigned, *stored);
    metrics_.restoring.set(metrics_.restoring.value() - 1);
    if (!restored) return restored.error();
    positions = restored->positions;
    outdated = std::move(restored->outdated);
  }
  commit_point_->adopt(partition, positions ? positions->changelog_next : 0);
  write_again(partition, std::move(outdated));
  pipeline_->open(partition, positions);
  // Its offsets were not taken when the store was written; nobody may wait for them until the next
  // event.
  if (stored && plan.start && assigned.committed.value_or(0) < *plan.start) {
    pipeline_->say_position(assigned.at);
    open_interval();
  }
  look_at_[partition] = {shared_.clock.monotonic() + kLateWrites, std::nullopt};
  if (!plan.start) return std::optional<TopicPosition>();
  return std::optional(TopicPosition{assigned.at, *plan.start});
}

Result<Restored> Worker::restore(const ingest::AssignedPartition& assigned,
                                 const std::optional<PartitionPositions>& stored) {
  RestoreRequest request;
  request.partition = assigned.at.partition;
  request.changelog_from = stored ? stored->changelog_next : 0;
  request.stored = stored;
  request.input_next = assigned.committed;
  request.on_blocked = [&] { end_transaction_of(assigned.committed_by, "the changelog"); };
  return keep_trying({stopping_, false, shared_.clock},
                     fmt::format("restore of partition {}", request.partition), [&] {
                       return restore_from_changelog(
                           {shared_.clients, shared_.kafka, shared_.config.topics.profiles,
                            shared_.tombstones_kept, store_, shared_.clock, stopping_},
                           request);
                     });
}

// Of an owner that was killed, as a rule, and that the broker would wait for. One that lives has
// committed before it gave the partition away, and starts again with new clients at the worst.
void Worker::end_transaction_of(const std::string& owner, const std::string& waiting) {
  if (owner.empty() || owner == transactional_id(shared_.config, name_)) return;
  log_info(fmt::format("worker {}: {} waits for the transaction of {}, which is ended", name_,
                       waiting, owner));
  const auto ended = shared_.clients.open_transactional_sink(shared_.kafka, owner, kTakeOver);
  if (!ended) log_warning("worker " + name_ + ": " + ended.error().message);
}

// A transaction that knew of neither positions nor profiles keeps nobody from taking its
// partitions, and yet whoever reads slates, and all learners, would wait until the broker gives it
// up.
void Worker::end_what_owners_before_left_open(
    const std::vector<ingest::AssignedPartition>& partitions) {
  std::set<std::string> ours;
  for (std::int32_t i = 0; i < shared_.config.workers; ++i) {
    ours.insert(transactional_id(shared_.config, worker_name(shared_.config, i)));
  }
  std::map<TopicPartition, std::string> slates;  // and who wrote them
  std::set<std::string> owners;
  for (const ingest::AssignedPartition& one : partitions) {
    if (one.committed_by.empty() || ours.contains(one.committed_by)) continue;
    owners.insert(one.committed_by);
    if (one.at.topic == shared_.config.topics.items || !shared_.slates_by_input_partition) continue;
    slates[{shared_.config.topics.recommendations, one.at.partition}] = one.committed_by;
  }
  std::vector<TopicPartition> outputs;
  outputs.reserve(slates.size());
  for (const auto& [at, owner] : slates) outputs.push_back(at);
  for (const TopicPartition& at : held_back(outputs, kSlateWait)) {
    if (owners.erase(slates[at]) == 1) end_transaction_of(slates[at], at.topic);
  }
  // Where all write, more time is given: it may be one who lives.
  if (owners.empty()) return;
  const TopicPartition learning{shared_.config.topics.learning, 0};
  if (held_back({learning}, kLearningWait).empty()) return;
  for (const std::string& owner : owners) end_transaction_of(owner, learning.topic);
}

// For so much longer than a transaction of ours lasts. None where it cannot be known.
std::vector<TopicPartition> Worker::held_back(const std::vector<TopicPartition>& outputs,
                                              milliseconds longer) {
  if (outputs.empty()) return {};
  auto held = shared_.clients.held_back(
      shared_.kafka, outputs, milliseconds(shared_.config.delivery.commit_interval_ms) + longer);
  if (held) return *std::move(held);
  log_warning(fmt::format("worker {}: {}", name_, held.error().message));
  return {};
}

// Whoever owns them now starts where the last commit ended.
void Worker::drop_lost(const std::set<TopicPartition>& partitions) {
  lost_ = true;
  if (!exactly_once()) {
    commit_point_->drop(partitions, shared_.config.topics.input.front());
    return;
  }
  commit_point_->abandon();
  drop_sink();
  interval_open_ = false;
}

void Worker::on_revoked(const std::vector<TopicPartition>& partitions, bool lost) {
  // Without a source this is its destructor: after drain() nothing is open, after a failure what is
  // open is dropped.
  const bool may_commit = !lost && source_ != nullptr && !beyond_repair_;
  if (may_commit) {
    const auto deadline = shared_.clock.monotonic() + kLastCommit;
    for (;;) {
      const auto committed = commit(kCommitStep);
      if (committed && !interval_open_ && commit_point_->phase() == CommitPhase::kOpen) break;
      if (!committed && (committed.error().disposition == Disposition::kStop ||
                         shared_.clock.monotonic() >= deadline)) {
        log_warning("partitions go without a last commit: " + committed.error().message);
        lost = true;
        break;
      }
    }
  }
  const std::set<TopicPartition> gone(partitions.begin(), partitions.end());
  if (lost || !may_commit) drop_lost(gone);
  for (const TopicPartition& at : partitions) {
    assigned_.erase(at);
    metrics_.revoke(at);
    pipeline_->close(at);
    if (at.topic == shared_.config.topics.items) continue;
    if (at.partition == 0) shared_.learner.disown_publication(this);
    look_at_.erase(at.partition);
    shared_.claims.release(at.partition, this);
  }
  if (phase_ == WorkerPhase::kRunning) {
    log_info(fmt::format("worker {}: {} partitions {}", name_, partitions.size(),
                         lost ? "lost" : "revoked"));
  }
}

}  // namespace fovea::topologies
