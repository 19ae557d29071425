#include "topologies/commit_point.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "profile_store/profile_codec.h"
#include "vocab/assert.h"

namespace fovea::topologies {

void CommitPoint::begin(Interval interval) {
  FOVEA_ASSERT(phase_ == CommitPhase::kOpen);
  interval_ = std::move(interval);
  appended_ = 0;
  appended_counts_.clear();
  phase_ = CommitPhase::kOutputs;
}

Result<void> CommitPoint::advance(Outbox& outbox, ingest::Sink& sink,
                                  profile_store::ProfileStore& store, ingest::Source& source,
                                  std::chrono::milliseconds timeout) {
  fault_ = CommitFault::kClient;
  if (phase_ == CommitPhase::kOutputs) {
    if (auto pumped = outbox.pump(sink); !pumped) return pumped;
    if (auto flushed = sink.flush(timeout); !flushed) return flushed;
    phase_ = CommitPhase::kChangelog;
  }
  if (phase_ == CommitPhase::kChangelog) {
    if (auto appended = append_changelog(sink, store); !appended) return appended;
    if (auto flushed = sink.flush(timeout); !flushed) return flushed;
    note_delivered(sink);
    for (auto& [partition, positions] : interval_.batch.positions) {
      positions.changelog_next = settled(partition);
    }
    phase_ = CommitPhase::kStore;
  }
  if (phase_ == CommitPhase::kStore) {
    if (auto stored = store.apply(interval_.batch); !stored) {
      fault_ = CommitFault::kStore;
      return stored;
    }
    phase_ = CommitPhase::kOffsets;
  }
  if (phase_ == CommitPhase::kOffsets) {
    auto committed = source.commit(interval_.positions);
    // Partitions that are no longer ours: their new owner has read, or will read, the changelog
    // and the events again; `applied` makes the second time change nothing.
    if (!committed && committed.error().disposition != Disposition::kSkip) return committed;
    interval_ = {};
    appended_ = 0;
    phase_ = CommitPhase::kOpen;
  }
  return {};
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
    if (delivered > next + count) foreign_.push_back({partition, next, delivered});
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
