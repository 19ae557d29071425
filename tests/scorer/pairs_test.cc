// The pair memory by hand-computed rows.

#include "scorer/pairs.h"

#include <gtest/gtest.h>

#include <vector>

namespace fovea::scorer {
namespace {

constexpr std::size_t kItems = 100;

// A history of slots, oldest first.
Query history_of(const std::vector<Slot>& slots) {
  Query query;
  for (const Slot slot : slots) query.history.push_back({ItemKey{slot + 1}, slot, 0});
  return query;
}

float read(const Pairs& pairs, const std::vector<Slot>& history, Slot item) {
  SparseColumns columns;
  columns.clear(kItems);
  pairs.read(history_of(history), columns);
  return columns.find(item).pairs;
}

std::string saved(const Pairs& pairs) {
  ByteWriter out;
  pairs.save(out);
  return out.take();
}

TEST(Pairs, AChoiceCountsForTheNewestWithEachOfTheTwoBefore) {
  Pairs pairs(1024);
  pairs.observe(history_of({0, 1, 2}), 9);

  // row(2, 1) = {9: 1}, row(2, 0) = {9: .5}.
  EXPECT_FLOAT_EQ(read(pairs, {1, 2}, 9), 1.0F / 2.0F);
  EXPECT_FLOAT_EQ(read(pairs, {0, 2}, 9), .5F / 1.5F);
  EXPECT_FLOAT_EQ(read(pairs, {0, 1, 2}, 9), 1.0F / 2.0F + .5F * .5F / 1.5F);
  EXPECT_EQ(read(pairs, {2, 1}, 9), 0.0F) << "order matters";
  EXPECT_EQ(read(pairs, {2}, 9), 0.0F) << "one item is no pair";
}

TEST(Pairs, PartsAddUpToWhatIsRead) {
  Pairs pairs(1024);
  pairs.observe(history_of({0, 1, 2}), 9);
  pairs.observe(history_of({3, 1, 2}), 9);
  pairs.observe(history_of({1, 2}), 8);

  const Query query = history_of({0, 1, 2});
  for (const Slot item : {8U, 9U, 7U}) {
    EXPECT_FLOAT_EQ(pairs.part(query, 0, item) + pairs.part(query, 1, item),
                    read(pairs, {0, 1, 2}, item));
  }
  EXPECT_EQ(pairs.part(history_of({2}), 0, 9), 0.0F);
}

TEST(Pairs, AFullRowGivesUpItsSmallest) {
  Pairs pairs(1024);
  for (Slot item = 10; item < 26; ++item) pairs.observe(history_of({1, 2}), item);
  pairs.observe(history_of({1, 2}), 10);
  pairs.observe(history_of({1, 2}), 50);

  EXPECT_FLOAT_EQ(read(pairs, {1, 2}, 10), 2.0F / 19.0F);
  EXPECT_EQ(read(pairs, {1, 2}, 11), 0.0F) << "the first of the smallest";
  EXPECT_FLOAT_EQ(read(pairs, {1, 2}, 50), 1.0F / 19.0F);
}

TEST(Pairs, AnotherPairTakesARowOverOnlyWhenItsTotalHasHalvedBelowOne) {
  Pairs pairs(1);  // every pair meets every other
  for (int i = 0; i < 3; ++i) pairs.observe(history_of({1, 2}), 9);

  pairs.observe(history_of({3, 4}), 8);  // 3 -> 1.5: stays
  EXPECT_EQ(read(pairs, {3, 4}, 8), 0.0F);
  EXPECT_FLOAT_EQ(read(pairs, {1, 2}, 9), 3.0F / 2.5F);
  pairs.observe(history_of({3, 4}), 8);  // 1.5 -> .75: goes
  EXPECT_FLOAT_EQ(read(pairs, {3, 4}, 8), 1.0F / 2.0F);
  EXPECT_EQ(read(pairs, {1, 2}, 9), 0.0F);
  EXPECT_EQ(read(pairs, {3, 4}, 9), 0.0F) << "what followed the pair before it";
}

TEST(Pairs, ASavedTableGoesOnAsTheOneThatWasSaved) {
  Pairs pairs(64);
  Pairs restored(64);
  std::uint32_t state = 1;
  const auto next = [&] { return state = state * 1664525U + 1013904223U, state >> 24U; };
  for (int i = 0; i < 2000; ++i) {
    if (i == 1000) {
      const std::string bytes = saved(pairs);
      ByteReader in(bytes);
      restored.load(in, 256);
      ASSERT_TRUE(in.at_end());
    }
    const Query query = history_of({next() % 8, next() % 8, next() % 8});
    const Slot item = next();
    pairs.observe(query, item);
    if (i >= 1000) restored.observe(query, item);
  }
  EXPECT_EQ(saved(pairs), saved(restored));
}

TEST(Pairs, AViewHasWhatChanged) {
  Pairs pairs(64);
  Pairs view(64);
  for (Slot round = 0; round < 5; ++round) {
    pairs.observe(history_of({round, 1, 2}), 9);
    pairs.copy_changed(view, 0);
    EXPECT_EQ(saved(view), saved(pairs));
  }
}

TEST(Pairs, RefusesASnapshotWithItemsItDoesNotHave) {
  Pairs pairs(64);
  pairs.observe(history_of({1, 2}), 9);
  const std::string bytes = saved(pairs);
  ByteReader in(bytes);
  Pairs restored(64);
  restored.load(in, 9);
  EXPECT_TRUE(in.failed());
}

}  // namespace
}  // namespace fovea::scorer
