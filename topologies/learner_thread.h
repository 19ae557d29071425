#pragma once

// The learner's thread: drives a LearnerLoop until it is stopped or fails.

#include <memory>
#include <mutex>
#include <optional>
#include <thread>

#include "topologies/learner_loop.h"
#include "vocab/result.h"

namespace fovea::topologies {

class LearnerThread {
 public:
  // Errors: those of LearnerLoop::open().
  [[nodiscard]] static Result<std::unique_ptr<LearnerThread>> start(const Config& config,
                                                                    LearnerSettings settings,
                                                                    const Patience& patience);

  // As stop().
  ~LearnerThread();

  // Publishes, snapshots, ends. Not concurrently with itself.
  void stop();

  // Why the thread ended by itself, if it did. From any thread.
  [[nodiscard]] std::optional<Error> failure() const;

  [[nodiscard]] LearnerLoop& loop() { return *loop_; }
  [[nodiscard]] const LearnerLoop& loop() const { return *loop_; }

 private:
  explicit LearnerThread(std::unique_ptr<LearnerLoop> loop);
  void run();

  const std::unique_ptr<LearnerLoop> loop_;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace fovea::topologies
