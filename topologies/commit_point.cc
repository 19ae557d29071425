#include "topologies/commit_point.h"

#include <algorithm>
#include <utility>

#include "profile_store/profile_codec.h"
#include "vocab/assert.h"

namespace fovea::topologies {

void CommitPoint::begin(Interval interval) {
  FOVEA_ASSERT(phase_ == CommitPhase::kOpen);
  interval_ = std::move(interval);
  appended_ = 0;
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
    if (auto appended = append_changelog(sink); !appended) return appended;
    if (auto flushed = sink.flush(timeout); !flushed) return flushed;
    for (auto& [partition, positions] : interval_.batch.positions) {
      Offset& next = next_[partition];
      next = std::max(next, sink.delivered_next({changelog_, partition}).value_or(0));
      positions.changelog_next = next;
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
    phase_ = CommitPhase::kOpen;
  }
  return {};
}

Result<void> CommitPoint::append_changelog(ingest::Sink& sink) {
  const auto& profiles = interval_.batch.profiles;
  for (; appended_ < profiles.size(); ++appended_) {
    const profile_store::ProfileWrite& write = profiles[appended_];
    ingest::OutputRecord record;
    record.topic = changelog_;
    record.partition = write.partition;
    record.key = write.user.value;
    if (write.profile) record.value = profile_store::encode_profile(*write.profile);
    if (auto appended = sink.append(record); !appended) return appended;
  }
  return {};
}

void CommitPoint::drop(const std::set<ingest::TopicPartition>& partitions,
                       const std::string& input_topic) {
  const auto gone = [&](Partition partition) {
    return partitions.contains({input_topic, partition});
  };
  // Those already with the sink stay: what the changelog says of them is true of their events.
  std::size_t index = 0;
  std::erase_if(interval_.batch.profiles,
                [&](const auto& write) { return index++ >= appended_ && gone(write.partition); });
  std::erase_if(interval_.batch.positions, [&](const auto& entry) { return gone(entry.first); });
  std::erase_if(interval_.positions,
                [&](const auto& position) { return partitions.contains(position.at); });
}

}  // namespace fovea::topologies
