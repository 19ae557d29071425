#pragma once

// Where a partition starts, decided from what the store, the group and the changelog say.
//
//   store has it    group's offset     then
//   yes             none, or behind    go on from the store: it was the last owner
//   yes             ahead              another process went on: catch up from the changelog, start
//                                      at the group's offset
//   no              any                restore all of the changelog, start at the group's offset
//   a copy, kept    any                catch up from the changelog, start at the group's offset
//   for another
//
// Where the changelog is ahead of the group's offset (its writer died before it committed), the
// restored profiles know it: events at or below `applied` change nothing.

#include <optional>

#include "profile_store/profile_store.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct StartPlan {
  bool restore = false;  // read the changelog from changelog_from to its end
  Offset changelog_from = 0;
  std::optional<Offset> start;  // absent: where the group or the configuration says
};

[[nodiscard]] StartPlan plan_start(const std::optional<profile_store::PartitionPositions>& stored,
                                   std::optional<Offset> committed);

}  // namespace fovea::topologies
