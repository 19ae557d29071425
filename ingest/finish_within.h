#pragma once

// For a call that may never return.

#include <chrono>
#include <functional>
#include <future>
#include <thread>
#include <utility>

namespace fovea::ingest {

// Runs `task` on a thread of its own. True once it has ended; false if it has not ended within
// `most`: it is left behind with its thread, so it must own all that it uses.
[[nodiscard]] inline bool finish_within(std::chrono::milliseconds most,
                                        std::function<void()> task) {
  std::packaged_task<void()> running(std::move(task));
  const std::future<void> ended = running.get_future();
  std::thread thread(std::move(running));
  if (ended.wait_for(most) == std::future_status::ready) {
    thread.join();
    return true;
  }
  thread.detach();
  return false;
}

}  // namespace fovea::ingest
