// Candidates against the inclusion probabilities they carry, over many draws.

#include "scorer/negatives.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>

#include "scorer/seen_filter.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

// A model that has learned for a while, the items of its last choices, and a question to it.
struct Asked {
  explicit Asked(const ModelSettings& settings)
      : stream(settings),
        learner(new_learner(settings)),
        recent(static_cast<std::size_t>(settings.recent_items_max)) {
    for (Offset position = 0; position < 1500; ++position) {
      const LearningRecord record = stream.next();
      fold(*learner, record, position);
      const auto* example = std::get_if<Example>(&record.body);
      if (example != nullptr && example->positive) {
        const Slot slot = model().catalogue.find(example->item.key);
        recent.add(slot, model().item_count());
        chosen.add(slot);
      }
    }
    make_query(model(), UserKey{0}, stream.users[0], stream.now(), moment.query);
    prepare(model(), kernels(fastest_kernel_level()), moment);
  }
  [[nodiscard]] const Model& model() const { return learner->model(); }

  std::vector<Candidate> draw(Slot target, std::uint64_t round, std::string_view seen = {}) {
    std::vector<Candidate> candidates;
    Random random(11, round);
    sample_candidates(model(), moment, recent, chosen, target, seen, random, index, candidates);
    for (const Candidate& candidate : candidates) index[candidate.slot] = 0;
    return candidates;
  }

  SmallStream stream;
  std::unique_ptr<Learner> learner;
  RecentItems recent;
  ChosenItems chosen;
  Moment moment;
  CandidateIndex index;
};

TEST(Negatives, AreDrawnAsOftenAsTheirCorrectionSays) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  Asked asked(settings);
  constexpr int kRounds = 20'000;
  const Slot target = 5;
  std::map<Slot, int> drawn;
  std::map<Slot, double> inclusion;
  for (int round = 0; round < kRounds; ++round) {
    for (const Candidate& candidate : asked.draw(target, static_cast<std::uint64_t>(round))) {
      ++drawn[candidate.slot];
      inclusion[candidate.slot] = std::exp(-static_cast<double>(candidate.log_correction));
    }
  }
  EXPECT_EQ(drawn[target], kRounds);
  drawn.erase(target);
  ASSERT_EQ(drawn.size() + 1, asked.model().item_count());
  for (const auto& [slot, count] : drawn) {
    const double p = inclusion[slot];
    const double sigma = std::sqrt(p * (1.0 - p) / kRounds);
    // exp(-n q) stands for (1 - q)^n, whose difference is below n q^2 / 2 e^(-n q): .004 here.
    EXPECT_NEAR(static_cast<double>(count) / kRounds, p, 4.5 * sigma + .004) << "item " << slot;
  }
}

TEST(Negatives, ProposalsAreMoreLikelyThanTheRest) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  Asked asked(settings);
  double proposed = 0.0, others = 0.0;
  int proposed_count = 0, other_count = 0;
  for (int round = 0; round < 200; ++round) {
    for (const Candidate& candidate : asked.draw(5, static_cast<std::uint64_t>(round))) {
      const bool known = asked.moment.columns.find(candidate.slot).follows > .02F;
      (known ? proposed : others) += static_cast<double>(candidate.log_correction);
      ++(known ? proposed_count : other_count);
    }
  }
  ASSERT_GT(proposed_count, 100);
  ASSERT_GT(other_count, 100);
  EXPECT_LT(proposed / proposed_count, others / other_count - .5);
}

TEST(Negatives, TheTargetIsFirstAndNothingIsThereTwice) {
  Asked asked(small_settings());
  for (std::uint64_t round = 0; round < 500; ++round) {
    const auto target = static_cast<Slot>(round % asked.model().item_count());
    const auto candidates = asked.draw(target, round);
    EXPECT_EQ(candidates.front().slot, target);
    std::set<Slot> slots;
    for (const Candidate& candidate : candidates) {
      EXPECT_TRUE(slots.insert(candidate.slot).second);
      EXPECT_GE(candidate.log_correction, -1e-6F);
    }
  }
}

