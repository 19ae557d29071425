#pragma once

// fovea's own worker, pipeline, commit point, restore and learner, in one thread from one seed,
// over a simulated cluster, disk and clock: what becomes of a stream when everything that may fail
// does.
//
// A run is a stream of some hundred events and one to three processes that share the work. Chance,
// which is the seed's, decides whose turn it is, what is written and what goes wrong: processes
// that die between any two effects, machines that lose unsynced writes, zombies, rebalances, a
// broker that is away, full queues, lost answers, batches refused, clock jumps, poison. Then
// everything heals, the rest is processed, and what is in the topics and stores is held against a
// plain fold of the input:
//
//   * behaviour of every user, in the changelog and in the store of whoever owns the partition
//   * the slates of a user cover all scorable events, and the last of them is a trigger
//   * every record is folded, a duplicate or dead-lettered
//   * the learning log has each example once, however often it was written; marks, and the models
//     of all processes, are what its fold has
//   * the run ends
//
// The same seed gives the same bytes: digest().

#include <cstdint>
#include <string>
#include <vector>

namespace fovea::sim {

// What may go wrong, by its bit in SimulationOptions::faults.
enum class Fault : std::uint32_t {
  kBrokerAway,
  kQueueFull,
  kAnswerLost,
  kBatchRefused,
  kCommitPostponed,
  kCommitAnswerLost,
  kRebalance,
  kClockJump,
  kCutOff,
  kDiskFull,
  kKill,
  kCrashAtEffect,
  kMachineCrash,
  kPoison,
};
inline constexpr std::uint32_t kFaults = 14;

[[nodiscard]] const char* name(Fault fault);

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t faults = (1U << kFaults) - 1;
  int turns = 1'500;
};

struct SimulationResult {
  std::vector<std::string> violations;  // one clause each; empty: all is well
  std::uint64_t digest = 0;             // of all topics
  std::uint64_t events = 0;             // in the input
  std::uint64_t crashes = 0;
  std::uint64_t rebalances = 0;
};

// A directory of this process: in memory where there is such a place, since snapshots are synced.
[[nodiscard]] std::string scratch_directory();

// `directory` is for the models' snapshots: made, and gone afterwards.
[[nodiscard]] SimulationResult simulate(const SimulationOptions& options,
                                        const std::string& directory);

// What still fails with less: fewer faults, then fewer turns. Requires: `failing` fails.
[[nodiscard]] SimulationOptions shrink(SimulationOptions failing, const std::string& directory);

}  // namespace fovea::sim
