// The simulation from the command line: scripts/sim.sh.
//
//   run_seeds FIRST COUNT      so many seeds from FIRST on; stops at the first that fails
//   run_seeds --seed SEED      one, with everything that is logged
//   run_seeds --shrink SEED    one that fails, with less going wrong, for as long as it fails
//   ... --faults MASK --turns N    with --seed: what --shrink printed
//   ... --delivery MODE            at_least_once, exactly_once, or both: as the seed decides

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <optional>
#include <string>

#include "tests/sim/simulation.h"
#include "topologies/log.h"

namespace fovea::sim {
namespace {

using Delivery = std::optional<topologies::DeliveryMode>;

std::string words_for(Delivery delivery) {
  if (!delivery) return "both";
  return *delivery == topologies::DeliveryMode::kExactlyOnce ? "exactly_once" : "at_least_once";
}

Delivery read_delivery(const std::string& words) {
  if (words == "both") return std::nullopt;
  return words == "exactly_once" ? topologies::DeliveryMode::kExactlyOnce
                                 : topologies::DeliveryMode::kAtLeastOnce;
}

void print(const SimulationOptions& options, const SimulationResult& result) {
  for (const std::string& violation : result.violations) {
    fmt::print("seed {}: {}\n", options.seed, violation);
  }
  fmt::print("seed {}: {} events, {} crashes, digest {:016x}, {}\n", options.seed, result.events,
             result.crashes, result.digest, words_for(delivery(options)));
}

int run_many(std::uint64_t first, std::uint64_t count, Delivery delivery) {
  const auto began = std::chrono::steady_clock::now();
  SimulationResult sum;
  for (std::uint64_t seed = first; seed < first + count; ++seed) {
    SimulationOptions options;
    options.seed = seed;
    options.delivery = delivery;
    const SimulationResult result = simulate(options, scratch_directory());
    sum.events += result.events;
    sum.crashes += result.crashes;
    sum.left += result.left;
    if (!result.violations.empty()) {
      print(options, result);
      fmt::print("again, with its log: scripts/sim.sh --seed {} --delivery {}\n", seed,
                 words_for(delivery));
      return 1;
    }
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
  fmt::print("{} seeds from {}, {:.1f} a second: {} events, {} crashes, {} stops, 0 violations\n",
             count, first, static_cast<double>(count) / took.count(), sum.events, sum.crashes,
             sum.left);
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
  std::string mode = words_for(kDelivery);
  app.add_option("--delivery", mode)
      ->check(CLI::IsMember({"at_least_once", "exactly_once", "both"}));
  CLI11_PARSE(app, argc, argv);
  options.delivery = read_delivery(mode);
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
    fmt::print(
        "again, with its log: scripts/sim.sh --seed {} --faults {} --turns {} --delivery {}\n",
        options.seed, options.faults, options.turns, words_for(options.delivery));
    return 0;
  }
  if (seed->empty()) return run_many(first, count, options.delivery);
  const SimulationResult result = simulate(options, scratch_directory());
  print(options, result);
  return result.violations.empty() ? 0 : 1;
}

}  // namespace
}  // namespace fovea::sim

int main(int argc, char** argv) {
  return fovea::sim::run(argc, argv);
}
