#pragma once

// The one place where an interval becomes durable (lifecycle.h draws its phases).
//
// Threads   Not thread-safe: one worker owns it.

#include <chrono>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/sink.h"
#include "ingest/source.h"
#include "profile_store/profile_store.h"
#include "topologies/config.h"
#include "topologies/lifecycle.h"
#include "topologies/outbox.h"
#include "topologies/pipeline.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Whose failure ended an attempt: a client's is answered by new handles, the store's by stopping.
enum class CommitFault : std::uint8_t { kClient, kStore };

// What an interval goes through.
struct CommitPath {
  Outbox& outbox;
  ingest::Sink& sink;
  ingest::TransactionalSink* transaction = nullptr;  // the sink, where delivery is exactly_once
  profile_store::ProfileStore& store;
  ingest::Source& source;
};

class CommitPoint {
 public:
  CommitPoint(DeliveryMode mode, std::string changelog_topic)
      : exactly_once_(mode == DeliveryMode::kExactlyOnce), changelog_(std::move(changelog_topic)) {}

  // The changelog position that the store has for a partition that became ours.
  void adopt(Partition partition, Offset changelog_next) { next_[partition] = changelog_next; }

  // The changelog holds an older record of these behind a newer one: what the store has is appended
  // again with the next interval, before anything newer.
  void append_again(Partition partition, std::vector<UserId> users);

  // What somebody else has written to the changelogs of our partitions since we own them: an owner
  // that had lost one and did not know it yet. Seen as a hole in the offsets of our own records.
  // Under exactly_once there is nobody: who has lost a partition commits nothing more of it.
  struct Foreign {
    Partition partition = 0;
    Offset from = 0;
    Offset to = 0;
  };
  // Or by asking for a changelog's end, while phase() is kOpen.
  [[nodiscard]] const std::vector<Foreign>& foreign() const { return foreign_; }
  void note_end(Partition partition, Offset end);
  // One past the last record of a partition's changelog, as far as we know.
  [[nodiscard]] Offset next(Partition partition) const {
    const auto found = next_.find(partition);
    return found == next_.end() ? 0 : found->second;
  }
  void foreign_dealt_with() { foreign_.clear(); }

  // Starts a commit. Requires: phase() == kOpen; every output of the interval is in the outbox
  // that advance() gets.
  void begin(Interval interval);

  // Goes as far as it can. On success phase() is kOpen again.
  // Errors: kRetry: call again; kStop: see fault().
  Result<void> advance(const CommitPath& path, std::chrono::milliseconds timeout);

  // At least once: leaves out what belongs to partitions that are another's by now, also what is
  // with the sink already: it may be older than what the new owner has stored meanwhile.
  void drop(const std::set<ingest::TopicPartition>& partitions, const std::string& input_topic);

  // All of the interval goes, and the caller drops the sink: a transaction cannot be parted.
  void abandon();

  [[nodiscard]] CommitPhase phase() const { return phase_; }
  [[nodiscard]] CommitFault fault() const { return fault_; }

 private:
  // As next(), but not past what is foreign and not dealt with: who starts from the store after a
  // crash must find it.
  [[nodiscard]] Offset settled(Partition partition) const;
  void enter(CommitPhase phase);
  Result<void> flush_outputs(const CommitPath& path, std::chrono::milliseconds timeout);
  Result<void> flush_changelog(const CommitPath& path, std::chrono::milliseconds timeout);
  Result<void> commit_transaction(const CommitPath& path, std::chrono::milliseconds timeout);
  Result<void> store_interval(const CommitPath& path);
  Result<void> commit_offsets(const CommitPath& path);
  void close();
  Result<void> append_changelog(ingest::Sink& sink, profile_store::ProfileStore& store);
  Result<void> append(ingest::Sink& sink, const profile_store::ProfileWrite& write);
  void note_delivered(const ingest::Sink& sink);

  const bool exactly_once_;
  std::string changelog_;
  std::map<Partition, Offset> next_;  // of the changelog, by partition
  CommitPhase phase_ = CommitPhase::kOpen;
  CommitFault fault_ = CommitFault::kClient;
  Interval interval_;
  std::size_t appended_ = 0;  // profiles of the interval that are with the sink
  std::map<Partition, std::vector<UserId>> again_;
  std::map<Partition, Offset> appended_counts_;  // of this commit, by partition of the changelog
  std::vector<Foreign> foreign_;
};

}  // namespace fovea::topologies
