#pragma once

// When a new view of the model becomes visible, at points of the stream: never by the clock, so
// that two runs over the same input score every event with the same model.
//
// Threads   Not thread-safe.

#include <cstdint>

#include "topologies/commands.h"
#include "vocab/ids.h"

namespace fovea::topologies {

class PublishSchedule {
 public:
  // Both limits 0: after every event. Both set: whichever is reached first.
  explicit PublishSchedule(PublishEvery every) : every_(every) {}

  // One more event of the stream; true when it is time to publish before it is scored. Events of
  // the same time see the same view.
  [[nodiscard]] bool due(TimeMs event_time);

  [[nodiscard]] bool immediate() const { return every_ == PublishEvery{}; }

 private:
  PublishEvery every_;
  bool started_ = false;
  TimeMs published_at_{};
  std::int64_t events_ = 0;  // since the last time it was due
};

}  // namespace fovea::topologies
