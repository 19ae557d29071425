#pragma once

// Names of what the state directory holds, and the bytes of all but profiles.
//
// Format    <partition, 4 bytes big-endian> 'p' <user id>   a profile
//           <partition, 4 bytes big-endian> 'o'             its positions
//           FF FF FF FF 's'                                 the state stamp
//           Big-endian, so that keys sort by partition. A partition is never negative, so the
//           stamp comes last and no partition can own it.

#include <optional>
#include <string>
#include <string_view>

#include "profile_store/profile_store.h"
#include "profile_store/rocksdb_profile_store.h"
#include "vocab/ids.h"

namespace fovea::profile_store {

[[nodiscard]] std::string profile_key(Partition partition, const UserId& user);
[[nodiscard]] std::string positions_key(Partition partition);

// Of everything that belongs to a partition; `end` is one past it.
struct KeyRange {
  std::string first;
  std::string end;
};
[[nodiscard]] KeyRange partition_range(Partition partition);
[[nodiscard]] std::string stamp_key();

struct ProfileKey {
  Partition partition = 0;
  UserId user;
};

// Absent for a key that names no profile.
[[nodiscard]] std::optional<ProfileKey> parse_profile_key(std::string_view key);

// Of a profile's or positions' key; absent for the stamp.
[[nodiscard]] std::optional<Partition> partition_of_key(std::string_view key);

[[nodiscard]] std::string encode_positions(const PartitionPositions& positions);
[[nodiscard]] std::optional<PartitionPositions> decode_positions(std::string_view bytes);

[[nodiscard]] std::string encode_stamp(const StateStamp& stamp);
[[nodiscard]] std::optional<StateStamp> decode_stamp(std::string_view bytes);

}  // namespace fovea::profile_store
