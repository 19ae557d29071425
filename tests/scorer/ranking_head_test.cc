// The head: nothing at first, and what a step moves, by hand-computed values.

#include "scorer/ranking_head.h"

#include <gtest/gtest.h>

#include <cmath>

namespace fovea::scorer {
namespace {

// Adagrad's first step, from a sum of .01.
float move(float rate, float gradient) {
  return -rate * gradient / std::sqrt(.01F + gradient * gradient);
}

class RankingHeadOf : public testing::Test {
 protected:
  void learn(const QueryOwnItem* item, float gradient, float match) {
    head.gather(x, item, repeat, gradient, match);
    head.step(moment);
  }

  RankingHead head{Parts{}};
  MomentBuckets moment{9, 2, 4};
  RepeatBuckets repeat{2, 1, 4, 3};
  FeatureValues x{};
  QueryOwnItem own{1, 3, 60'000, 2};
  QueryOwnItem older{1, 0, 86'400'000, 2};
};

TEST_F(RankingHeadOf, StartsAtNothing) {
  EXPECT_EQ(head.slopes(moment), FeatureValues{});
  EXPECT_EQ(head.curve(Feature::kFollows, -1.0F), 0.0F);
  for (const QueryOwnItem* item :
       {static_cast<const QueryOwnItem*>(nullptr), static_cast<const QueryOwnItem*>(&own),
        static_cast<const QueryOwnItem*>(&older)}) {
    EXPECT_EQ(head.had_before(item, repeat), 0.0F);
    EXPECT_EQ(head.gate(item, moment), 0.0F);
  }
}

TEST_F(RankingHeadOf, AStepMovesSlopesAtTheirRates) {
  x[index(Feature::kAge)] = 4.0F;
  learn(nullptr, -.5F, 2.0F);
  const float gradient = -.5F * 4.0F;
  // w_f and the three that go by the moment.
  EXPECT_NEAR(head.slopes(moment)[index(Feature::kAge)],
              move(.03F, gradient) + 3.0F * move(.015F, gradient), 1e-6F);
  EXPECT_NEAR(head.slopes({0, 0, 0})[index(Feature::kAge)], move(.03F, gradient), 1e-6F);
}

TEST_F(RankingHeadOf, WhatIsNotInTheHistoryMovesTheGateOfTheMoment) {
  learn(nullptr, -.5F, 2.0F);
  const float gate = head.gate(nullptr, moment);
  EXPECT_NEAR(gate, 3.0F * move(.012F, -1.0F), 1e-6F);
  EXPECT_EQ(head.gate(&older, moment), gate);
  EXPECT_EQ(head.gate(&own, moment), 0.0F);
  EXPECT_EQ(head.gate(nullptr, {0, 0, 0}), 0.0F);
  EXPECT_EQ(head.had_before(&own, repeat), 0.0F);
}

TEST_F(RankingHeadOf, AnOwnItemMovesTheTablesAndTheGateOfItsLagClass) {
  learn(&own, -.5F, 2.0F);
  EXPECT_NEAR(head.had_before(&own, repeat), 4.0F * move(.03F, -.5F), 1e-6F);
  EXPECT_NEAR(head.gate(&own, moment), move(.03F, -1.0F), 1e-6F);
  const QueryOwnItem another{1, 4, 60'000, 2};
  EXPECT_EQ(head.had_before(&another, repeat), 0.0F);
  EXPECT_EQ(head.gate(&another, moment), 0.0F);
  EXPECT_EQ(head.gate(nullptr, moment), 0.0F);
}

TEST_F(RankingHeadOf, WhatWasGatheredMovesOnce) {
  learn(nullptr, -.5F, 2.0F);
  const FeatureValues slopes = head.slopes(moment);
  const float gate = head.gate(nullptr, moment);
  head.step(moment);
  EXPECT_EQ(head.slopes(moment), slopes);
  EXPECT_EQ(head.gate(nullptr, moment), gate);
}

TEST_F(RankingHeadOf, LeavesOutFeaturesOfPartsThatAreOff) {
  Parts parts;
  parts.memory = false;
  head = RankingHead(parts);
  x.fill(1.0F);
  learn(nullptr, -.5F, 0.0F);
  EXPECT_EQ(head.slopes(moment)[index(Feature::kFollows)], 0.0F);
  EXPECT_EQ(head.curve(Feature::kFollows, 1.0F), 0.0F);
  EXPECT_GT(head.slopes(moment)[index(Feature::kNeighbours)], 0.0F);
}

TEST_F(RankingHeadOf, ComesBackFromItsBytes) {
  x.fill(1.0F);
  learn(nullptr, -.5F, 2.0F);
  learn(&own, .25F, 1.0F);
  ByteWriter saved;
  head.save(saved);
  RankingHead loaded{Parts{}};
  ByteReader in(saved.bytes());
  loaded.load(in);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(loaded.slopes(moment), head.slopes(moment));
  EXPECT_EQ(loaded.curve(Feature::kPairs, 1.0F), head.curve(Feature::kPairs, 1.0F));
  for (const QueryOwnItem* item :
       {static_cast<const QueryOwnItem*>(nullptr), static_cast<const QueryOwnItem*>(&own)}) {
    EXPECT_EQ(loaded.had_before(item, repeat), head.had_before(item, repeat));
    EXPECT_EQ(loaded.gate(item, moment), head.gate(item, moment));
  }
}

}  // namespace
}  // namespace fovea::scorer
