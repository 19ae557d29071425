// Some seeds of the simulation, and that it is what it says.

#include "tests/sim/simulation.h"

#include <gtest/gtest.h>

#include <string>

#include "topologies/log.h"

namespace fovea::sim {
namespace {

class Simulation : public testing::Test {
 protected:
  static void SetUpTestSuite() { topologies::set_up_log("text", "error"); }
};

TEST_F(Simulation, TheSameSeedGivesTheSameBytes) {
  for (const std::uint64_t seed : {3U, 4U}) {
    EXPECT_EQ(simulate({seed}, scratch_directory()).digest,
              simulate({seed}, scratch_directory()).digest);
  }
}

TEST_F(Simulation, NothingIsLostAndNothingCountsTwiceWhateverFails) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const SimulationResult result = simulate({seed}, scratch_directory());
    for (const std::string& violation : result.violations) {
      ADD_FAILURE() << violation << "; again with scripts/sim.sh --seed " << seed;
    }
  }
}

}  // namespace
}  // namespace fovea::sim
