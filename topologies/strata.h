#pragma once

// The classes that scored events are counted in, by item and by history.

#include <array>
#include <cstddef>
#include <cstdint>

#include "topologies/evaluation_figures.h"

namespace fovea::topologies {

// What an event is classed by.
struct StratumKey {
  std::uint32_t item_choices = 0;    // earlier ones, by anybody
  std::int64_t item_age_ms = 0;      // since the first of them
  std::uint32_t history_length = 0;  // of the user
  std::int64_t since_newest_ms = 0;  // since the user's newest choice
};

[[nodiscard]] std::array<Strata, 4> empty_strata(std::size_t baselines);

// The event's class in each of the strata.
[[nodiscard]] std::array<std::size_t, 4> strata_of(const StratumKey& key);

}  // namespace fovea::topologies
