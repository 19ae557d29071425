#include "topologies/event_step.h"

#include <algorithm>

#include "ingest/keys.h"
#include "scorer/example.h"
#include "topologies/config.h"

namespace fovea::topologies {

bool teaches(const scorer::ModelSettings& settings, EventType type) {
  return settings.positive.contains(type) || settings.negative.contains(type);
}

EventStep step_event(const Config& config, const Event& event, UserKey user, TimeMs& highest,
                     Behaviour& behaviour) {
  EventStep step;
  step.late = milliseconds_between(event.event_time, highest) > config.lateness_ms;
  highest = std::max(highest, event.event_time);

  if (!step.late && teaches(config.model, event.type) && !event.item.id.empty()) {
    step.example = scorer::make_example(config.model, behaviour, event, user);
  }
  // 0 means "no id" to the fold; a hash that happens to be 0 becomes 1.
  const std::uint64_t id_hash =
      event.id.empty() ? 0 : std::max<std::uint64_t>(1, ingest::hash64(event.id));
  step.outcome = profile_store::fold(config.fold, event, id_hash, behaviour);
  if (step.outcome == profile_store::FoldOutcome::kDuplicate) step.example.reset();
  return step;
}

}  // namespace fovea::topologies
