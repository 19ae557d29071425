#pragma once

// Whether a trigger is answered, and what the answer covers: [emit] as functions.
//
// Every scorable event is covered exactly once: by the slate it triggered, or by the next slate of
// the same user. What a held-back trigger would have covered waits in Served::pending_covers, so
// that the sum also comes out across a restart.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topologies/config.h"
#include "vocab/ids.h"
#include "vocab/profile.h"
#include "vocab/recommendation.h"

namespace fovea::topologies {

// Why a trigger gets no slate.
enum class Hold : std::uint8_t { kNone, kTooOld, kTooSoon, kUnchanged };

// Decided before scoring. `wall_now` is absent in a replay, where no event is too old. A request
// is waited for: it can be too old, never too soon or unchanged.
[[nodiscard]] Hold hold_trigger(const EmitPolicy& policy, const Served& served, EventType type,
                                TimeMs event_time, std::optional<TimeMs> wall_now);

// Decided after scoring.
[[nodiscard]] Hold hold_slate(const EmitPolicy& policy, const Served& served, EventType type,
                              const std::vector<RecommendedItem>& items);

// Hash of topology and trigger, as 16 hexadecimal digits: a repeat after a crash has the same id.
[[nodiscard]] std::string recommendation_id(const std::string& topology,
                                            const SourceCoordinates& trigger);

// Notes in `served` that this slate went out.
void note_served(const Recommendation& recommendation, Served& served);

}  // namespace fovea::topologies
