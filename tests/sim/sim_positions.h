#pragma once

// Where a member begins in the partitions that it is given. Private to the simulation.

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "tests/sim/cluster_core.h"
#include "vocab/result.h"

namespace fovea::sim {

// Where a partition starts that has no position at all.
struct Start {
  enum class Kind { kEarliest, kLatest, kTime } kind = Kind::kEarliest;
  std::int64_t time_ms = 0;
};

// Errors: kStop for what ConsumerSettings::start may not be.
[[nodiscard]] Result<Start> parse_start(const std::string& words);

[[nodiscard]] Offset first_position(const ClusterCore& core, const ingest::TopicPartition& at,
                                    const Start& start);

// Where the group had got to, open transactions waited for. One that holds the answer back for more
// than 300 ms is ended by taking over the id that the partition was last committed under.
// Errors: kStop after `within`.
[[nodiscard]] Result<std::vector<ingest::AssignedPartition>> committed_positions(
    ClusterCore& core, ProcessId process, const std::string& group,
    const std::set<ingest::TopicPartition>& partitions, std::chrono::milliseconds within);

// As ingest::held_back().
[[nodiscard]] Result<std::vector<ingest::TopicPartition>> held_back(
    ClusterCore& core, ProcessId process, const std::vector<ingest::TopicPartition>& partitions,
    std::chrono::milliseconds patience);

}  // namespace fovea::sim
