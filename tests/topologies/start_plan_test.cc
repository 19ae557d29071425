// Where a partition starts: the table of start_plan.h, row by row.

#include "topologies/start_plan.h"

#include <gtest/gtest.h>

namespace fovea::topologies {
namespace {

const profile_store::PartitionPositions kStored{100, 40, TimeMs{0}, TimeMs{0}};

TEST(StartPlan, TheLastOwnerGoesOnFromItsStore) {
  for (const std::optional<Offset> committed : {std::optional<Offset>(), {90}, {100}}) {
    const StartPlan plan = plan_start(kStored, committed);

    EXPECT_FALSE(plan.restore);
    EXPECT_EQ(plan.start, 100);
  }
}

TEST(StartPlan, WhereAnotherProcessWentOnTheChangelogIsCaughtUpWith) {
  const StartPlan plan = plan_start(kStored, 101);

  EXPECT_TRUE(plan.restore);
  EXPECT_EQ(plan.changelog_from, 40);
  EXPECT_EQ(plan.start, 101);
}

TEST(StartPlan, ACopyIsCaughtUpAndTheGroupSaysWhereTheInputStands) {
  const profile_store::PartitionPositions copy{kNoOffset, 40, TimeMs{0}, TimeMs{0}};
  for (const std::optional<Offset> committed :
       {std::optional<Offset>(), std::optional<Offset>(7)}) {
    const StartPlan plan = plan_start(copy, committed);
    EXPECT_TRUE(plan.restore);
    EXPECT_EQ(plan.changelog_from, 40);
    EXPECT_EQ(plan.start, committed);
  }
}

TEST(StartPlan, WithoutAStoreTheWholeChangelogIsRestored) {
  const StartPlan plan = plan_start(std::nullopt, 7);

  EXPECT_TRUE(plan.restore);
  EXPECT_EQ(plan.changelog_from, 0);
  EXPECT_EQ(plan.start, 7);
  EXPECT_FALSE(plan_start(std::nullopt, std::nullopt).start);
}

}  // namespace
}  // namespace fovea::topologies
