#pragma once

// Trying again until the world is back, and saying so every few seconds.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <string>

#include "topologies/log.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct Patience {
  const std::atomic<bool>& stopping;  // gives up at once
  bool fail_fast = false;             // gives up at the first failure
  const Clock& clock = system_clock();
};

// Calls `attempt` until it answers anything but kRetry; waits 100 ms first, then longer, 2 s at
// most. `what` begins the line that is said every five seconds.
// Errors: the last one of `attempt`, as kStop.
template <class Attempt>
auto keep_trying(const Patience& patience, const std::string& what, Attempt attempt)
    -> decltype(attempt()) {
  using namespace std::chrono;
  auto backoff = milliseconds(100);
  auto said = steady_clock::time_point::min();
  for (;;) {
    auto result = attempt();
    if (result || result.error().disposition != Disposition::kRetry) return result;
    if (patience.fail_fast || patience.stopping.load()) return stop(result.error().message);
    const auto now = patience.clock.monotonic();
    if (said == steady_clock::time_point::min() || now - said >= seconds(5)) {
      log_warning(what + ": " + result.error().message + ", trying again");
      said = now;
    }
    for (auto left = backoff; left > milliseconds(0) && !patience.stopping.load();
         left -= milliseconds(50)) {
      patience.clock.sleep(std::min(left, milliseconds(50)));
    }
    backoff = std::min(backoff * 2, milliseconds(2000));
  }
}

}  // namespace fovea::topologies
