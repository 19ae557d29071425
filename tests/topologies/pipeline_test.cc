// The pipeline as a function: records in, effects and intervals out, on the store of replays.

#include "topologies/pipeline.h"

#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "profile_store/memory_profile_store.h"
#include "scorer/learner.h"
#include "tests/topologies/small_topology.h"

namespace fovea::topologies {
namespace {

class SetClock final : public Clock {
 public:
  TimeMs time{};
  [[nodiscard]] TimeMs now() const override { return time; }
};

class PipelineTest : public testing::Test {
 protected:
  explicit PipelineTest(const std::string& more = "") : config_(small_config(more)) {
    auto learner = scorer::Learner::create(config_.model);
    FOVEA_ASSERT(learner.has_value());
    learner_ = *std::move(learner);
    reopen();
  }

  // As after a restart: nothing but what the store has.
  void reopen(PipelineSettings settings = {}) {
    auto pipeline = Pipeline::create(config_, std::move(settings));
    FOVEA_ASSERT(pipeline.has_value());
    pipeline_ = std::make_unique<Pipeline>(*std::move(pipeline));
    pipeline_->open(0, *store_->positions(0));
  }

  Effects process(const std::vector<ingest::SourceRecord>& batch) {
    auto effects = pipeline_->process(batch, *store_, *learner_->view());
    EXPECT_TRUE(effects);
    return *std::move(effects);
  }

  void commit() {
    const Interval interval = pipeline_->close_interval();
    EXPECT_TRUE(store_->apply(interval.batch));
  }

  Profile stored(const std::string& user) {
    const auto found = store_->get(0, {{user}});
    FOVEA_ASSERT(found.has_value());
    return found->front().value_or(Profile{});
  }

