// Which faults a run may have, and which it needs to fail.

#include <array>

#include "tests/sim/simulation.h"

namespace fovea::sim {

const char* name(Fault fault) {
  constexpr std::array<const char*, kFaults> kNames{"broker away",
                                                    "queue full",
                                                    "answer lost",
                                                    "batch refused",
                                                    "commit postponed",
                                                    "commit answer lost",
                                                    "rebalance",
                                                    "clock jump",
                                                    "cut off",
                                                    "disk full",
                                                    "frozen",
                                                    "disk slow",
                                                    "transactions away",
                                                    "transaction answer lost",
                                                    "taken over in error",
                                                    "kill",
                                                    "crash at an effect",
                                                    "machine crash",
                                                    "poison",
                                                    "told to stop"};
  return kNames[static_cast<std::size_t>(fault)];
}

namespace {

// A violation without what differs from seed to seed.
std::string kind(const std::vector<std::string>& violations) {
  if (violations.empty()) return {};
  std::string letters = violations.front();
  std::erase_if(letters, [](char c) { return c >= '0' && c <= '9'; });
  return letters;
}

}  // namespace

SimulationOptions shrink(SimulationOptions failing, const std::string& directory) {
  const std::string wanted = kind(simulate(failing, directory).violations);
  const auto fails = [&](const SimulationOptions& options) {
    return kind(simulate(options, directory).violations) == wanted;
  };
  for (std::uint32_t fault = 0; fault < kFaults; ++fault) {
    SimulationOptions less = failing;
    less.faults &= ~(1U << fault);
    if (less.faults != failing.faults && fails(less)) failing = less;
  }
  for (int step = failing.turns / 2; step > 0; step /= 2) {
    SimulationOptions less = failing;
    less.turns -= step;
    if (less.turns > 0 && fails(less)) failing = less;
  }
  return failing;
}

}  // namespace fovea::sim
