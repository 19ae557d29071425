#pragma once

// Wall-clock time as a dependency, so that a test or a replay can bring its own.

#include <chrono>
#include <cstdint>

#include "vocab/ids.h"

namespace fovea {

class Clock {
 public:
  virtual ~Clock() = default;

  // Milliseconds since the Unix epoch.
  [[nodiscard]] virtual TimeMs now() const = 0;
};

class SystemClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override {
    using namespace std::chrono;
    return TimeMs{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
  }
};

}  // namespace fovea
