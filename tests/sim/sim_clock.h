#pragma once

// Time that passes only when somebody waits.
//
// Two clocks, as a machine has them: now() may be set, forwards or back; monotonic() only moves on,
// and all that waits is measured with it.

#include <chrono>
#include <cstdint>

#include "vocab/clock.h"
#include "vocab/ids.h"

namespace fovea::sim {

using Time = std::chrono::steady_clock::time_point;

class SimClock final : public Clock {
 public:
  explicit SimClock(TimeMs start = TimeMs{1'700'000'000'000}) : start_(start) {}

  [[nodiscard]] TimeMs now() const override { return wall_at(monotonic()); }

  [[nodiscard]] Time monotonic() const override { return kBoot + elapsed_; }

  void sleep(std::chrono::nanoseconds time) const override {
    if (time > std::chrono::nanoseconds{0}) elapsed_ += time;
  }

  // Time already past is no request to go back.
  void advance_to(Time at) const { sleep(at - monotonic()); }

  // What now() says when monotonic() says `at`.
  [[nodiscard]] TimeMs wall_at(Time at) const {
    const auto since_boot = std::chrono::duration_cast<std::chrono::milliseconds>(at - kBoot);
    return TimeMs{value(start_) + (since_boot + jumped_).count()};
  }

  // Somebody sets the wall clock.
  void jump(std::chrono::milliseconds by) { jumped_ += by; }

 private:
  // Not zero, so that a time point that was never set lies long ago.
  static constexpr Time kBoot{std::chrono::hours{1}};

  TimeMs start_;
  std::chrono::milliseconds jumped_{0};
  mutable std::chrono::nanoseconds elapsed_{0};
};

}  // namespace fovea::sim
