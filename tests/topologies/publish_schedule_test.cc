// When views change, as a function of the stream alone.

#include "topologies/publish_schedule.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::topologies {
namespace {

std::vector<bool> due(PublishEvery every, const std::vector<std::int64_t>& times) {
  PublishSchedule schedule(every);
  std::vector<bool> answers;
  for (const std::int64_t time : times) answers.push_back(schedule.due(TimeMs{time}));
  return answers;
}

TEST(PublishSchedule, NoLimitIsEveryEvent) {
  EXPECT_EQ(due({}, {1, 1, 2}), (std::vector<bool>{true, true, true}));
}

TEST(PublishSchedule, EventsOfTheSameSecondSeeTheSameView) {
  EXPECT_EQ(due({.time_ms = 1000, .events = 0}, {0, 0, 999, 1000, 1000, 1999, 2000}),
            (std::vector<bool>{true, false, false, true, false, false, true}));
}

TEST(PublishSchedule, EverySoManyEvents) {
  EXPECT_EQ(due({.time_ms = 0, .events = 3}, {0, 0, 0, 0, 0, 0, 0}),
            (std::vector<bool>{true, false, false, true, false, false, true}));
}

}  // namespace
}  // namespace fovea::topologies
