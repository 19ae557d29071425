#pragma once

// Hashes that name things: computed once, where an id enters.
//
// Source    XXH3, 64 bits (Collet, xxHash). The values are stored in profiles and logs: the
//           function is part of both formats.

#include <cstdint>
#include <string_view>

#include "vocab/ids.h"

namespace fovea::ingest {

[[nodiscard]] ItemKey item_key(std::string_view id);

// Keyed by the topology's name, so that two topologies' learning logs cannot be joined on it.
[[nodiscard]] UserKey user_key(std::string_view topology, std::string_view user);

// Hash of any bytes: event ids in the de-duplication ring, ids of recommendations, digests.
[[nodiscard]] std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

// The partition Java clients' default partitioner gives a key (murmur2). Requires: partitions > 0.
[[nodiscard]] Partition murmur2_partition(std::string_view key, std::int32_t partition_count);

}  // namespace fovea::ingest
