// Some seeds of the simulation, and that it is what it says.

#include "tests/sim/simulation.h"

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "topologies/log.h"

namespace fovea::sim {
namespace {

std::string scratch() {
  // In memory where there is such a place: snapshots are synced.
  const std::filesystem::path memory = "/dev/shm";
  const auto place =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  return (place / fmt::format("fovea-sim-{}", ::getpid())).string();
}

class Simulation : public testing::Test {
 protected:
  static void SetUpTestSuite() { topologies::set_up_log("text", "error"); }
};

TEST_F(Simulation, TheSameSeedGivesTheSameBytes) {
  for (const std::uint64_t seed : {3U, 4U}) {
    EXPECT_EQ(simulate({seed}, scratch()).digest, simulate({seed}, scratch()).digest);
  }
}

TEST_F(Simulation, NothingIsLostAndNothingCountsTwiceWhateverFails) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    const SimulationResult result = simulate({seed}, scratch());
    for (const std::string& violation : result.violations) {
      ADD_FAILURE() << violation << "; again with scripts/sim.sh --seed " << seed;
    }
  }
}

}  // namespace
}  // namespace fovea::sim
