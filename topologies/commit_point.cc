#include "topologies/commit_point.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "profile_store/profile_codec.h"
#include "vocab/assert.h"

namespace fovea::topologies {

void CommitPoint::enter(CommitPhase phase) {
  FOVEA_ASSERT(may_follow(phase_, phase, exactly_once_));
  phase_ = phase;
}

void CommitPoint::begin(Interval interval) {
  enter(CommitPhase::kOutputs);
  interval_ = std::move(interval);
  appended_ = 0;
  appended_counts_.clear();
}

Result<void> CommitPoint::advance(const CommitPath& path, std::chrono::milliseconds timeout) {
  fault_ = CommitFault::kClient;
  while (phase_ != CommitPhase::kOpen) {
    auto done = [&]() -> Result<void> {
      switch (phase_) {
        case CommitPhase::kOutputs:
          return flush_outputs(path, timeout);
        case CommitPhase::kChangelog:
          return flush_changelog(path, timeout);
        case CommitPhase::kTransaction:
          return commit_transaction(path, timeout);
        case CommitPhase::kStore:
          return store_interval(path);
        case CommitPhase::kOffsets:
          return commit_offsets(path);
        case CommitPhase::kOpen:
          break;
      }
      return {};
    }();
    if (!done) return done;
  }
  return {};
}

Result<void> CommitPoint::flush_outputs(const CommitPath& path, std::chrono::milliseconds timeout) {
  if (auto pumped = path.outbox.pump(path.sink); !pumped) return pumped;
  // In a transaction nothing of it is seen before the rest.
  if (!exactly_once_) {
    if (auto flushed = path.sink.flush(timeout); !flushed) return flushed;
  }
  enter(CommitPhase::kChangelog);
  return {};
}

Result<void> CommitPoint::flush_changelog(const CommitPath& path,
                                          std::chrono::milliseconds timeout) {
  if (auto appended = append_changelog(path.sink, path.store); !appended) return appended;
  if (auto acknowledged = path.sink.flush(timeout); !acknowledged) return acknowledged;
  note_delivered(path.sink);
  for (auto& [partition, positions] : interval_.batch.positions) {
    positions.changelog_next = settled(partition);
  }
  enter(exactly_once_ ? CommitPhase::kTransaction : CommitPhase::kStore);
  return {};
}

Result<void> CommitPoint::commit_transaction(const CommitPath& path,
                                             std::chrono::milliseconds timeout) {
  auto committed = path.transaction->commit(interval_.positions, path.source.membership(), timeout);
  if (committed) enter(CommitPhase::kStore);
  return committed;
}

Result<void> CommitPoint::store_interval(const CommitPath& path) {
  if (auto stored = path.store.apply(interval_.batch); !stored) {
    fault_ = CommitFault::kStore;
    return stored;
  }
  if (exactly_once_) {
    close();
  } else {
    enter(CommitPhase::kOffsets);
  }
  return {};
}

Result<void> CommitPoint::commit_offsets(const CommitPath& path) {
  auto committed = path.source.commit(interval_.positions);
  // Partitions that are no longer ours: their new owner has read, or will read, the changelog and
  // the events again; `applied` makes the second time change nothing.
  if (!committed && committed.error().disposition != Disposition::kSkip) return committed;
  close();
  return {};
}

void CommitPoint::close() {
  enter(CommitPhase::kOpen);
  interval_ = {};
  appended_ = 0;
}

void CommitPoint::append_again(Partition partition, std::vector<UserId> users) {
  if (users.empty()) return;
  std::vector<UserId>& again = again_[partition];
  again.insert(again.end(), std::make_move_iterator(users.begin()),
               std::make_move_iterator(users.end()));
}

Result<void> CommitPoint::append_changelog(ingest::Sink& sink, profile_store::ProfileStore& store) {
  for (auto& [partition, users] : again_) {
    auto profiles = store.get(partition, users);
    if (!profiles) {
      fault_ = CommitFault::kStore;
      return profiles.error();
    }
    while (!users.empty()) {
      profile_store::ProfileWrite write{partition, users.back(), std::move(profiles->back())};
      if (auto appended = append(sink, write); !appended) return appended;
      users.pop_back();
      profiles->pop_back();
    }
  }
  again_.clear();
  const auto& profiles = interval_.batch.profiles;
  for (; appended_ < profiles.size(); ++appended_) {
    if (auto done = append(sink, profiles[appended_]); !done) return done;
  }
  return {};
}

Result<void> CommitPoint::append(ingest::Sink& sink, const profile_store::ProfileWrite& write) {
  ingest::OutputRecord record;
  record.topic = changelog_;
  record.partition = write.partition;
  record.key = write.user.value;
  if (write.profile) record.value = profile_store::encode_profile(*write.profile);
  if (auto appended = sink.append(record); !appended) return appended;
  ++appended_counts_[write.partition];
  return {};
}

void CommitPoint::note_delivered(const ingest::Sink& sink) {
  for (const auto& [partition, count] : appended_counts_) {
    Offset& next = next_[partition];
    const Offset delivered = sink.delivered_next({changelog_, partition}).value_or(0);
    // As many offsets further as records were appended, or somebody else wrote between them.
    // The marker that ends a transaction takes an offset and is nobody's.
    if (delivered > next + count && !exactly_once_)
      foreign_.push_back({partition, next, delivered});
    next = std::max(next, delivered);
  }
}

Offset CommitPoint::settled(Partition partition) const {
  Offset settled = next(partition);
  for (const Foreign& hole : foreign_) {
    if (hole.partition == partition) settled = std::min(settled, hole.from);
  }
  return settled;
}

void CommitPoint::note_end(Partition partition, Offset end) {
  FOVEA_ASSERT(phase_ == CommitPhase::kOpen);
  Offset& next = next_[partition];
  if (end > next) foreign_.push_back({partition, next, end});
  next = std::max(next, end);
}

// From whichever phase: the transaction is gone, and the interval with it.
void CommitPoint::abandon() {
  phase_ = CommitPhase::kOpen;
  interval_ = {};
  appended_ = 0;
  again_.clear();
}

void CommitPoint::drop(const std::set<ingest::TopicPartition>& partitions,
                       const std::string& input_topic) {
  const auto gone = [&](Partition partition) {
    return partitions.contains({input_topic, partition});
  };
  auto& profiles = interval_.batch.profiles;
  const auto with_sink = profiles.begin() + static_cast<std::ptrdiff_t>(appended_);
  appended_ -= static_cast<std::size_t>(std::count_if(
      profiles.begin(), with_sink, [&](const auto& write) { return gone(write.partition); }));
  std::erase_if(profiles, [&](const auto& write) { return gone(write.partition); });
  std::erase_if(again_, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(foreign_, [&](const auto& hole) { return gone(hole.partition); });
  std::erase_if(appended_counts_, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(interval_.batch.positions, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(interval_.positions,
                [&](const auto& position) { return partitions.contains(position.at); });
}

}  // namespace fovea::topologies
