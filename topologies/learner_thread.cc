#include "topologies/learner_thread.h"

#include <utility>

namespace fovea::topologies {

LearnerThread::LearnerThread(std::unique_ptr<LearnerLoop> loop)
    : loop_(std::move(loop)), thread_([this] { run(); }) {}

Result<std::unique_ptr<LearnerThread>> LearnerThread::start(const Config& config,
                                                            LearnerSettings settings,
                                                            const Patience& patience) {
  auto loop = LearnerLoop::open(config, std::move(settings), patience);
  if (!loop) return loop.error();
  return std::unique_ptr<LearnerThread>(new LearnerThread(*std::move(loop)));
}

LearnerThread::~LearnerThread() {
  stop();
}

void LearnerThread::stop() {
  loop_->stop();
  if (thread_.joinable()) thread_.join();
}

std::optional<Error> LearnerThread::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

void LearnerThread::run() {
  Result<void> stepped;
  while (stepped && !loop_->stopping()) stepped = loop_->step();
  loop_->finish(stepped.has_value());
  if (stepped) return;
  const std::lock_guard lock(mutex_);
  failure_ = stepped.error();
}

}  // namespace fovea::topologies
