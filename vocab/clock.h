#pragma once

// Time as a dependency, so that a test, a replay or a simulation can bring its own.

#include <chrono>
#include <thread>

#include "vocab/ids.h"

namespace fovea {

class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since the Unix epoch.
  [[nodiscard]] virtual TimeMs now() const = 0;

  // For durations: it only goes on, whatever becomes of the wall clock.
  [[nodiscard]] virtual std::chrono::steady_clock::time_point monotonic() const {
    return std::chrono::steady_clock::now();
  }

  // Blocks the calling thread.
  virtual void sleep(std::chrono::nanoseconds duration) const {
    std::this_thread::sleep_for(duration);
  }
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override {
    using namespace std::chrono;
    return TimeMs{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
  }
};

inline const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace fovea
