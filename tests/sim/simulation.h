#pragma once

// fovea's own worker, pipeline, commit point, restore and learner, in one thread from one seed,
// over a simulated cluster, disk and clock: what becomes of a stream when everything that may fail
// does.
//
// A run is a stream of some hundred events and one to three processes that share the work. Chance,
// which is the seed's, decides whose turn it is, what is written and what goes wrong: processes
// that die between any two effects, machines that lose unsynced writes, zombies that were frozen or
// cut off, rebalances, a broker that is away, full queues, lost answers, batches refused, disks
// that are full or slow, transactions that are fenced in error, clock jumps, poison; some are told
// to stop, which must not end in an error. Then everything heals, the rest is processed, and what
// is in the topics and stores is held against a plain fold of the input:
//
//   * behaviour of every user, in the changelog
//   * the store of whoever owns a partition has the behaviour that is in its changelog, and so has
//     every process's where they are standbys of each other
//   * the slates of a user cover all scorable events, and the last of them is a trigger
//   * every record is folded, a duplicate or dead-lettered
//   * the learning log teaches each example once, however often it was written; marks, and the
//     models of all processes, are what its fold has
//   * the run ends
//   * with exactly_once: every slate, example and dead letter is there once, and no event is
//   covered
//     twice
//
// The same seed gives the same bytes: digest().

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "topologies/config.h"

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
  kFreeze,
  kDiskSlow,
  kTransactionsAway,
  kTransactionAnswerLost,
  kTakenOver,
  kKill,
  kCrashAtEffect,
  kMachineCrash,
  kPoison,
  kToldToStop,
};
inline constexpr std::uint32_t kFaults = 20;

[[nodiscard]] const char* name(Fault fault);

// How a run delivers where nothing else is said; absent: the seed decides.
inline constexpr std::optional<topologies::DeliveryMode> kDelivery = std::nullopt;

struct SimulationOptions {
  std::uint64_t seed = 1;
  std::uint32_t faults = (1U << kFaults) - 1;
  int turns = 1'500;
  std::optional<topologies::DeliveryMode> delivery = kDelivery;
};

// What that run delivers.
[[nodiscard]] topologies::DeliveryMode delivery(const SimulationOptions& options);

struct SimulationResult {
  std::vector<std::string> violations;  // one clause each; empty: all is well
  std::uint64_t digest = 0;             // of all topics
  std::uint64_t events = 0;             // in the input
  std::uint64_t crashes = 0;
  std::uint64_t rebalances = 0;
  std::uint64_t left = 0;  // processes that were told to stop
};

// A directory of this process: in memory where there is such a place, since snapshots are synced.
[[nodiscard]] std::string scratch_directory();

// `directory` is for the models' snapshots: made, and gone afterwards.
[[nodiscard]] SimulationResult simulate(const SimulationOptions& options,
                                        const std::string& directory);

// What still fails with less: fewer faults, then fewer turns. Requires: `failing` fails.
[[nodiscard]] SimulationOptions shrink(SimulationOptions failing, const std::string& directory);

}  // namespace fovea::sim
