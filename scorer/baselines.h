#pragma once

// The simple alternatives, ranked on the same events with the same candidates.
//
// popularity    decayed count at half-life H (and all time for H = infinity)
// transitions   how often it followed the last five items, weights 1/lag both when counting and
//               when asking; a row's older counts shrink by 1 + forgetting each time something
//               follows its item directly
//
// Counts, not shares of a row: shares trust rows that were met once. On ml-latest-small they reach
// NDCG@10 .0673 without forgetting and .0749 with .02, counts .0672 and .0774.
//
// Threads   Not thread-safe.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::scorer {

class Baseline {
 public:
  virtual ~Baseline() = default;
  [[nodiscard]] virtual std::string_view name() const = 0;

  // Rank of `target` from 0 among all items observed so far, minus `excluded` (the target stays
  // in); ties count against the target. Absent if the target was never observed.
  [[nodiscard]] virtual std::optional<std::int32_t> rank(const Behaviour& behaviour, TimeMs now,
                                                         ItemKey target,
                                                         const std::vector<ItemKey>& excluded) = 0;

  // Learns one choice of a user whose behaviour before it is given.
  virtual void observe(const Behaviour& before, ItemKey item, TimeMs time) = 0;
};

[[nodiscard]] std::unique_ptr<Baseline> make_popularity_baseline(double half_life_s);
[[nodiscard]] std::unique_ptr<Baseline> make_transitions_baseline(double forgetting);

}  // namespace fovea::scorer
