// The transition memory by hand-computed rows.

#include "scorer/transitions.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorer/random.h"

namespace fovea::scorer {
namespace {

// A history of slots, oldest first, a second apart.
Query history_of(const std::vector<Slot>& slots) {
  Query query;
  for (std::size_t k = 0; k < slots.size(); ++k) {
    query.history.push_back(
        {ItemKey{slots[k]}, slots[k], static_cast<std::int64_t>(slots.size() - k) * 1000});
  }
  query.history_length = static_cast<std::uint32_t>(slots.size());
  return query;
}

struct Read {
  SparseColumns columns;
  TransitionWeights weights;
};

Read read(const Transitions& transitions, const Query& query, std::size_t item_count) {
  Read out;
  out.columns.clear(item_count);
  out.weights = transitions.read(query, out.columns);
  return out;
}

class TransitionsOf : public testing::Test {
 protected:
  static Transitions with_items(std::size_t row_max, std::size_t items) {
    Transitions transitions(row_max, 50);
    for (std::size_t i = 0; i < items; ++i) transitions.add();
    return transitions;
  }
};

TEST_F(TransitionsOf, OneChoiceAfterOneItem) {
  Transitions transitions = with_items(10, 3);
  transitions.observe(history_of({0}), 1);

  // T[0] = {1: 1}, total 1, increment 1.02 after the update; beta = 1.
  const Read after = read(transitions, history_of({0}), 3);
  EXPECT_FLOAT_EQ(after.columns.find(1).follows, 1.0F / (1.0F + 5.0F * 1.02F));
  EXPECT_FLOAT_EQ(after.weights.backoff, 5.0F * 1.02F / (1.0F + 5.0F * 1.02F));
  EXPECT_FLOAT_EQ(transitions.mass(0), 1.0F / 1.02F);
  EXPECT_EQ(transitions.mass(1), 0.0F);
  // R[1] = {0: 1} does not forget.
  const Read before = read(transitions, history_of({1}), 3);
  EXPECT_FLOAT_EQ(before.columns.find(0).precedes, 1.0F / 6.0F);
  EXPECT_EQ(before.columns.find(0).follows, 0.0F);
}

TEST_F(TransitionsOf, OlderItemsCountInversely) {
  Transitions transitions = with_items(10, 8);
  transitions.observe(history_of({0, 1, 2, 3, 4, 5}), 6);

  // The newest is 5: weight 1; 4: 1/2; 3: 1/3; 2: 1/4; 1: 1/5; 0 is too old.
  EXPECT_FLOAT_EQ(transitions.mass(5), 1.0F / 1.02F);
  EXPECT_FLOAT_EQ(transitions.mass(4), 1.0F / 2.0F);
  EXPECT_FLOAT_EQ(transitions.mass(1), 1.0F / 5.0F);
  EXPECT_EQ(transitions.mass(0), 0.0F);
  const float total = 1.0F + 1.0F / 2 + 1.0F / 3 + 1.0F / 4 + 1.0F / 5;
  const Read after = read(transitions, history_of({6}), 8);
  EXPECT_FLOAT_EQ(after.columns.find(3).precedes, 1.0F / 3.0F / (total + 5.0F));
}

TEST_F(TransitionsOf, ARowForgetsTwoPercentAnUpdate) {
  Transitions transitions = with_items(10, 3);
  transitions.observe(history_of({0}), 1);
  for (int i = 0; i < 10; ++i) transitions.observe(history_of({0}), 2);

  const Read after = read(transitions, history_of({0}), 3);
  const double newest = std::pow(1.02, 10.0);  // increment of the last of the eleven
  double twos = 0.0;
  for (int i = 1; i <= 10; ++i) twos += std::pow(1.02, i);
  EXPECT_NEAR(static_cast<double>(after.columns.find(1).follows / after.columns.find(2).follows),
              1.0 / twos, 1e-6);
  EXPECT_NEAR(static_cast<double>(transitions.mass(0)), (1.0 + twos) / (newest * 1.02), 1e-5);
}

TEST_F(TransitionsOf, SharesSurviveTheRescalingOfALongRow) {
  Transitions transitions = with_items(10, 3);
  // 1.02^2000 is far beyond float32 without rescaling.
  for (int i = 0; i < 2000; ++i) transitions.observe(history_of({0}), i % 2 == 0 ? 1 : 2);

  const Read after = read(transitions, history_of({0}), 3);
  const float one = after.columns.find(1).follows;
  const float two = after.columns.find(2).follows;
  EXPECT_NEAR(two / one, 1.02F, 1e-4F);
  // A geometric series: total / increment -> 1 / .02, and 5 increments of prior.
  EXPECT_NEAR(one + two, 50.0F / 55.0F, 1e-3F);
}

TEST_F(TransitionsOf, TheSmallestEntryGivesWayInAFullRow) {
  Transitions transitions = with_items(2, 5);
  transitions.observe(history_of({0}), 1);
  transitions.observe(history_of({0}), 1);
  transitions.observe(history_of({0}), 2);
  transitions.observe(history_of({0}), 3);

  const Read after = read(transitions, history_of({0}), 5);
  EXPECT_GT(after.columns.find(1).follows, 0.0F);
  EXPECT_EQ(after.columns.find(2).follows, 0.0F);
  EXPECT_GT(after.columns.find(3).follows, 0.0F);
}

TEST_F(TransitionsOf, AnItemIsNotItsOwnSuccessor) {
  Transitions transitions = with_items(10, 3);
  transitions.observe(history_of({1, 0, 1}), 1);

  EXPECT_EQ(transitions.mass(1), 0.0F);
  EXPECT_FLOAT_EQ(transitions.mass(0), .5F);
}

TEST_F(TransitionsOf, ValuesSplitIntoTheirPartsExactly) {
  Transitions transitions = with_items(10, 40);
  Random random(5, 0);
  for (int i = 0; i < 2000; ++i) {
    std::vector<Slot> slots;
    for (int k = 0; k < 7; ++k) slots.push_back(random.below(40));
    transitions.observe(history_of(slots), random.below(40));
  }
  for (int i = 0; i < 50; ++i) {
    std::vector<Slot> slots;
    for (std::uint32_t k = 0; k < 1 + random.below(9); ++k) slots.push_back(random.below(40));
    Query query = history_of(slots);
    if (i % 3 == 0) query.history.front().slot = kNoSlot;
    const Read found = read(transitions, query, 40);
    float beta = 0.0F;
    for (const float b : found.weights.beta) beta += b;
    EXPECT_NEAR(beta, 1.0F, 1e-5F);
    for (Slot item = 0; item < 40; ++item) {
      float follows = 0.0F;
      float precedes = 0.0F;
      for (std::size_t k = 0; k < query.history.size(); ++k) {
        follows += transitions.follows(query, found.weights, k, item);
        precedes += transitions.precedes(query, found.weights, k, item);
      }
      EXPECT_NEAR(follows, found.columns.find(item).follows, 1e-6F);
      EXPECT_NEAR(precedes, found.columns.find(item).precedes, 1e-6F);
    }
  }
}

TEST_F(TransitionsOf, SharesAndBackOffAreAllThereIs) {
  Transitions transitions = with_items(100, 40);
  Random random(6, 0);
  for (int i = 0; i < 500; ++i) {
    transitions.observe(history_of({random.below(40), random.below(40)}), random.below(40));
  }
  const Read found = read(transitions, history_of({1, 2, 3}), 40);
  float sum = found.weights.backoff;
  for (const SparseLine& line : found.columns.lines()) sum += line.follows;
  EXPECT_NEAR(sum, 1.0F, 1e-4F);
}

TEST_F(TransitionsOf, NothingIsKnownOfAnUnknownItem) {
  Transitions transitions = with_items(10, 3);
  const Read found = read(transitions, history_of({kNoSlot}), 3);
  EXPECT_TRUE(found.columns.lines().empty());
  EXPECT_EQ(found.weights.backoff, 1.0F);
  EXPECT_EQ(transitions.mass(kNoSlot), 0.0F);
}

TEST_F(TransitionsOf, LoadingGivesTheSavedRowsAndRefusesForeignOnes) {
  Transitions transitions = with_items(10, 5);
  for (Slot item = 1; item < 5; ++item) transitions.observe(history_of({0, item}), item - 1);
  ByteWriter saved;
  transitions.save(saved);

  Transitions loaded(10, 50);
  ByteReader in(saved.bytes());
  loaded.load(in, 5);
  EXPECT_TRUE(in.at_end());
  ByteWriter again;
  loaded.save(again);
  EXPECT_EQ(saved.bytes(), again.bytes());

  ByteReader fewer(saved.bytes());
  Transitions(10, 50).load(fewer, 3);
  EXPECT_FALSE(fewer.at_end());
  ByteReader narrower(saved.bytes());
  Transitions(1, 50).load(narrower, 5);
  EXPECT_TRUE(narrower.failed());
}

}  // namespace
}  // namespace fovea::scorer
