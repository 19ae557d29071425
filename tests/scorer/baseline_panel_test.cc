// Baselines beside one another: their names, their ranks, and who is left out.

#include "scorer/baselines/panel.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>

#include "scorer/baselines/count_row.h"
#include "tests/scorer/small_stream.h"

namespace fovea::baselines {
namespace {

using scorer::small_key;

Behaviour had(const std::vector<std::uint64_t>& items) {
  Behaviour behaviour;
  for (const std::uint64_t item : items) {
    behaviour.history.push_back({small_key(item)});
    behaviour.own_items.push_back({small_key(item)});
  }
  return behaviour;
}

Panel panel(const std::string& specs) {
  auto parsed = parse_specs(specs);
  FOVEA_ASSERT(parsed.has_value());
  return {*parsed, 100.0};
}

constexpr UserKey kUser{7};

TEST(BaselineSpecs, ANameStandsForWhatIsShownOfIt) {
  const auto specs = parse_specs("popularity,stan:neighbours=7,isgd");
  ASSERT_TRUE(specs);
  std::vector<std::string> texts;
  for (const Spec& spec : *specs) texts.push_back(spec.text);
  EXPECT_EQ(texts, (std::vector<std::string>{
                       "popularity:half_life=0", "popularity:half_life=8", "popularity:half_life=1",
                       "popularity:half_life=0.125", "popularity:half_life=0.03",
                       "popularity:half_life=0.125:seen=0", "stan:neighbours=7", "isgd"}));
  EXPECT_EQ((*specs)[6].value("neighbours"), 7);
  EXPECT_EQ((*specs)[6].value("sample"), 500);
}

TEST(BaselineSpecs, AllHasEveryKindAndEachCanBeMade) {
  const auto specs = parse_specs("all");
  ASSERT_TRUE(specs);
  for (const Kind& kind : kinds()) {
    EXPECT_TRUE(std::any_of(specs->begin(), specs->end(), [&](const Spec& spec) {
      return spec.kind == &kind && make_baseline(spec, 100.0) != nullptr;
    })) << kind.name;
  }
  EXPECT_TRUE(parse_specs("none")->empty());
}

TEST(BaselineSpecs, TheReadmeHasEveryParameter) {
  std::ifstream in(FOVEA_SOURCE_DIR "/scorer/baselines/README.md");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  for (const Kind& kind : kinds()) {
    EXPECT_NE(text.find(fmt::format("| `{}` | {} |", kind.name, kind.source)), std::string::npos)
        << kind.name;
    for (const Parameter& parameter : kind.parameters) {
      const std::string row = fmt::format("| `{}` | `{}` | {} | {} |", kind.name, parameter.name,
                                          parameter.value, parameter.meaning);
      EXPECT_NE(text.find(row), std::string::npos) << row;
    }
  }
}

TEST(BaselineSpecs, TheWordAtFaultIsNamed) {
  const auto refusal = [](const char* text) { return parse_specs(text).error().message; };
  EXPECT_EQ(refusal("popularty"),
            "no baseline is called popularty: popularity, transitions, item-cosine, vsknn, stan, "
            "isgd, bpr, recently-viewed, count-blend");
  EXPECT_EQ(refusal("stan:k=5"), "stan has no parameter k");
  EXPECT_EQ(refusal("stan:last=many"), "stan: last=many is not a number from 1 to 50");
  EXPECT_EQ(refusal("stan:last=0"), "stan: last=0 is not a number from 1 to 50");
  EXPECT_EQ(refusal("stan:last"), "stan: last is not a number from 1 to 50");
}

TEST(BaselinePanel, TiesCountAgainstTheTarget) {
  Panel asked = panel("popularity:half_life=1,transitions:lags=5,bpr:rate=0.000001");
  for (std::uint64_t item = 0; item < 5; ++item)
    asked.observe(kUser, {}, small_key(item), TimeMs{7});
  const auto answers = asked.ask(kUser, {}, TimeMs{7}, small_key(3), false);
  EXPECT_EQ(answers[0].rank, 4);
  EXPECT_EQ(answers[1].rank, 4);
}

TEST(BaselinePanel, WhatTheUserHadIsNoRivalAndTheTargetStaysIn) {
  Panel asked = panel("popularity:half_life=1,transitions:lags=5");
  for (std::uint64_t item = 0; item < 5; ++item)
    asked.observe(kUser, {}, small_key(item), TimeMs{7});
  for (const Answer& answer :
       asked.ask(kUser, had({0, 1, 3, 999}), TimeMs{7}, small_key(3), true)) {
    EXPECT_EQ(answer.rank, 2);
    for (const ItemIndex item : answer.slate) EXPECT_GE(item, 2U);
  }
}

TEST(BaselinePanel, ABaselineMayLeaveOutWhatTheTopologyAllows) {
  Panel asked = panel("popularity:seen=0");
  for (std::uint64_t item = 0; item < 5; ++item)
    asked.observe(kUser, {}, small_key(item), TimeMs{7});
  EXPECT_EQ(asked.ask(kUser, had({0, 1}), TimeMs{7}, small_key(3), false)[0].rank, 2);
  // It would never have shown this one.
  EXPECT_FALSE(asked.ask(kUser, had({0, 1}), TimeMs{7}, small_key(1), false)[0].rank);
}

TEST(BaselinePanel, WhatWasNeverObservedHasNoAnswer) {
  Panel asked = panel("popularity:half_life=1");
  EXPECT_TRUE(asked.ask(kUser, {}, TimeMs{7}, small_key(1), false).empty());
  asked.observe(kUser, {}, small_key(1), TimeMs{7});
  EXPECT_TRUE(asked.ask(kUser, {}, TimeMs{7}, small_key(2), false).empty());
  EXPECT_EQ(asked.ask(kUser, {}, TimeMs{7}, small_key(1), false)[0].rank, 0);
}

TEST(BaselinePanel, SlatesAreTheBestTenByScoreThenByAge) {
  Panel asked = panel("popularity:half_life=0,transitions:lags=1");
  for (std::uint64_t item = 0; item < 15; ++item) {
    asked.observe(kUser, {}, small_key(item), TimeMs{7});
  }
  asked.observe(kUser, had({3}), small_key(12), TimeMs{8});
  const auto answers = asked.ask(kUser, had({3}), TimeMs{9}, small_key(1), false);
  EXPECT_EQ(answers[0].slate, (std::vector<ItemIndex>{12, 0, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(answers[1].slate, (std::vector<ItemIndex>{12}));  // it knows of no other
}

TEST(BaselinePanel, CountsChoices) {
  Panel asked = panel("none");
  asked.observe(kUser, {}, small_key(5), TimeMs{7});
  asked.observe(kUser, {}, small_key(5), TimeMs{7});
  asked.observe(kUser, {}, small_key(6), TimeMs{7});
  EXPECT_EQ(asked.item_count(), 2U);
  EXPECT_EQ(asked.choices(*asked.find(small_key(5))), 2U);
  EXPECT_EQ(asked.all_choices(), 3U);
}

TEST(CountRow, HoldsWhatWasAdded) {
  CountRow row;
  for (ItemIndex item = 0; item < 1'000; ++item) row.at(item * 7) += static_cast<float>(item);
  for (ItemIndex item = 0; item < 1'000; ++item) row.at(item * 7) += 1.0F;
  std::size_t met = 0;
  row.each([&](ItemIndex item, float weight) {
    EXPECT_EQ(weight, static_cast<float>(item) / 7.0F + 1.0F);
    ++met;
  });
  EXPECT_EQ(met, 1'000U);
  EXPECT_EQ(row.size(), 1'000U);
}

}  // namespace
}  // namespace fovea::baselines
