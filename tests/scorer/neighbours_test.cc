// The neighbour memory against a plain list of all choices.

#include "scorer/neighbours.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>
#include <vector>

namespace fovea::scorer {
namespace {

struct Choice {
  std::uint64_t user;
  Slot item;
};

Query history_of(std::uint64_t user, const std::vector<Slot>& slots) {
  Query query;
  query.user = UserKey{user};
  for (const Slot slot : slots) query.history.push_back({ItemKey{slot + 1}, slot, 0});
  return query;
}

// The formula, read off a list that holds the last `ring` choices.
std::map<Slot, double> by_the_book(const std::vector<Choice>& all, std::size_t ring,
                                   std::uint64_t user, const std::vector<Slot>& history) {
  const std::vector<Choice> choices(
      all.end() - static_cast<std::ptrdiff_t>(std::min(ring, all.size())), all.end());
  struct Found {
    std::size_t anchor;
    double similarity;
  };
  std::vector<std::pair<std::uint64_t, Found>> found;
  std::vector<Slot> met;
  for (std::size_t k = 0; k < std::min<std::size_t>(5, history.size()); ++k) {
    const Slot item = history[history.size() - 1 - k];
    if (std::find(met.begin(), met.end(), item) != met.end()) continue;
    met.push_back(item);
    std::size_t walked = 0;
    for (std::size_t c = choices.size(); c-- > 0 && walked < 40;) {
      if (choices[c].item != item) continue;
      ++walked;
      if (choices[c].user == user) continue;
      auto v = std::find_if(found.begin(), found.end(),
                            [&](const auto& entry) { return entry.first == choices[c].user; });
      if (v == found.end()) {
        if (found.size() == 512) continue;
        found.push_back({choices[c].user, {c, 0.0}});
        v = found.end() - 1;
      }
      v->second.similarity += std::exp(-static_cast<double>(k) / 3.0);
    }
  }
  double sum = 0.0;
  for (const auto& [v, entry] : found) sum += entry.similarity;
  std::map<Slot, double> out;
  for (const auto& [v, entry] : found) {
    const double share = entry.similarity / (.5 + sum);
    int z = 0;
    for (std::size_t c = entry.anchor + 1; c < choices.size() && z < 5; ++c) {
      if (choices[c].user == v) out[choices[c].item] += share * std::exp(-z++ / 2.0);
    }
    z = 0;
    for (std::size_t c = entry.anchor; c-- > 0 && z < 3;) {
      if (choices[c].user == v) out[choices[c].item] += share * std::exp(-z++ / 2.0);
    }
  }
  return out;
}

std::string saved(const Neighbours& neighbours) {
  ByteWriter out;
  neighbours.save(out);
  return out.take();
}

// Few items and users, so that chains are long and the ring turns over many times.
class RandomChoices {
 public:
  explicit RandomChoices(std::uint32_t seed) : random_(seed) {}
  Choice next() { return {below(30) + 1, static_cast<Slot>(below(20))}; }
  std::vector<Slot> history() {
    std::vector<Slot> slots(below(8));
    for (Slot& slot : slots) slot = static_cast<Slot>(below(20));
    return slots;
  }