TEST(Negatives, TheLatestEightOwnItemsAreAlwaysIn) {
  Asked asked(small_settings());
  ASSERT_GT(asked.moment.query.own_items.size(), 8U);
  for (std::uint64_t round = 0; round < 200; ++round) {
    const auto candidates = asked.draw(5, round);
    for (std::size_t k = 0; k < 8; ++k) {
      const Slot own = asked.moment.query.own_items[k].slot;
      const auto found = std::find_if(candidates.begin(), candidates.end(),
                                      [&](const auto& c) { return c.slot == own; });
      ASSERT_NE(found, candidates.end());
      EXPECT_EQ(found->log_correction, 0.0F);
    }
  }
  const Slot newest = asked.moment.query.own_items[0].slot;
  EXPECT_EQ(asked.draw(newest, 0).front().log_correction, 0.0F);
}

TEST(Negatives, WhatTheUserHasHadIsNoNegativeWhereSeenItemsAreExcluded) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  Asked asked(settings);
  const std::vector<OwnItem>& own_items = asked.stream.users[0].own_items;
  const std::string filter = make_seen_filter(own_items);
  for (std::uint64_t round = 0; round < 500; ++round) {
    for (const Candidate& candidate : asked.draw(5, round, filter)) {
      const ItemKey key = asked.model().catalogue.key(candidate.slot);
      const bool had = std::any_of(own_items.begin(), own_items.end(),
                                   [&](const OwnItem& own) { return own.item == key; });
      EXPECT_TRUE(!had || candidate.slot == 5);
    }
  }
}

TEST(Negatives, WithoutMemoryAllAreDrawn) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  settings.parts.memory = false;
  Asked asked(settings);
  std::size_t count = 0;
  for (std::uint64_t round = 0; round < 100; ++round) count += asked.draw(5, round).size();
  EXPECT_GT(count, 1000U);
}

TEST(Negatives, WhatNobodyHasChosenIsNone) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  Asked asked(settings);
  ItemChange announced;
  announced.item.item = small_item(1'000);
  announced.item.categories = {"group-0"};  // as items of the history are
  LearningRecord record;
  record.source = {"items", 0, 1'000'000, 0};
  record.body = announced;
  fold(*asked.learner, record, 1500);
  prepare(asked.model(), kernels(fastest_kernel_level()), asked.moment);
  const Slot slot = asked.model().catalogue.find(small_key(1'000));
  for (std::uint64_t round = 0; round < 500; ++round) {
    for (const Candidate& candidate : asked.draw(5, round)) EXPECT_NE(candidate.slot, slot);
  }
}

TEST(ChosenItems, AreThereOnceUntilTheyAreRemoved) {
  ChosenItems chosen;
  for (const Slot slot : {4U, 0U, 4U, 7U, 2U}) chosen.add(slot);
  EXPECT_EQ(chosen.size(), 4U);
  chosen.remove(0);
  chosen.remove(1);
  std::set<Slot> held;
  for (std::size_t i = 0; i < chosen.size(); ++i) held.insert(chosen.at(i));
  EXPECT_EQ(held, (std::set<Slot>{2, 4, 7}));
  EXPECT_FALSE(chosen.contains(0));
  EXPECT_FALSE(chosen.contains(100));

  ByteWriter saved;
  chosen.save(saved);
  ChosenItems loaded;
  ByteReader in(saved.bytes());
  loaded.load(in, 8);
  EXPECT_TRUE(in.at_end());
  for (std::size_t i = 0; i < chosen.size(); ++i) EXPECT_EQ(loaded.at(i), chosen.at(i));
  ByteReader too_few_items(saved.bytes());
  loaded.load(too_few_items, 7);
  EXPECT_TRUE(too_few_items.failed());
}

TEST(RecentItems, ForgetsTheOldestAndCountsTheRest) {
  RecentItems recent(3);
  for (const Slot slot : {0U, 1U, 1U, 2U}) recent.add(slot, 4);
  EXPECT_EQ(recent.size(), 3U);
  EXPECT_EQ(recent.count(0), 0U);
  EXPECT_EQ(recent.count(1), 2U);
  EXPECT_EQ(recent.count(2), 1U);
  EXPECT_EQ(recent.count(100), 0U);

  ByteWriter saved;
  recent.save(saved);
  RecentItems loaded(3);
  ByteReader in(saved.bytes());
  loaded.load(in, 4);
  EXPECT_TRUE(in.at_end());
  recent.add(3, 4);
  loaded.add(3, 4);
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(loaded.at(i), recent.at(i));
}

}  // namespace
}  // namespace fovea::scorer
