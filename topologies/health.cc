#include "topologies/health.h"

#include <fmt/format.h>

namespace fovea::topologies {
namespace {

using std::chrono::duration;
using std::chrono::nanoseconds;

double in_seconds(nanoseconds time) {
  return duration<double>(time).count();
}

std::optional<std::string> stuck(const std::string& thread, nanoseconds step_age) {
  if (step_age < kStuckAfter) return std::nullopt;
  return fmt::format("{} has not stepped for {:.0f} s", thread, in_seconds(step_age));
}

std::optional<std::string> behind(const std::string& what, const LagHealth& lag, double max_s) {
  if (!lag.records) return fmt::format("{}: its end is not known yet", what);
  if (*lag.records <= kFewRecords) return std::nullopt;
  if (!lag.seconds) return fmt::format("{} is {} records behind", what, *lag.records);
  if (*lag.seconds <= max_s) return std::nullopt;
  return fmt::format("{} is {} records and {:.1f} s behind", what, *lag.records, *lag.seconds);
}

std::optional<std::string> why_not_ready(const WorkerHealth& worker, double lag_max_s) {
  switch (worker.phase) {
    case WorkerPhase::kRunning:
      break;
    case WorkerPhase::kJoining:
      return fmt::format("worker {} is starting", worker.name);
    case WorkerPhase::kRebuilding:
      return fmt::format("worker {} makes new clients", worker.name);
    case WorkerPhase::kDraining:
    case WorkerPhase::kClosed:
      return fmt::format("worker {} is stopping", worker.name);
  }
  if (worker.restoring > 0) {
    return fmt::format("worker {} restores {} partition{}", worker.name, worker.restoring,
                       worker.restoring == 1 ? "" : "s");
  }
  if (worker.trouble) return fmt::format("worker {}: {}", worker.name, *worker.trouble);
  if (!worker.joined) return fmt::format("worker {} is joining its group", worker.name);
  if (worker.commit_age && in_seconds(*worker.commit_age) > lag_max_s) {
    return fmt::format("worker {} has been committing for {:.1f} s", worker.name,
                       in_seconds(*worker.commit_age));
  }
  for (const auto& [name, lag] : worker.partitions) {
    if (auto why = behind(name, lag, lag_max_s)) return why;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> why_not_alive(const ProcessHealth& health) {
  if (health.learner) {
    if (auto why = stuck("the learner", health.learner->step_age)) return why;
  }
  for (const WorkerHealth& worker : health.workers) {
    if (auto why = stuck("worker " + worker.name, worker.step_age)) return why;
    if (worker.phase == WorkerPhase::kClosed && health.phase.empty()) {
      return fmt::format("worker {} has ended", worker.name);
    }
  }
  return std::nullopt;
}

std::optional<std::string> why_not_ready(const ProcessHealth& health,
                                         std::chrono::milliseconds lag_max) {
  if (auto why = why_not_alive(health)) return why;
  if (!health.phase.empty()) return health.phase;
  if (!health.learner || health.workers.empty()) return "starting";
  const double lag_max_s = duration<double>(lag_max).count();
  for (const WorkerHealth& worker : health.workers) {
    if (auto why = why_not_ready(worker, lag_max_s)) return why;
  }
  return behind("the learner", health.learner->lag, lag_max_s);
}

}  // namespace fovea::topologies
