#include "scorer/item_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "scorer/random.h"

namespace fovea::scorer {
namespace {

// Every key that may be in it, against the slow and obvious map.
void expect_same(const ItemIndex& index, const std::map<ItemKey, Slot>& oracle,
                 const std::vector<ItemKey>& keys) {
  for (const ItemKey key : keys) {
    const auto found = oracle.find(key);
    ASSERT_EQ(index.find(key), found == oracle.end() ? kNoSlot : found->second) << value(key);
  }
}

// Keys that differ in few bits, low or high, as well as keys that are hashes.
std::vector<ItemKey> some_keys() {
  std::vector<ItemKey> keys;
  for (std::uint64_t k = 0; k < 150; ++k) {
    for (const std::uint64_t key : {k, k << 56U, mix64(k)}) keys.push_back(ItemKey{key});
  }
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  return keys;
}

TEST(ItemIndex, FindsNothingWhenEmpty) {
  EXPECT_EQ(ItemIndex().find(ItemKey{0}), kNoSlot);
  ItemIndex index;
  EXPECT_TRUE(index.assign({}));
  EXPECT_EQ(index.find(ItemKey{0}), kNoSlot);
}

TEST(ItemIndex, IsAMapThroughEveryGrowthAndChangeOfHands) {
  const std::vector<ItemKey> keys = some_keys();
  ItemIndex index;
  std::map<ItemKey, Slot> oracle;
  Random random(1, 0);
  const auto below = [&](std::size_t n) { return random.below(static_cast<std::uint32_t>(n)); };
  for (int step = 0; step < 3'000; ++step) {
    const ItemKey key = keys[below(keys.size())];
    if (oracle.contains(key)) continue;
    if (index.size() < 200) {
      oracle[key] = static_cast<Slot>(index.size());
      index.add(key);
    } else {
      const auto slot = Slot{below(index.size())};
      oracle.erase(index.key(slot));
      oracle[key] = slot;
      index.set(slot, key);
    }
    expect_same(index, oracle, keys);
    EXPECT_EQ(index.key(oracle[key]), key);
  }
  ItemIndex anew;
  ASSERT_TRUE(anew.assign(index.keys()));
  expect_same(anew, oracle, keys);
}

// As a view is brought up to date: items have moved between rows, which come in any order, and
// before the last of them an item may be in two.
TEST(ItemIndex, RowsMayBeGivenInAnyOrder) {
  const std::vector<ItemKey> keys = some_keys();
  Random random(2, 0);
  const auto below = [&](std::size_t n) { return random.below(static_cast<std::uint32_t>(n)); };
  for (int round = 0; round < 200; ++round) {
    std::vector<ItemKey> before = keys;
    std::vector<ItemKey> now = keys;
    for (std::size_t i = keys.size(); i-- > 1;) {
      std::swap(before[i], before[below(i + 1)]);
      std::swap(now[i], now[below(i + 1)]);
    }
    before.resize(40);
    now.resize(60);
    ItemIndex index;
    ASSERT_TRUE(index.assign(before));
    for (std::size_t slot = before.size(); slot < now.size(); ++slot) index.add(now[slot]);
    std::map<ItemKey, Slot> oracle;
    for (Slot slot = 0; slot < now.size(); ++slot) oracle[now[slot]] = slot;
    for (std::size_t k = 0; k < before.size(); ++k) {
      const auto slot = static_cast<Slot>((k * 7 + static_cast<std::size_t>(round)) % 40);
      index.set(slot, now[slot]);
    }
    expect_same(index, oracle, keys);
    EXPECT_EQ(index.keys(), now);
  }
}

TEST(ItemIndex, RefusesTheSameKeyTwice) {
  ItemIndex index;
  EXPECT_FALSE(index.assign({ItemKey{7}, ItemKey{8}, ItemKey{7}}));
  EXPECT_EQ(index.size(), 0U);
  EXPECT_EQ(index.find(ItemKey{8}), kNoSlot);
}

}  // namespace
}  // namespace fovea::scorer
