#pragma once

// Profiles of one partition from its changelog into the store.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "profile_store/profile_store.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct RestoreRequest {
  Partition partition = 0;
  Offset changelog_from = 0;
  std::optional<profile_store::PartitionPositions> stored;  // what the store has, if anything
  std::optional<Offset> input_next;  // what the restored profiles are taken to stand for
  // Up to where an open transaction begins instead of to the end; and nothing is said.
  bool only_stable = false;
  // Asked now and then: whether the partition has become another's to restore. May be empty.
  std::function<bool()> is_over = {};
  // Called once if the changelog's end is out of sight for 300 ms and nothing comes: somebody's
  // transaction is open there. May be empty.
  std::function<void()> on_blocked = {};
};

struct Restored {
  // What the profiles then stand for. The store has the same, but for two cases: where neither it
  // nor the group had a position only the changelog's is known, and nothing is stored; where users
  // are outdated it keeps the changelog's old one, until theirs are written again.
  profile_store::PartitionPositions positions;

  // Users whose last record in the changelog is older than one before it, or than the store's: an
  // owner that had lost the partition wrote it late. Compaction keeps the last record, so whoever
  // owns the partition appends theirs again.
  std::vector<UserId> outdated;
};

// Where nothing is stored, what an earlier restore left half done goes first, and what is read is
// loaded in stretches of 32 MiB; else it is applied, a MiB at a time. Beside these, and what is
// made of them, a filter of 8 MiB is held.
//
// Reads from the reader, which stands at `changelog_from`, to the changelog's end as of now. Of two
// versions of a profile the one that has folded in more stays, whichever comes first; of two that
// have folded in as much, the later. Progress is said every few seconds.
//
// Errors: kStop naming partition and offset: a record that does not decode; a changelog that ends
//         before `changelog_from`; the store's; interrupted by `stopping`. kRetry: no broker.
//         kSkip: is_over.
[[nodiscard]] Result<Restored> restore_partition(ingest::PartitionReader& reader,
                                                 const RestoreRequest& request,
                                                 profile_store::ProfileStore& store,
                                                 const Clock& clock,
                                                 const std::atomic<bool>& stopping);

// Where a changelog is read from, and into what.
struct RestorePath {
  const ingest::ClientFactory& clients;
  const ingest::KafkaSettings& kafka;
  const std::string& changelog;                              // the topic
  std::optional<std::chrono::milliseconds> tombstones_kept;  // in it; absent: not known
  profile_store::ProfileStore& store;
  const Clock& clock;
  const std::atomic<bool>& stopping;
};

// restore_partition() with a reader that is opened for it: from the first record there is where
// nothing is stored. What is stored goes, which is said, and everything is read, where the
// changelog begins after `changelog_from`, or has gone on and the store is older than half of the
// time that a deletion is kept: users that were deleted since would come back.
[[nodiscard]] Result<Restored> restore_from_changelog(const RestorePath& path,
                                                      RestoreRequest request);

// Users of whom the last record in the changelog, up to `to`, is older than the store's, or than
// one before it. Changes nothing.
//
// Errors: as restore_partition().
[[nodiscard]] Result<std::vector<UserId>> outdated_users(ingest::PartitionReader& reader,
                                                         Partition partition, Offset to,
                                                         profile_store::ProfileStore& store,
                                                         const std::atomic<bool>& stopping);

}  // namespace fovea::topologies
