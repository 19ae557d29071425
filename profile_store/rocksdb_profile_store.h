#pragma once

// Profiles in RocksDB: one database a process, one WriteBatch for profiles and positions.
//
// No write is synced: profiles and positions share one log, so losing its tail with the machine
// moves both back together, and the input is read again from there.
//
// A read-only store follows a running process: each call sees what that process has written by
// then. It takes no lock and changes nothing in the directory.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "profile_store/profile_store.h"
#include "vocab/result.h"

namespace fovea::profile_store {

// Whose state a directory holds. A directory of another topology, group or cluster is refused.
// A read-only store does not compare what is left empty here: without a broker there is no cluster.
struct StateStamp {
  std::string topology;
  std::string group_id;
  std::string cluster_id;
};

struct RocksDbSettings {
  std::string directory;
  StateStamp stamp;
  std::size_t memory_bytes = 256U << 20U;  // hard budget: block cache and write buffers together
  bool read_only = false;                  // for `profile get` beside a running process
};

// Below this a batch of reads may not find room for its blocks.
inline constexpr std::size_t kMemoryBytesMin = 16U << 20U;

// Errors: kStop with one line that names the file and what to do: locked by another process,
//         truncated, corrupted, foreign; or a budget below kMemoryBytesMin.
[[nodiscard]] Result<std::unique_ptr<ProfileStore>> open_rocksdb_profile_store(
    const RocksDbSettings& settings);

}  // namespace fovea::profile_store
