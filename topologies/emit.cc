#include "topologies/emit.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/keys.h"

namespace fovea::topologies {

Hold hold_trigger(const EmitPolicy& policy, const Served& served, EventType type, TimeMs event_time,
                  std::optional<TimeMs> wall_now) {
  if (wall_now && policy.max_event_age_ms > 0 &&
      milliseconds_between(event_time, *wall_now) > policy.max_event_age_ms) {
    return Hold::kTooOld;
  }
  if (type == EventType::kRequest) return Hold::kNone;
  // A gap that is negative (an event from before the last slate) also counts as too soon.
  if (policy.min_interval_ms > 0 && served.slate_count > 0 &&
      milliseconds_between(served.emitted_at, event_time) < policy.min_interval_ms) {
    return Hold::kTooSoon;
  }
  return Hold::kNone;
}

Hold hold_slate(const EmitPolicy& policy, const Served& served, EventType type,
                const std::vector<RecommendedItem>& items) {
  if (!policy.only_if_changed || type == EventType::kRequest || served.slate_count == 0) {
    return Hold::kNone;
  }
  const bool same = std::equal(
      items.begin(), items.end(), served.items.begin(), served.items.end(),
      [](const RecommendedItem& a, const ServedItem& b) { return a.item.key == b.item; });
  return same ? Hold::kUnchanged : Hold::kNone;
}

std::string recommendation_id(const std::string& topology, const SourceCoordinates& trigger) {
  const std::string named = fmt::format("{}\n{}\n{}\n{}\n{}", topology, trigger.topic,
                                        trigger.partition, trigger.offset, trigger.ordinal);
  return fmt::format("{:016x}", ingest::hash64(named));
}

void note_served(const Recommendation& recommendation, Served& served) {
  served.slate_id = recommendation.id;
  served.emitted_at = recommendation.event_time;
  served.items.clear();
  for (const RecommendedItem& item : recommendation.items) {
    served.items.push_back({item.item.key, item.propensity});
  }
  served.slate_count += 1;
  served.pending_covers = 0;
}

}  // namespace fovea::topologies
