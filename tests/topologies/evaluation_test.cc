// The protocol of an evaluation on logs small enough to check by hand, and on a generated one.

#include "topologies/evaluation.h"

#include <gtest/gtest.h>

#include <cmath>

#include "ingest/keys.h"
#include "tests/topologies/small_topology.h"
#include "topologies/generated_log.h"

namespace fovea::topologies {
namespace {

Event event(const std::string& user, const std::string& item, std::int64_t time,
            EventType type = EventType::kView) {
  Event made;
  made.user = {user};
  made.type = type;
  made.item = {ingest::item_key(item), item};
  made.event_time = TimeMs{time};
  return made;
}

class EvaluationTest : public testing::Test {
 protected:
  Evaluation evaluation(Evaluation::Settings settings = {},
                        const std::string& baselines = "popularity:half_life=1") {
    settings.baselines = *baselines::parse_specs(baselines);
    auto created = Evaluation::create(config_, settings);
    FOVEA_ASSERT(created.has_value());
    return *std::move(created);
  }

  static void step(Evaluation& evaluation, const std::vector<Event>& events) {
    Offset offset = static_cast<Offset>(evaluation.figures().events);
    for (const Event& made : events) {
      ASSERT_TRUE(evaluation.step(made, {"t.events", 0, offset++, 0}));
    }
  }

