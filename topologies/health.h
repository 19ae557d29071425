#pragma once

// Is the process alive, and is it ready? Judged of what its threads say of themselves.
//
//   alive   every thread has stepped lately, or says what it waits for. A process that is not
//           should be restarted.
//   ready   alive, every partition restored, workers joined, and little waits in the input or in
//           the learning log. A process that is not works on what is its, but late.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topologies/lifecycle.h"
#include "vocab/ids.h"

namespace fovea::topologies {

// A thread that has not stepped for so long is taken for stuck. A commit and a poll each end
// within ten seconds.
inline constexpr std::chrono::seconds kStuckAfter{60};

// So few records are no lag, whatever their age.
inline constexpr std::int64_t kFewRecords = 100;

struct LagHealth {
  std::optional<std::int64_t> records;  // absent: not known yet
  std::optional<double> seconds;        // absent: nothing was read yet
};

struct WorkerHealth {
  std::string name;
  WorkerPhase phase = WorkerPhase::kJoining;
  bool joined = false;  // the group has said which partitions are its, maybe none
  int restoring = 0;    // partitions
  std::chrono::nanoseconds step_age{};
  std::optional<std::chrono::nanoseconds> commit_age;         // of one under way
  std::optional<std::string> trouble;                         // what was said of the broker lately
  std::vector<std::pair<std::string, LagHealth>> partitions;  // "video.events [3]"
};

struct LearnerHealth {
  bool caught_up = false;  // with where the log ended at the start
  Offset position = kNoOffset;
  std::chrono::nanoseconds step_age{};
  LagHealth lag;
};

struct ProcessHealth {
  std::string phase;  // "waiting for a broker", "stopping"; empty: at work
  std::optional<LearnerHealth> learner;
  std::vector<WorkerHealth> workers;
};

// One clause; absent when it is.
[[nodiscard]] std::optional<std::string> why_not_alive(const ProcessHealth& health);
[[nodiscard]] std::optional<std::string> why_not_ready(const ProcessHealth& health,
                                                       std::chrono::milliseconds lag_max);

}  // namespace fovea::topologies