  Config config_;
  std::unique_ptr<scorer::Learner> learner_;
  std::unique_ptr<profile_store::ProfileStore> store_ = profile_store::make_memory_profile_store();
  std::unique_ptr<Pipeline> pipeline_;
};

using PipelineEffects = PipelineTest;

TEST_F(PipelineEffects, OneSlateAUserAndBatchCoversAllItsScorableEvents) {
  Records in(config_);

  const Effects effects =
      process({in.event("u", "view", "a", 1000), in.event("v", "view", "a", 1500),
               in.event("u", "dislike", "b", 2000), in.event("u", "like", "c", 3000)});

  ASSERT_EQ(effects.recommendations.size(), 2U);
  EXPECT_EQ(effects.recommendations[0].user.value, "v");
  const Recommendation& slate = effects.recommendations[1];
  EXPECT_EQ(slate.user.value, "u");
  EXPECT_EQ(slate.trigger.offset, 3);
  EXPECT_EQ(slate.covers, 2U);
  EXPECT_EQ(slate.event_time, TimeMs{3000});
}

TEST_F(PipelineEffects, AnExampleIsMadeBeforeItsEventIsFolded) {
  Records in(config_);

  const Effects effects =
      process({in.event("u", "view", "a", 1000), in.event("u", "view", "b", 2000)});

  ASSERT_EQ(effects.learning.size(), 2U);
  const auto& first = std::get<Example>(effects.learning[0].body);
  const auto& second = std::get<Example>(effects.learning[1].body);
  EXPECT_EQ(first.history_length, 0U);
  EXPECT_EQ(second.history_length, 1U);
  ASSERT_EQ(second.history.size(), 1U);
  EXPECT_EQ(second.history[0].item, first.item.key);
  EXPECT_EQ(second.history[0].age_ms, 1000);
  EXPECT_EQ(effects.learning[1].source.offset, 1);
}

TEST_F(PipelineEffects, AnEventAtOrBelowAppliedChangesNothing) {
  Records in(config_);
  const std::vector<ingest::SourceRecord> batch{in.event("u", "view", "a", 1000),
                                                in.event("u", "view", "b", 2000)};
  process(batch);
  commit();
  const Profile before = stored("u");
  // A task that restored its profiles from a changelog that is ahead of the input's position.
  pipeline_->open(0, std::nullopt);

  const Effects effects = process(batch);
  commit();

  EXPECT_TRUE(effects.recommendations.empty());
  EXPECT_TRUE(effects.learning.empty());
  EXPECT_EQ(pipeline_->counts().already_applied, 2U);
  EXPECT_EQ(stored("u"), before);
}

TEST_F(PipelineEffects, AProducersRepeatOfAnEventIsNeitherLearnedNorScored) {
  Records in(config_);

  const Effects effects = process({in.event("u", "view", "a", 1000, ",\"id\":\"e1\""),
                                   in.event("u", "view", "a", 1000, ",\"id\":\"e1\"")});
  commit();

  EXPECT_EQ(effects.learning.size(), 1U);
  ASSERT_EQ(effects.recommendations.size(), 1U);
  EXPECT_EQ(effects.recommendations[0].covers, 1U);
  EXPECT_EQ(stored("u").behaviour.history.size(), 1U);
  EXPECT_EQ(stored("u").behaviour.applied, 1);
}

TEST_F(PipelineEffects, WhatCannotBeReadIsADeadLetterAndThePositionGoesOn) {
  Records in(config_);

  const Effects effects = process(
      {in.raw("nonsense"), in.event("u", "view", "a", 1000), in.event("u", "forget", "", 1)});
  const Interval interval = pipeline_->close_interval();

  ASSERT_EQ(effects.dead_letters.size(), 2U);
  EXPECT_EQ(effects.dead_letters[0].topic, config_.topics.dead_letter);
  EXPECT_EQ(effects.dead_letters[0].value, "nonsense");
  EXPECT_EQ(pipeline_->counts().dead_letters.at("unsupported_type"), 1U);
  ASSERT_EQ(interval.positions.size(), 1U);
  EXPECT_EQ(interval.positions[0].next, 3);
}

TEST_F(PipelineEffects, ALateEventIsFoldedAndNotLearnedFrom) {
  Records in(config_);
  const std::int64_t hour = 3'600'000;

  const Effects effects =
      process({in.event("v", "view", "a", 2 * hour), in.event("u", "view", "b", 1000)});
  commit();

  ASSERT_EQ(effects.learning.size(), 1U);
  EXPECT_EQ(pipeline_->counts().late, 1U);
  EXPECT_EQ(stored("u").behaviour.history.size(), 1U);
  EXPECT_EQ((*store_->positions(0))->highest_event_time, TimeMs{2 * hour});
}

TEST_F(PipelineEffects, ARequestIsAnsweredAtItsPlaceAndMakesNoProfile) {
  Records in(config_);

  const Effects effects =
      process({in.event("u", "view", "a", 1000),
               in.event("u", "request", "", 2000, R"(,"request_id":"r1","k":3)"),
               in.event("u", "view", "b", 3000), in.event("guest", "request", "", 3000)});
  commit();

  ASSERT_EQ(effects.recommendations.size(), 3U);
  const Recommendation& answer = effects.recommendations[0];
  EXPECT_EQ(answer.request_id, "r1");
  EXPECT_EQ(answer.covers, 2U);
  EXPECT_EQ(effects.recommendations[1].user.value, "guest");
  EXPECT_EQ(effects.recommendations[2].covers, 1U);
  EXPECT_FALSE((*store_->get(0, {{"guest"}})).front());
}

TEST_F(PipelineEffects, TheIdIsAFunctionOfTopologyAndTrigger) {
  Records in(config_);
  const std::vector<ingest::SourceRecord> batch{in.event("u", "view", "a", 1000)};
  const std::string first = process(batch).recommendations.at(0).id;
  reopen();

  EXPECT_EQ(process(batch).recommendations.at(0).id, first);
}

TEST_F(PipelineEffects, ACatalogueChangeBecomesALearningRecordWithItsOwnSource) {
  ingest::SourceRecord item;
  item.topic = config_.topics.items;
  item.partition = 2;
  item.offset = 7;
  item.key = "a";
  item.value = R"({"id":"a","title":"A"})";

  const Effects effects = process({item});

  ASSERT_EQ(effects.learning.size(), 1U);
  EXPECT_EQ(effects.learning[0].source, (SourceCoordinates{config_.topics.items, 2, 7, 0}));
  EXPECT_EQ(std::get<ItemChange>(effects.learning[0].body).item.title, "A");
  const Interval interval = pipeline_->close_interval();
  EXPECT_TRUE(interval.batch.positions.empty());
  EXPECT_EQ(interval.positions,
            (std::vector<ingest::TopicPosition>{{{config_.topics.items, 2}, 8}}));
}

TEST_F(PipelineEffects, AForeignPartitionIsCountedAndProcessed) {
  PipelineSettings settings;
  settings.input_partitions = 4;
  reopen(settings);
  Records in(config_);
  std::vector<ingest::SourceRecord> batch;
  for (int i = 0; i < 8; ++i) batch.push_back(in.event("user" + std::to_string(i), "view", "a", i));

  const Effects effects = process(batch);

  EXPECT_EQ(effects.recommendations.size(), 8U);
  EXPECT_GT(pipeline_->counts().misrouted, 0U);
  EXPECT_LT(pipeline_->counts().misrouted, 8U);
}

class PipelineTooSoon : public PipelineTest {
 protected:
  PipelineTooSoon() : PipelineTest("min_interval = \"10s\"\n") {}
};

TEST_F(PipelineTooSoon, HeldEventsAreCoveredByTheNextSlateAlsoAfterARestart) {
  Records in(config_);
  EXPECT_EQ(process({in.event("u", "view", "a", 1000)}).recommendations.size(), 1U);
  EXPECT_TRUE(process({in.event("u", "view", "b", 2000)}).recommendations.empty());
  EXPECT_TRUE(process({in.event("u", "view", "c", 3000)}).recommendations.empty());
  commit();
  EXPECT_EQ(stored("u").served.pending_covers, 2U);
  reopen();

  const Effects effects = process({in.event("u", "view", "d", 11'000)});

  ASSERT_EQ(effects.recommendations.size(), 1U);
  EXPECT_EQ(effects.recommendations[0].covers, 3U);
  EXPECT_EQ(pipeline_->counts().covered, 3U);
}

class PipelineTooOld : public PipelineTest {
 protected:
  PipelineTooOld() { config_.emit.max_event_age_ms = 60'000; }
};

TEST_F(PipelineTooOld, ABackfillIsLearnedAndNotAnswered) {
  SetClock clock;
  clock.time = TimeMs{1'000'000};
  PipelineSettings settings;
  settings.clock = &clock;
  reopen(settings);
  Records in(config_);

  const Effects old = process({in.event("u", "view", "a", 1000)});
  const Effects live = process({in.event("u", "view", "b", 990'000)});

  EXPECT_TRUE(old.recommendations.empty());
  EXPECT_EQ(old.learning.size(), 1U);
  ASSERT_EQ(live.recommendations.size(), 1U);
  EXPECT_EQ(live.recommendations[0].covers, 2U);
  EXPECT_EQ(live.recommendations[0].emitted_at, clock.time);
}

class PipelineUnchanged : public PipelineTest {
 protected:
  PipelineUnchanged() : PipelineTest("only_if_changed = true\n") {}
};

TEST_F(PipelineUnchanged, ASlateThatIsTheSameIsNotSentAgain) {
  Records in(config_);
  EXPECT_EQ(process({in.event("u", "view", "a", 1000)}).recommendations.size(), 1U);

  const Effects effects = process({in.event("u", "view", "b", 2000)});

  EXPECT_TRUE(effects.recommendations.empty());
  EXPECT_EQ(pipeline_->counts().held, 1U);
}

}  // namespace
}  // namespace fovea::topologies
