#include "topologies/stop_signal.h"

#include <csignal>
#include <cstdint>
#include <ctime>

namespace fovea::topologies {
namespace {

std::atomic<bool> stopping{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a handler may only touch such");

// Of the first signal, in seconds; timeout(1) and process managers may send it twice at once.
std::atomic<std::int64_t> first_at{-1};

extern "C" void on_stop_signal(int number) {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  std::int64_t none = -1;
  if (first_at.compare_exchange_strong(none, now.tv_sec)) {
    stopping.store(true);
  } else if (now.tv_sec - first_at.load() >= 2) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = &on_stop_signal;
    action.sa_flags = SA_RESTART;
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
  return stopping;
}

}  // namespace fovea::topologies
