// A slate as text: every part is there, in order of weight.

#include "topologies/slate_text.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea::topologies {
namespace {

RecommendedItem item_with_parts() {
  RecommendedItem item;
  item.item.id = "m1";
  item.title = "Alien";
  item.rank = 1;
  item.score = 2.25;
  item.attention = 0.5F;
  Explanation why;
  why.bias = 0.25;
  why.user = -0.5;
  why.history.push_back({ItemKey{7}, "m7", EventType::kPlay, 180'000, 0.75F, 2.0});
  why.features.push_back({"popularity", 0.5});
  item.why = why;
  return item;
}

TEST(SlateText, ListsEveryPartStrongestFirst) {
  const std::string text = draw_slate({item_with_parts()}, {});

  const auto history = text.find("play m7, 3 min ago, attention 75 %");
  const auto feature = text.find("popularity");
  const auto bias = text.find("bias of the item");
  ASSERT_NE(history, std::string::npos) << text;
  ASSERT_NE(bias, std::string::npos) << text;
  EXPECT_LT(history, feature);
  EXPECT_LT(feature, bias);
  EXPECT_NE(text.find("m1  Alien   score 2.2500   attention 50.0 %"), std::string::npos) << text;
  EXPECT_NE(text.find("+2.0000  ████████████████████████\n"), std::string::npos) << text;
  EXPECT_NE(text.find("-0.5000  ░░░░░░\n"), std::string::npos) << text;
}

TEST(SlateText, SumsWhatItDoesNotList) {
  SlateTextOptions options;
  options.parts_max = 1;

  const std::string text = draw_slate({item_with_parts()}, options);

  EXPECT_NE(text.find("3 smaller parts"), std::string::npos) << text;
  EXPECT_NE(text.find("+0.2500"), std::string::npos) << text;
}

TEST(SlateText, DrawsASlateWithoutReasons) {
  RecommendedItem item = item_with_parts();
  item.why.reset();

  EXPECT_EQ(draw_slate({item}, {}), "  1  m1  Alien   score 2.2500   attention 50.0 %\n");
}

TEST(SlateText, SaysAgesAndTimesAsPeopleDo) {
  EXPECT_EQ(age_text(-5), "0 s");
  EXPECT_EQ(age_text(119'000), "119 s");
  EXPECT_EQ(age_text(3'600'000), "60 min");
  EXPECT_EQ(age_text(5 * 3'600'000), "5 h");
  EXPECT_EQ(age_text(std::int64_t{14} * 86'400'000), "14 d");
  EXPECT_EQ(time_text(TimeMs{1'767'225'600'000}), "2026-01-01 00:00:00");
}

}  // namespace
}  // namespace fovea::topologies