 private:
  std::uint64_t below(std::uint64_t n) { return random_() % n; }
  std::mt19937 random_;
};

constexpr std::size_t kItems = 20;

Neighbours empty(std::size_t ring) {
  Neighbours neighbours(ring);
  for (std::size_t i = 0; i < kItems; ++i) neighbours.add();
  return neighbours;
}

TEST(Neighbours, WhatAnotherUserDidAroundTheSameItem) {
  Neighbours neighbours = empty(64);
  for (const Slot item : {3U, 0U, 1U, 2U}) neighbours.observe(UserKey{7}, item);

  Neighbourhood hood;
  SparseColumns columns;
  columns.clear(kItems);
  neighbours.read(history_of(8, {0}), hood, columns);
  // sim = 1, 1 / (.5 + 1) of: 1 at once after, 2 one later, 3 just before.
  EXPECT_FLOAT_EQ(columns.find(1).neighbours, 1.0F / 1.5F);
  EXPECT_FLOAT_EQ(columns.find(2).neighbours, .60653066F / 1.5F);
  EXPECT_FLOAT_EQ(columns.find(3).neighbours, 1.0F / 1.5F);
  EXPECT_EQ(columns.find(0).neighbours, 0.0F);

  columns.clear(kItems);
  neighbours.read(history_of(7, {0}), hood, columns);
  EXPECT_TRUE(columns.lines().empty()) << "nobody is a neighbour of oneself";
}

TEST(Neighbours, IsTheFormulaOnAnyStreamWhileTheRingTurnsOver) {
  for (const std::size_t ring : {8U, 64U, 1024U}) {
    RandomChoices random(static_cast<std::uint32_t>(ring));
    Neighbours neighbours = empty(ring);
    Neighbourhood hood;
    SparseColumns columns;
    std::vector<Choice> all;
    for (int i = 0; i < 600; ++i) {
      const Choice choice = random.next();
      all.push_back(choice);
      neighbours.observe(UserKey{choice.user}, choice.item);
      const std::uint64_t user = random.next().user;
      const auto history = random.history();
      columns.clear(kItems);
      neighbours.read(history_of(user, history), hood, columns);
      const auto expected = by_the_book(all, ring, user, history);
      for (Slot item = 0; item < kItems; ++item) {
        const auto found = expected.find(item);
        const double value = found == expected.end() ? 0.0 : found->second;
        ASSERT_NEAR(static_cast<double>(columns.find(item).neighbours), value, 1e-5 * (1 + value))
            << "ring " << ring << ", choice " << i << ", item " << item;
        float sum = 0.0F;
        for (const float part : neighbours.parts(hood, item)) sum += part;
        ASSERT_NEAR(static_cast<double>(sum), value, 1e-5 * (1 + value));
      }
    }
  }
}

TEST(Neighbours, AnEntrysPartIsLostWithTheEntry) {
  Neighbours neighbours = empty(64);
  for (const Slot item : {0U, 5U}) neighbours.observe(UserKey{1}, item);
  for (const Slot item : {1U, 5U}) neighbours.observe(UserKey{2}, item);

  Neighbourhood hood;
  SparseColumns columns;
  columns.clear(kItems);
  neighbours.read(history_of(9, {0, 1}), hood, columns);
  const auto parts = neighbours.parts(hood, 5);
  const float scale = 1.0F / (.5F + 1.0F + .71653131F);
  EXPECT_FLOAT_EQ(parts[0], scale) << "the newest entry, 1, found user 2";
  EXPECT_FLOAT_EQ(parts[1], .71653131F * scale) << "the one before, 0, found user 1";
}

TEST(Neighbours, ASavedRingGoesOnAsTheOneThatWasSaved) {
  for (const std::size_t ring : {16U, 4096U}) {
    RandomChoices random(5);
    Neighbours neighbours = empty(ring);
    Neighbours restored = empty(ring);
    for (int i = 0; i < 1000; ++i) {
      if (i == 500) {
        const std::string bytes = saved(neighbours);
        ByteReader in(bytes);
        restored.load(in, kItems);
        ASSERT_TRUE(in.at_end());
      }
      const Choice choice = random.next();
      neighbours.observe(UserKey{choice.user}, choice.item);
      if (i < 500) continue;
      restored.observe(UserKey{choice.user}, choice.item);
      Neighbourhood hood;
      const Query query = history_of(1, random.history());
      SparseColumns one;
      SparseColumns other;
      one.clear(kItems);
      other.clear(kItems);
      neighbours.read(query, hood, one);
      restored.read(query, hood, other);
      for (Slot item = 0; item < kItems; ++item) {
        ASSERT_EQ(one.find(item).neighbours, other.find(item).neighbours);
      }
    }
    EXPECT_EQ(saved(neighbours), saved(restored));
  }
}

TEST(Neighbours, AViewReadsAsTheLearnerDidWhenItWasCopied) {
  RandomChoices random(6);
  Neighbours neighbours = empty(64);
  Neighbours view(64);
  for (int i = 0; i < 300; ++i) {
    // Sometimes more than the ring holds between two copies.
    for (int n = 0; n < (i % 50 == 0 ? 100 : 3); ++n) {
      const Choice choice = random.next();
      neighbours.observe(UserKey{choice.user}, choice.item);
    }
    neighbours.copy_changed(view, 1);
    Neighbourhood hood;
    const Query query = history_of(1, random.history());
    SparseColumns one;
    SparseColumns other;
    one.clear(kItems);
    other.clear(kItems);
    neighbours.read(query, hood, one);
    view.read(query, hood, other);
    for (Slot item = 0; item < kItems; ++item) {
      ASSERT_EQ(one.find(item).neighbours, other.find(item).neighbours) << "round " << i;
    }
  }
}

}  // namespace
}  // namespace fovea::scorer
