#pragma once

// Which examples are marked count-only, so that the learner, one thread for all, keeps up.
//
// The producer of an example decides, by its own process's learner lag:
//
//   probability = clamp((lag - shed_lag) / shed_lag, 0, 1)
//
// from nothing at shed_lag records behind to everything at twice that. A count-only example is
// counted by every memory and learned by no gradient, so what is shed is precision, never
// popularity. Which ones is a function of the record's coordinates: no generator, no order.
//
// Records that are old when they are read, by their broker's timestamp, are a backfill. There
// nothing is shed: input is held back by the learner's lag instead (worker.cc).

#include <cstdint>

#include "vocab/ids.h"

namespace fovea::topologies {

// Older than this is a backfill.
inline constexpr std::int64_t kBackfillAgeMs = 60'000;

// 0 where `shed_lag` is 0: never shed.
[[nodiscard]] double shed_probability(std::int64_t learner_lag, std::int64_t shed_lag);

// True for that share of all coordinates; true at a higher probability wherever it is at a lower.
[[nodiscard]] bool is_shed(const SourceCoordinates& at, double probability);

}  // namespace fovea::topologies
