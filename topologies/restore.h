#pragma once

// Profiles of one partition from its changelog into the store.

#include <atomic>
#include <cstdint>
#include <functional>
#include <optional>

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
};

// Reads from the reader, which stands at `changelog_from`, to the changelog's end as of now, and
// answers the positions that the store then has. A record replaces a stored profile unless that
// one has folded in more. Progress is said every few seconds.
//
// Errors: kStop naming partition and offset: a record that does not decode; a changelog that ends
//         before `changelog_from`; the store's; interrupted by `stopping`. kRetry: no broker.
[[nodiscard]] Result<profile_store::PartitionPositions> restore_partition(
    ingest::PartitionReader& reader, const RestoreRequest& request,
    profile_store::ProfileStore& store, const Clock& clock, const std::atomic<bool>& stopping);

}  // namespace fovea::topologies