  Config config_ = small_config();
};

TEST_F(EvaluationTest, CountsEventsOfUsersWithAHistoryAndItemsThatWereChosenBefore) {
  auto run = evaluation();

  step(run, {event("u", "a", 1000),                       // no history
             event("u", "b", 2000),                       // new item
             event("v", "a", 3000),                       // no history
             event("v", "b", 4000),                       // eligible
             event("v", "a", 5000, EventType::kDislike),  // not positive
             event("u", "a", 6000),                       // eligible
             event("u", "a", 6000, EventType::kPlay)});   // a type that does not teach

  EXPECT_EQ(run.figures().events, 7U);
  EXPECT_EQ(run.figures().eligible, 2U);
  EXPECT_EQ(run.figures().scored, 2U);
  EXPECT_EQ(run.learner().stats().examples, 6U);
}

TEST_F(EvaluationTest, EveryKthCountsEligibleEvents) {
  Evaluation::Settings settings;
  settings.every = 2;
  auto run = evaluation(settings);
  step(run, {event("u", "a", 1000), event("u", "b", 2000)});

  step(run, {event("u", "a", 3000), event("u", "a", 4000), event("u", "b", 5000)});

  EXPECT_EQ(run.figures().eligible, 3U);
  EXPECT_EQ(run.figures().scored, 2U);
}

TEST_F(EvaluationTest, AnEventIsPredictedBeforeItIsLearned) {
  auto run = evaluation();
  step(run, {event("u", "a", 1000), event("w", "b", 1500)});

  // To popularity both items were chosen once; had the event been learned first, b would lead.
  step(run, {event("u", "b", 2000)});

  ASSERT_EQ(run.figures().scored, 1U);
  const BaselineFigures& popularity = run.figures().baselines.front();
  EXPECT_DOUBLE_EQ(popularity.ranking.hr_10.value(), 1);
  EXPECT_EQ(run.learner().stats().examples, 3U);
}

TEST_F(EvaluationTest, AProducersRepeatIsNotScored) {
  auto run = evaluation();
  Event repeated = event("u", "b", 3000);
  repeated.id = "e1";
  step(run, {event("u", "a", 1000), event("u", "b", 2000), repeated});
  EXPECT_EQ(run.figures().scored, 1U);

  step(run, {repeated});

  EXPECT_EQ(run.figures().eligible, 1U);
}

TEST_F(EvaluationTest, AnItemThatTheViewHasNotMetIsAMiss) {
  Evaluation::Settings settings;
  settings.publish_every.events = 1'000;
  auto run = evaluation(settings);

  step(run, {event("u", "a", 1000), event("u", "b", 2000), event("u", "a", 3000)});

  EXPECT_EQ(run.figures().scored, 1U);
  EXPECT_EQ(run.figures().unknown_to_view, 1U);
  EXPECT_EQ(run.figures().model.ranking.hr_20.value(), 0);
}

TEST_F(EvaluationTest, TheCatalogueMakesNoCandidateBeforeItWasChosen) {
  Evaluation::Settings settings;
  settings.only_chosen = true;
  auto run = evaluation(settings);
  for (int i = 0; i < 50; ++i) {
    ItemChange change;
    const std::string id = std::to_string(i);
    change.item.item = {ingest::item_key(id), id};
    ASSERT_TRUE(run.learn_item(change, {"t.items", 0, i, 0}));
  }
  step(run, {event("u", "a", 1000), event("u", "b", 2000)});

  const auto rank = run.rank(*run.user("u"), TimeMs{3000}, ingest::item_key("a"));

  ASSERT_TRUE(rank);
  EXPECT_LT(*rank, 2);
}

TEST_F(EvaluationTest, EveryScoredEventIsInEveryFigure) {
  auto run = evaluation({}, "popularity,transitions");
  step(run, {event("u", "a", 1'000), event("u", "b", 2'000), event("v", "a", 3'000),
             event("v", "b", 4'000), event("v", "a", 50'000'000)});

  const EvaluationFigures& figures = run.figures();
  ASSERT_EQ(figures.scored, 2U);
  EXPECT_EQ(figures.items, 2U);
  EXPECT_EQ(figures.choices, 5U);
  for (const BaselineFigures& baseline : figures.baselines) {
    EXPECT_EQ(baseline.ranking.ndcg_10.count(), 2U) << baseline.name;
    EXPECT_EQ(baseline.model_minus.count(), 2U) << baseline.name;
  }
  EXPECT_EQ(figures.paired.users(), 1U);
  ASSERT_EQ(figures.curve.windows().size(), 1U);
  EXPECT_EQ(figures.curve.windows()[0].count, 2U);
  EXPECT_EQ(figures.curve.windows()[0].last, TimeMs{50'000'000});
  // Both items were shown each time: two of two, alike.
  EXPECT_EQ(figures.model.exposure.coverage(figures.items), 1);
  EXPECT_EQ(figures.model.exposure.gini(figures.items), 0);
}

TEST_F(EvaluationTest, WhereSeenItemsAreExcludedNoBaselineIsShownTwiceOrForNothing) {
  EXPECT_EQ(evaluation({}, "stan,recently-viewed").figures().baselines.size(), 3U);
  config_ = small_config("[slate]\nseen = \"exclude\"\n");
  const auto run = evaluation({}, "stan,recently-viewed");
  ASSERT_EQ(run.figures().baselines.size(), 1U);
  EXPECT_EQ(run.figures().baselines[0].name, "stan");
}

TEST_F(EvaluationTest, EventsAreClassedByItemAndByHistory) {
  auto run = evaluation();
  std::vector<Event> events = {event("u", "a", 0), event("u", "b", 1'000)};
  for (int i = 0; i < 6; ++i) events.push_back(event("w" + std::to_string(i), "a", 2'000));
  events.push_back(event("u", "a", 2 * 3'600'000));  // 7 choices before, 2 h after the first
  step(run, events);

  const auto class_of = [&](std::size_t strata) {
    for (const Stratum& stratum : run.figures().strata[strata].parts) {
      if (stratum.model.ndcg_10.count() == 1) return stratum.name;
    }
    return std::string();
  };
  EXPECT_EQ(class_of(0), "6-20");
  EXPECT_EQ(class_of(1), "1 d");
  EXPECT_EQ(class_of(2), "2-3");
  EXPECT_EQ(class_of(3), "1 d");
}

TEST_F(EvaluationTest, LearningBeatsPopularityWhereTasteExplainsWhatComesNext) {
  GeneratedLogSettings world;
  world.users = 100;
  world.items = 120;
  GeneratedLog log(world);
  config_.model.half_life_s = 600;
  auto run = evaluation();

  Offset offset = 0;
  for (int i = 0; i < 8'000; ++i) {
    Event made = log.next().event;
    if (made.type == EventType::kPlay) made.type = EventType::kView;
    ASSERT_TRUE(run.step(made, {"t.events", 0, offset++, 0}));
  }

  const EvaluationFigures& figures = run.figures();
  EXPECT_GT(figures.model.ranking.ndcg_10.value(),
            2 * figures.baselines[0].ranking.ndcg_10.value());
  EXPECT_GT(figures.baselines[0].model_minus.value(),
            10 * figures.baselines[0].model_minus.error());
}

TEST(RankingFigures, AreWhatTheFormulasSay) {
  EXPECT_DOUBLE_EQ(ndcg10(0), 1);
  EXPECT_DOUBLE_EQ(ndcg10(1), 1 / std::log2(3.0));
  EXPECT_DOUBLE_EQ(ndcg10(10), 0);
  EXPECT_DOUBLE_EQ(ndcg10(std::nullopt), 0);
  EXPECT_DOUBLE_EQ(hit(9, 10), 1);
  EXPECT_DOUBLE_EQ(hit(10, 10), 0);
  EXPECT_DOUBLE_EQ(mrr20(3), 0.25);
  EXPECT_DOUBLE_EQ(mrr20(20), 0);
}

TEST(RankingFigures, StandardErrorIsThatOfTheMean) {
  Mean mean;
  for (const double value : {1.0, 2.0, 3.0, 4.0}) mean.add(value);

  EXPECT_DOUBLE_EQ(mean.value(), 2.5);
  EXPECT_NEAR(mean.error(), std::sqrt(5.0 / 3.0 / 4.0), 1e-12);
}

}  // namespace
}  // namespace fovea::topologies
