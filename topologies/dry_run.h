#pragma once

// The topology on a live topic without leaving a trace: `fovea run --dry-run`.

#include <atomic>

#include "ingest/kafka.h"
#include "topologies/config.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Reads input and catalogue under a group id of its own that commits nothing; profiles and the
// learning log are in memory; recommendations go to standard output, dead letters to the log.
[[nodiscard]] Result<void> dry_run(const Config& config, const ingest::KafkaSettings& kafka,
                                   const Clock& clock, const std::atomic<bool>& stopping);

}  // namespace fovea::topologies
