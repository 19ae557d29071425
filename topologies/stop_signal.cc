#include "topologies/stop_signal.h"

#include <csignal>

namespace fovea::topologies {
namespace {

std::atomic<bool> stopping{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a handler may only touch such");

extern "C" void on_stop_signal(int) {
  stopping.store(true);
}

}  // namespace

const std::atomic<bool>& stop_on_signals() {
  static const bool installed = [] {
    struct sigaction action {};
    action.sa_handler = &on_stop_signal;
    // The handler is for one signal of each kind; the default action comes back by itself.
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_RESTART);
    sigemptyset(&action.sa_mask);
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    return true;
  }();
  static_cast<void>(installed);
  return stopping;
}

}  // namespace fovea::topologies
