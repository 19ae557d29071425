#pragma once

// What goes wrong in a simulated cluster. The driver sets it, at any time; the cluster uses it up.
//
// A count says how many of the next ones fail; the rest is in force until it is changed. The wall
// clock is set with SimClock::jump(), a process cut off, stopped or ended with SimCluster's
// cut_off(), freeze() and kill().

#include <chrono>

#include "tests/sim/sim_clock.h"

namespace fovea::sim {

// From one to before the other. May lie ahead.
struct Outage {
  Time from{};
  Time until{};

  [[nodiscard]] bool at(Time time) const { return from <= time && time < until; }
};

struct FaultPlan {
  Outage broker_away;        // nobody answers
  Outage transactions_away;  // their coordinator is moving: none begins, commits or is settled

  int queue_full = 0;           // appends that find no room
  int refuse_batches = 0;       // batches that are refused for good
  int lose_answers = 0;         // batches that are written, and the producer does not hear of it
  int postpone_commits = 0;     // commits that the coordinator does not take: it is moving
  int lose_commit_answers = 0;  // commits that are taken, and the member does not hear of it
  int lose_end_answers = 0;     // commits of transactions, as above
  bool rebalance = false;       // every group divides its partitions anew, once
  bool take_over = false;       // somebody takes some transactional id over, in error, once

  // A batch takes up to so long to the log, its answer up to so long back.
  std::chrono::microseconds delivery_max{2'000};
  std::chrono::microseconds answer_max{2'000};

  // After a transaction has ended, each of its markers takes up to so long.
  std::chrono::microseconds marker_max{20'000};

  // Of what a process had queued when it died, a part still arrives, within this time, also after
  // its successor has begun to write. Zero: nothing does.
  std::chrono::milliseconds late_max{500};

  void take_broker_away(Time from, std::chrono::nanoseconds lasts) {
    broker_away = {from, from + lasts};
  }
};

}  // namespace fovea::sim
