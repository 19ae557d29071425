#include "topologies/event_step.h"

#include <algorithm>

#include "ingest/keys.h"
#include "profile_store/fold.h"
#include "scorer/example.h"
#include "topologies/config.h"
#include "vocab/assert.h"

namespace fovea::topologies {

EventVerdict judge_event(const Config& config, const Event& event, TimeMs highest,
                         const Behaviour& behaviour) {
  EventVerdict verdict;
  // 0 means "no id" to the fold; a hash that happens to be 0 becomes 1.
  if (!event.id.empty()) verdict.id_hash = std::max<std::uint64_t>(1, ingest::hash64(event.id));
  const auto& ring = behaviour.recent_event_ids;
  // What is said (a request) is answered each time it is asked.
  verdict.duplicate = verdict.id_hash != 0 && profile_store::is_done(event.type) &&
                      std::find(ring.begin(), ring.end(), verdict.id_hash) != ring.end();
  verdict.late = milliseconds_between(event.event_time, highest) > config.lateness_ms;
  const bool named =
      config.model.positive.contains(event.type) || config.model.negative.contains(event.type);
  verdict.teaches = named && !event.item.id.empty() && !verdict.late && !verdict.duplicate;
  return verdict;
}

float graded(const Config& config, const Event& event) {
  const auto grade = config.grades.find(event.type);
  if (grade == config.grades.end() || !event.value) return 1.0F;
  const auto& [none, full] = grade->second;
  return std::clamp((*event.value - none) / (full - none), 0.0F, 1.0F);
}

EventStep step_event(const Config& config, const Event& event, UserKey user, TimeMs& highest,
                     Behaviour& behaviour) {
  EventStep step;
  step.verdict = judge_event(config, event, highest, behaviour);
  highest = std::max(highest, event.event_time);

  if (step.verdict.teaches) {
    step.example = scorer::make_example(config.model, behaviour, event, user);
    step.example->strength = graded(config, event);
  }
  const auto outcome = profile_store::fold(config.fold, event, step.verdict.id_hash, behaviour);
  FOVEA_ASSERT((outcome == profile_store::FoldOutcome::kDuplicate) == step.verdict.duplicate);
  return step;
}

}  // namespace fovea::topologies
