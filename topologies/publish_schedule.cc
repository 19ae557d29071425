#include "topologies/publish_schedule.h"

#include <utility>

namespace fovea::topologies {

bool PublishSchedule::due(TimeMs event_time) {
  const bool first = !std::exchange(started_, true);
  const bool by_time =
      every_.time_ms > 0 && milliseconds_between(published_at_, event_time) >= every_.time_ms;
  const bool by_events = every_.events > 0 && events_ >= every_.events;
  ++events_;
  if (!first && !by_time && !by_events && !immediate()) return false;
  published_at_ = event_time;
  events_ = 1;
  return true;
}

}  // namespace fovea::topologies
