#pragma once

// A disk with one profile store on it, as RocksDB keeps one: no write is synced.
//
// A process that dies loses nothing, since its writes are the kernel's. A machine that dies loses a
// suffix of what was written since the store was last opened: opening replays the write-ahead log
// and writes what it held to synced tables. Batches are whole: a torn one is cut off. What was
// loaded is a synced table of its own, and stays.

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "profile_store/profile_store.h"
#include "scorer/random.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_cluster.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::sim {

class SimDisk {
 public:
  // Lifetime: `clock` outlives the disk, the disk the stores it opened.
  explicit SimDisk(const SimClock& clock) : clock_(clock) {}

  // The store that is there, one holder at a time. `crash_points` is called before and after each
  // write: SimCluster::crash_points(); may be empty.
  // Errors: kStop while another holds it.
  Result<std::unique_ptr<profile_store::ProfileStore>> open(CrashHook crash_points = {});

  // Its holder is gone, and throws Crash at whoever still uses it.
  void process_crash();
  // As process_crash(), and some part of the unsynced writes, the newest first, is lost.
  void machine_crash(scorer::Random& random);

  // The next write finds the disk full; nothing of it is there.
  void fail_next() { ++failures_; }
  // There is room again.
  void mend() { failures_ = 0; }
  // What a write takes from now on.
  void set_slow(std::chrono::nanoseconds each) { write_takes_ = each; }

  [[nodiscard]] std::size_t unsynced_batches() const { return unsynced_.size(); }
  // Everything that is there, in one number.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  friend class SimStore;
  struct State {
    std::map<std::pair<Partition, UserId>, std::string> profiles;
    std::map<Partition, profile_store::PartitionPositions> positions;

    void apply(const profile_store::StoreBatch& batch);
  };

  struct Write {
    profile_store::StoreBatch batch;
    bool loaded = false;
  };

  void lose_all_but(std::size_t oldest);
  void sync();

  const SimClock& clock_;
  State synced_;
  std::vector<Write> unsynced_;
  State current_;  // `synced_` and then `unsynced_`
  int failures_ = 0;
  std::chrono::nanoseconds write_takes_{std::chrono::microseconds{100}};
  std::uint64_t holders_ = 0;  // so far; the last may still hold it
  bool held_ = false;
};

}  // namespace fovea::sim
