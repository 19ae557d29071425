#pragma once

// What the workers of a process and its standby have in common. Lifetime: all of it outlives them.

#include <chrono>
#include <cstdint>
#include <optional>

#include "ingest/kafka.h"
#include "profile_store/profile_store.h"
#include "topologies/claimed_store.h"
#include "topologies/config.h"
#include "topologies/metrics.h"
#include "vocab/clock.h"

namespace fovea::topologies {

struct ProcessShared {
  const Config& config;
  const ingest::KafkaSettings& kafka;
  const ingest::ClientFactory& clients;
  const Clock& clock;
  profile_store::ProfileStore& store;
  PartitionClaims& claims;
  std::int32_t input_partitions = 0;
  Metrics* metrics = nullptr;  // null: nobody looks
  // How long the changelog keeps a deletion; absent: not known.
  std::optional<std::chrono::milliseconds> tombstones_kept = {};
};

}  // namespace fovea::topologies
