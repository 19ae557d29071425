#pragma once

// Profiles and the positions they stand for, always written together.
//
// Threads   Safe for concurrent calls on different partitions; one task owns a partition.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vocab/ids.h"
#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::profile_store {

// Up to where one input partition has been folded in.
struct PartitionPositions {
  Offset input_next = 0;        // first input offset not yet folded; kNoOffset: another's to know
  Offset changelog_next = 0;    // one past our highest committed changelog record
  TimeMs written_at{};          // wall time of this write
  TimeMs highest_event_time{};  // judges lateness
  bool operator==(const PartitionPositions&) const = default;
};

struct ProfileWrite {
  Partition partition = 0;
  UserId user;
  std::optional<Profile> profile;  // absent: delete
};

// The same, of a profile that is stored as it came.
struct EncodedWrite {
  Partition partition = 0;
  UserId user;
  std::optional<std::string> bytes;  // that decode_profile() takes; absent: delete
};

// One atomic change.
struct StoreBatch {
  std::vector<ProfileWrite> profiles;
  std::vector<std::pair<Partition, PartitionPositions>> positions;
  std::vector<Partition> cleared = {};     // of these everything goes, before the rest is written
  std::vector<EncodedWrite> encoded = {};  // nobody of `profiles`
};

// How large a store is and how much it has done, as it knows itself.
struct StoreStatistics {
  std::uint64_t block_cache_bytes = 0;
  std::uint64_t block_cache_pinned_bytes = 0;  // of it, what cannot be evicted
  std::uint64_t memtable_bytes = 0;
  std::uint64_t live_data_bytes = 0;  // an estimate
  std::uint64_t files_bytes = 0;
  std::uint64_t compaction_pending_bytes = 0;  // an estimate
  std::uint64_t keys = 0;                      // an estimate
  std::uint64_t block_cache_hits = 0;          // from here on: since it was opened
  std::uint64_t block_cache_misses = 0;
  std::uint64_t written_bytes = 0;
  std::uint64_t read_bytes = 0;
  std::uint64_t compacted_bytes = 0;  // written by compactions
  std::uint64_t stall_us = 0;         // writes were held back for so long
};

class ProfileStore {
 public:
  virtual ~ProfileStore() = default;

  // One answer a user, in order; absent for a user never seen.
  // Errors: kStop when a stored profile does not decode, naming partition and user.
  virtual Result<std::vector<std::optional<Profile>>> get(Partition partition,
                                                          const std::vector<UserId>& users) = 0;

  // All of it or nothing.
  // Errors: kStop, e.g. a full disk; the store stays as it was.
  virtual Result<void> apply(const StoreBatch& batch) = 0;

  // As apply(), for many profiles at a time of a partition that has no positions yet. Where the
  // machine goes down it may stay and what was applied before it go, but for the clearing of the
  // partition, and for what was loaded before.
  // Requires: of `batch` only `encoded`, of one partition, by user, each once.
  virtual Result<void> load(const StoreBatch& batch) { return apply(batch); }

  virtual Result<std::optional<PartitionPositions>> positions(Partition partition) = 0;

  // The partitions that hold anything, in order. Cost: one seek each.
  virtual Result<std::vector<Partition>> partitions() = 0;

  // Every profile, by partition and user id. The visitor's error ends the walk and is returned.
  using Visitor = std::function<Result<void>(Partition, const UserId&, const Profile&)>;
  virtual Result<void> for_each(const Visitor& visitor) = 0;

  // Absent for a store that keeps none. Reads and writes nothing.
  // Threads   Safe at any time from any thread.
  [[nodiscard]] virtual std::optional<StoreStatistics> statistics() const { return std::nullopt; }
};

}  // namespace fovea::profile_store
