// What settings are refused, and that each of them names another model.

#include "scorer/model_settings.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <set>

#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

using Change = std::function<void(ModelSettings&)>;

TEST(ModelSettings, TheDefaultsWithAPositiveTypeAreFine) {
  ModelSettings settings;
  settings.positive.insert(EventType::kClick);
  EXPECT_TRUE(check(settings));
  EXPECT_TRUE(check(small_settings()));
}

TEST(ModelSettings, WhatIsOutOfRangeIsRefusedByKeyAndValue) {
  struct Case {
    Change change;
    std::string key, value;
  };
  const Case cases[] = {
      {[](auto& s) { s.dim = 0; }, "model.dim", "0"},
      {[](auto& s) { s.dim = 257; }, "model.dim", "257"},
      {[](auto& s) { s.history_max = 201; }, "model.history_max", "201"},
      {[](auto& s) { s.history_max = 0; }, "model.history_max", "0"},
      {[](auto& s) { s.example_history_max = 31; }, "model.example_history_max", "31"},
      {[](auto& s) { s.negatives = 1; }, "model.negatives", "1"},
      {[](auto& s) { s.negatives = 1025; }, "model.negatives", "1025"},
      {[](auto& s) { s.transition_row_max = 0; }, "model.transition_row_max", "0"},
      {[](auto& s) { s.recent_items_max = 99; }, "model.recent_items_max", "99"},
      {[](auto& s) { s.warmup_examples = -1; }, "model.warmup_examples", "-1"},
      {[](auto& s) { s.pair_rows = 0; }, "model.pair_rows", "0"},
      {[](auto& s) { s.pair_rows = 1000; }, "model.pair_rows", "1000"},
      {[](auto& s) { s.neighbour_ring = 1 << 25; }, "model.neighbour_ring", "33554432"},
      {[](auto& s) { s.half_life_s = .5; }, "model.half_life", "0.5"},
      {[](auto& s) { s.half_life_s = NAN; }, "model.half_life", "nan"},
      {[](auto& s) { s.half_life_s = INFINITY; }, "model.half_life", "inf"},
      {[](auto& s) { s.positive = {}; }, "events.learn.positive", ""},
      {[](auto& s) { s.negative.insert(EventType::kClick); }, "events.learn.negative", ""},
  };
  for (const Case& wrong : cases) {
    ModelSettings settings = small_settings();
    wrong.change(settings);
    const auto checked = check(settings);
    ASSERT_FALSE(checked) << wrong.key << " = " << wrong.value;
    EXPECT_EQ(checked.error().disposition, Disposition::kStop);
    EXPECT_NE(checked.error().message.find(wrong.key), std::string::npos)
        << checked.error().message;
    EXPECT_NE(checked.error().message.find(wrong.value), std::string::npos)
        << checked.error().message;
  }
}

TEST(ModelSettings, EverySettingNamesAnotherModel) {
  const Change changes[] = {
      [](auto&) {},
      [](auto& s) { s.topology = "other"; },
      [](auto& s) { ++s.dim; },
      [](auto& s) { ++s.history_max; },
      [](auto& s) { --s.example_history_max; },
      [](auto& s) { s.half_life_s += 1e-9 * s.half_life_s; },
      [](auto& s) { s.exclude_seen = true; },
      [](auto& s) { ++s.negatives; },
      [](auto& s) { ++s.transition_row_max; },
      [](auto& s) { ++s.recent_items_max; },
      [](auto& s) { ++s.warmup_examples; },
      [](auto& s) { s.context_fields.clear(); },
      [](auto& s) {
        s.context_fields = {"hour", "device"};
      },
      [](auto& s) { s.context_fields = {"devicehour"}; },
      [](auto& s) { s.positive.insert(EventType::kView); },
      [](auto& s) { s.negative.insert(EventType::kSkip); },
      [](auto& s) { s.parts.learning = false; },
      [](auto& s) { s.parts.attention = false; },
      [](auto& s) { s.parts.memory = false; },
      [](auto& s) { s.parts.pairs = false; },
      [](auto& s) { s.parts.neighbours = false; },
      [](auto& s) { s.pair_rows *= 2; },
      [](auto& s) { s.neighbour_ring *= 2; },
      [](auto& s) { s.parts.repeat = false; },
      [](auto& s) { s.parts.content = false; },
      [](auto& s) { s.parts.ranking = false; },
  };
  std::set<std::uint64_t> ids;
  for (const Change& change : changes) {
    ModelSettings settings = small_settings();
    change(settings);
    EXPECT_TRUE(ids.insert(model_id(settings)).second);
  }
}

TEST(ModelSettings, TheSameSettingsNameTheSameModel) {
  EXPECT_EQ(model_id(small_settings()), model_id(small_settings()));
}

}  // namespace
}  // namespace fovea::scorer
