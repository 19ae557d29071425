// How much an event teaches.

#include "topologies/event_step.h"

#include <gtest/gtest.h>

#include "topologies/config.h"

namespace fovea::topologies {
namespace {

Config graded_config() {
  Config config;
  config.name = "t";
  config.model.positive = EventTypeSet();
  for (const EventType type : {EventType::kRate, EventType::kPlay}) {
    config.model.positive.insert(type);
  }
  config.grades[EventType::kRate] = {1.0F, 5.0F};
  return config;
}

Event event(EventType type, std::optional<float> value) {
  Event event;
  event.type = type;
  event.item.id = "i";
  event.item.key = ItemKey{7};
  event.event_time = TimeMs{1'000};
  event.value = value;
  return event;
}

TEST(EventStep, AValueTeachesInProportionBetweenTheTwoOfItsGrade) {
  const Config config = graded_config();
  EXPECT_EQ(graded(config, event(EventType::kRate, .5F)), 0.0F);
  EXPECT_EQ(graded(config, event(EventType::kRate, 1.0F)), 0.0F);
  EXPECT_EQ(graded(config, event(EventType::kRate, 2.0F)), .25F);
  EXPECT_EQ(graded(config, event(EventType::kRate, 5.0F)), 1.0F);
  EXPECT_EQ(graded(config, event(EventType::kRate, 9.0F)), 1.0F);
  EXPECT_EQ(graded(config, event(EventType::kRate, std::nullopt)), 1.0F) << "nothing was said";
  EXPECT_EQ(graded(config, event(EventType::kPlay, .1F)), 1.0F) << "its type has no grade";
}

TEST(EventStep, TheExampleHasTheGradeAndTheHistoryTheValue) {
  Behaviour behaviour;
  TimeMs highest{};
  const auto step =
      step_event(graded_config(), event(EventType::kRate, 2.0F), UserKey{1}, highest, behaviour);
  ASSERT_TRUE(step.example);
  EXPECT_EQ(step.example->strength, .25F);
  ASSERT_EQ(behaviour.history.size(), 1U);
  EXPECT_EQ(behaviour.history[0].strength, 2.0F);
}

}  // namespace
}  // namespace fovea::topologies
