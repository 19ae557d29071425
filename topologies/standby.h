#pragma once

// What other processes have, kept here as well: a process that takes a partition over needs only
// the rest of its changelog.
//
// One partition after another is read to the end of what is committed, with a client that is made
// for it, so that never more than one is open; then a pause. A partition of a worker of this
// process is left to it, also in the middle of reading: claims decide (claimed_store.h). What it
// keeps is only a copy, so of the input's position it knows nothing, or what a worker here last
// knew (start_plan.h).
//
// Threads   run() on a thread of its own, or turn() by whoever drives it. stop() from any.

#include <atomic>
#include <chrono>
#include <set>

#include "topologies/claimed_store.h"
#include "topologies/process_shared.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::topologies {

class Standby {
 public:
  explicit Standby(const ProcessShared& shared);

  // Round after round until stop(). What fails is said and tried again in the next round; a
  // partition whose changelog cannot be read is given up.
  void run();

  // The next partition.
  // Errors: kRetry: no broker. kSkip: a worker took it meanwhile. kStop: it was given up, which is
  //         said.
  [[nodiscard]] Result<void> turn();

  void stop() { stopping_ = true; }

 private:
  Result<void> keep(Partition partition);
  void note_round();

  const ProcessShared shared_;
  ClaimedStore store_;
  Partition next_ = 0;
  int kept_ = 0;       // in this round
  bool away_ = false;  // in this round a broker did not answer
  std::chrono::steady_clock::time_point round_began_;
  std::set<Partition> given_up_;
  bool said_ = false;
  std::atomic<bool> stopping_{false};
};

}  // namespace fovea::topologies
