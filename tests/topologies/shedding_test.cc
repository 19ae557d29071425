// Which examples are marked count-only.

#include "topologies/shedding.h"

#include <gtest/gtest.h>

namespace fovea::topologies {
namespace {

SourceCoordinates at(Offset offset) {
  return {"t.events", 3, offset, 0};
}

TEST(Shedding, ProbabilityRisesFromTheLimitToTwiceIt) {
  EXPECT_EQ(shed_probability(0, 1'000), 0.0);
  EXPECT_EQ(shed_probability(1'000, 1'000), 0.0);
  EXPECT_DOUBLE_EQ(shed_probability(1'250, 1'000), .25);
  EXPECT_EQ(shed_probability(2'000, 1'000), 1.0);
  EXPECT_EQ(shed_probability(1'000'000, 1'000), 1.0);
  EXPECT_EQ(shed_probability(1'000'000, 0), 0.0) << "0 sheds nothing";
}

TEST(Shedding, IsAFunctionOfTheCoordinatesAndNested) {
  int shed = 0;
  for (Offset offset = 0; offset < 20'000; ++offset) {
    EXPECT_FALSE(is_shed(at(offset), 0.0));
    EXPECT_TRUE(is_shed(at(offset), 1.0));
    const bool quarter = is_shed(at(offset), .25);
    EXPECT_EQ(quarter, is_shed(at(offset), .25));
    if (quarter) {
      ++shed;
      EXPECT_TRUE(is_shed(at(offset), .5)) << "what is shed at less is shed at more";
    }
  }
  // Five standard deviations of a binomial.
  EXPECT_NEAR(shed, 5'000, 306);
}

TEST(Shedding, EveryCoordinateMatters) {
  int differ = 0;
  for (Offset offset = 0; offset < 1'000; ++offset) {
    const bool one = is_shed({"t.events", 3, offset, 0}, .5);
    differ += one != is_shed({"u.events", 3, offset, 0}, .5) ? 1 : 0;
    differ += one != is_shed({"t.events", 4, offset, 0}, .5) ? 1 : 0;
    differ += one != is_shed({"t.events", 3, offset, 1}, .5) ? 1 : 0;
  }
  EXPECT_NEAR(differ, 1'500, 150);
}

}  // namespace
}  // namespace fovea::topologies
