#pragma once

// Profiles in RocksDB: one database a process, one WriteBatch for profiles and positions.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "profile_store/profile_store.h"
#include "vocab/result.h"

namespace fovea::profile_store {

// Whose state a directory holds. A directory of another topology, group or cluster is refused.
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

// Errors: kStop with one line that names the file and what to do: locked by another process,
//         truncated, corrupted, foreign.
[[nodiscard]] Result<std::unique_ptr<ProfileStore>> open_rocksdb_profile_store(
    const RocksDbSettings& settings);

}  // namespace fovea::profile_store
