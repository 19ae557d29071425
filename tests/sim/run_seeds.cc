// The simulation from the command line: scripts/sim.sh.
//
//   run_seeds FIRST COUNT      so many seeds from FIRST on; stops at the first that fails
//   run_seeds --seed SEED      one, with everything that is logged
//   run_seeds --shrink SEED    one that fails, with less going wrong, for as long as it fails
//   ... --faults MASK --turns N    with --seed: what --shrink printed

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <string>

#include "tests/sim/simulation.h"
#include "topologies/log.h"

namespace fovea::sim {
namespace {

void print(const SimulationOptions& options, const SimulationResult& result) {
  for (const std::string& violation : result.violations) {
    fmt::print("seed {}: {}\n", options.seed, violation);
  }
  fmt::print("seed {}: {} events, {} crashes, digest {:016x}\n", options.seed, result.events,
             result.crashes, result.digest);
}

int run_many(std::uint64_t first, std::uint64_t count) {
  const auto began = std::chrono::steady_clock::now();
  SimulationResult sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    const SimulationResult result = simulate({seed}, scratch_directory());
    sum.events += result.events;
    sum.crashes += result.crashes;
    if (!result.violations.empty()) {
      print({seed}, result);
      fmt::print("again, with its log: scripts/sim.sh --seed {}\n", seed);
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} seeds from {}, {:.1f} a second: {} events, {} crashes, 0 violations\n", count,
             first, static_cast<double>(count) / took.count(), sum.events, sum.crashes);
  return 0;
}

int run(int argc, char** argv) {
  CLI::App app("simulation");
  std::uint64_t first = 1;
  std::uint64_t count = 100;
  SimulationOptions options;
  app.add_option("first", first);
  app.add_option("count", count);
  auto* seed = app.add_option("--seed", options.seed);
  std::uint64_t to_shrink = 0;
  auto* shrinking = app.add_option("--shrink", to_shrink);
  app.add_option("--faults", options.faults);
  app.add_option("--turns", options.turns);
  CLI11_PARSE(app, argc, argv);
  topologies::set_up_log("text", seed->empty() ? "error" : "info");
  if (!shrinking->empty()) {
    options.seed = to_shrink;
    if (simulate(options, scratch_directory()).violations.empty()) {
      fmt::print("seed {} does not fail\n", to_shrink);
      return 1;
    }
    options = shrink(options, scratch_directory());
    print(options, simulate(options, scratch_directory()));
    for (std::uint32_t fault = 0; fault < kFaults; ++fault) {
      if ((options.faults >> fault & 1U) != 0) fmt::print("  {}\n", name(Fault{fault}));
    }
    fmt::print("again, with its log: scripts/sim.sh --seed {} --faults {} --turns {}\n",
               options.seed, options.faults, options.turns);
    return 0;
  }
  if (seed->empty()) return run_many(first, count);
  const SimulationResult result = simulate(options, scratch_directory());
  print(options, result);
  return result.violations.empty() ? 0 : 1;
}

}  // namespace
}  // namespace fovea::sim

int main(int argc, char** argv) {
  return fovea::sim::run(argc, argv);
}
