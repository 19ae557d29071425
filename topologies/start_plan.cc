#include "topologies/start_plan.h"

namespace fovea::topologies {

StartPlan plan_start(const std::optional<profile_store::PartitionPositions>& stored,
                     std::optional<Offset> committed) {
  if (!stored) return {true, 0, committed};
  const bool a_copy = stored->input_next == kNoOffset;
  if (a_copy || (committed && *committed > stored->input_next)) {
    return {true, stored->changelog_next, committed};
  }
  return {false, stored->changelog_next, stored->input_next};
}

}  // namespace fovea::topologies
