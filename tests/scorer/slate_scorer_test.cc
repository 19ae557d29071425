// Slates and ranks: that the dense pass is the model, who is a candidate, and in what order.

#include "scorer/slate_scorer.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "scorer/model.h"
#include "scorer/model_info.h"
#include "scorer/top_k.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

ModelSettings seen_excluded() {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  return settings;
}

// A model that has learned for a while, and its users.
struct Learned {
  explicit Learned(const ModelSettings& settings, int count = 2000)
      : stream(settings), learner(new_learner(settings)), scorer(settings) {
    fold(*learner, stream, count);
  }
  [[nodiscard]] const Model& model() const { return learner->model(); }
  [[nodiscard]] SlateRequest request(std::int32_t size = 1000) const {
    SlateRequest out;
    out.now = stream.now();
    out.size = size;
    out.explain = ExplainLevel::kOff;
    return out;
  }
  // Folds a change of the catalogue.
  void change(const ItemChange& item_change) {
    LearningRecord record;
    record.source = {"items", 9, ++changes, 0};
    record.body = item_change;
    fold(*learner, record, learner->stamp().position + 1);
  }

  SmallStream stream;
  std::unique_ptr<Learner> learner;
  SlateScorer scorer;
  Offset changes = 0;
};

std::vector<std::uint64_t> keys(const std::vector<RecommendedItem>& slate) {
  std::vector<std::uint64_t> out;
  for (const RecommendedItem& item : slate) out.push_back(value(item.item.key));
  return out;
}

bool holds(const std::vector<RecommendedItem>& slate, ItemKey key) {
  return std::any_of(slate.begin(), slate.end(), [&](const auto& i) { return i.item.key == key; });
}

// ---- scores ----

TEST(SlateScorer, ScoresEveryItemAsTheModelDoes) {
  for (const bool with_overlay : {false, true}) {
    for (const ModelSettings& settings : {small_settings(), seen_excluded()}) {
      Learned learned(settings);
      for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
        const Behaviour& behaviour = learned.stream.users[user];
        const std::vector<RecentChoice> choices = {{small_key(3), learned.stream.now()},
                                                   {small_key(50), learned.stream.now()},
                                                   {small_key(3), learned.stream.now()}};
        SlateRequest request = learned.request();
        if (with_overlay) request.overlay = choices;

        const auto slate = learned.scorer.slate(learned.model(), behaviour, request);

        Moment moment;
        make_query(learned.model(), request.user, behaviour, request.now, moment.query);
        const Kernels& fast = kernels(fastest_kernel_level());
        prepare(learned.model(), fast, moment);
        ASSERT_GT(slate.size(), 20U);
        for (const RecommendedItem& item : slate) {
          const Slot slot = learned.model().catalogue.find(item.item.key);
          ItemCounts counts = learned.model().popularity.counts(slot);
          for (const RecentChoice& choice : request.overlay) {
            if (choice.item != item.item.key) continue;
            learned.model().popularity.observe(counts,
                                               static_cast<double>(value(choice.time)) / 1000.0);
          }
          const double exact =
              static_cast<double>(item_terms(learned.model(), fast, moment, slot, counts).score);
          EXPECT_NEAR(item.score, exact, 1e-4 * (1.0 + std::fabs(exact))) << item.item.id;
        }
      }
    }
  }
}

TEST(SlateScorer, AnOverlayChangesTheOwnItemsOnly) {
  Learned learned(small_settings());
  const Behaviour& behaviour = learned.stream.users[2];
  SlateRequest request = learned.request();
  const auto before = learned.scorer.slate(learned.model(), behaviour, request);
  const std::vector<RecentChoice> choices = {{small_key(7), learned.stream.now()},
                                             {small_key(123'456), learned.stream.now()}};
  request.overlay = choices;
  const auto after = learned.scorer.slate(learned.model(), behaviour, request);

  ASSERT_EQ(before.size(), after.size());
  for (const RecommendedItem& old : before) {
    const auto item = std::find_if(after.begin(), after.end(),
                                   [&](const auto& i) { return i.item.key == old.item.key; });
    ASSERT_NE(item, after.end());
    if (old.item.key == small_key(7)) {
      EXPECT_NE(item->score, old.score);
    } else {
      EXPECT_EQ(item->score, old.score);
    }
  }
  EXPECT_EQ(learned.model().popularity.count(learned.model().catalogue.find(small_key(7))),
            choice_count(learned.model(), small_key(7)));
}

TEST(SlateScorer, GivesTheSameOrderTwiceAndFromAFreshScorer) {
  Learned learned(small_settings());
  const Behaviour& behaviour = learned.stream.users[2];
  const auto first = keys(learned.scorer.slate(learned.model(), behaviour, learned.request()));
  (void)learned.scorer.slate(learned.model(), learned.stream.users[9], learned.request(3));
  EXPECT_EQ(keys(learned.scorer.slate(learned.model(), behaviour, learned.request())), first);
  SlateScorer fresh(small_settings());
  EXPECT_EQ(keys(fresh.slate(learned.model(), behaviour, learned.request())), first);
}

// ---- form ----

TEST(SlateScorer, IsSortedRankedAndSharesTheAttention) {
  Learned learned(small_settings());
  Moment moment;
  make_query(learned.model(), learned.request().user, learned.stream.users[4],
             learned.request().now, moment.query);
  prepare(learned.model(), kernels(fastest_kernel_level()), moment);
  // Without its head, which is there: it orders, and makes what is first look surer than it is.
  const auto base = [&](const RecommendedItem& item) {
    const Slot slot = learned.model().catalogue.find(item.item.key);
    const ItemTerms terms = item_terms(learned.model(), kernels(fastest_kernel_level()), moment,
                                       slot, learned.model().popularity.counts(slot));
    EXPECT_NE(terms.base, terms.score);
    return static_cast<double>(terms.base);
  };
  for (const double temperature : {.5, 1.0, 4.0}) {
    SlateRequest request = learned.request(10);
    request.temperature = temperature;
    const auto slate = learned.scorer.slate(learned.model(), learned.stream.users[4], request);
    ASSERT_EQ(slate.size(), 10U);
    double sum = 0.0;
    for (std::size_t i = 0; i < slate.size(); ++i) {
      EXPECT_EQ(slate[i].rank, static_cast<std::int32_t>(i) + 1);
      EXPECT_FALSE(slate[i].item.id.empty());
      EXPECT_FALSE(slate[i].why);
      if (i > 0) {
        EXPECT_GE(slate[i - 1].score, slate[i].score);
        const double ratio = std::exp((base(slate[i]) - base(slate[i - 1])) / temperature);
        EXPECT_NEAR(static_cast<double>(slate[i].attention / slate[i - 1].attention), ratio,
                    1e-4 * (1.0 + ratio));
      }
      sum += static_cast<double>(slate[i].attention);
    }
    EXPECT_NEAR(sum, 1.0, 1e-5);
  }
}

// Before anything is learned the probabilities are the softmax over what has been chosen: that of
// all candidates sums to 1.
TEST(SlateScorer, TheProbabilitiesOfAllItemsSumToOneUntilTheyAreCalibrated) {
  ModelSettings settings = seen_excluded();
  settings.parts.learning = false;
  Learned learned(settings);
  for (const Behaviour& behaviour : learned.stream.users) {
    double sum = 0.0;
    double before = 1.0;
    for (const RecommendedItem& item :
         learned.scorer.slate(learned.model(), behaviour, learned.request())) {
      sum += static_cast<double>(item.probability);
      EXPECT_LE(static_cast<double>(item.probability), before);
      before = static_cast<double>(item.probability);
    }
    EXPECT_NEAR(sum, 1.0, 1e-4);
  }
}

TEST(SlateScorer, ProbabilitiesAreCalibratedAsTheModelIs) {
  Learned learned(small_settings());
  const Behaviour& behaviour = learned.stream.users[0];
  const auto all = learned.scorer.slate(learned.model(), behaviour, learned.request());
  double sum = 0.0;
  for (const RecommendedItem& item : all) sum += std::exp(item.score - all[0].score);
  ASSERT_GT(all.size(), 3U);
  for (const std::size_t i : {std::size_t{0}, all.size() - 1}) {
    const double own = std::exp(all[i].score - all[0].score);
    EXPECT_NEAR(all[i].probability,
                learned.model().calibration.probability(std::log(own / (sum - own))),
                1e-5 * static_cast<double>(all[i].probability))
        << i;
  }
  EXPECT_NE(learned.model().calibration.probability(-1.0), Calibration().probability(-1.0));
}

// An announced item is no part of the sum, and has what its score would have if it were.
TEST(SlateScorer, AnItemNobodyHasChosenYetHasAProbability) {
  Learned learned(small_settings());
  ItemChange change;
  change.item.item = small_item(900);
  learned.change(change);
  const auto all =
      learned.scorer.slate(learned.model(), learned.stream.users[0], learned.request());
  double sum = 0.0;
  const RecommendedItem* announced = nullptr;
  for (const RecommendedItem& item : all) {
    if (item.item.key == small_key(900)) announced = &item;
    if (item.item.key != small_key(900)) sum += std::exp(item.score);
  }
  ASSERT_NE(announced, nullptr);
  EXPECT_NEAR(announced->probability,
              learned.model().calibration.probability(announced->score - std::log(sum)),
              1e-5 * static_cast<double>(announced->probability));
}

TEST(SlateScorer, WhereNobodyHasChosenAnythingNoProbabilityIsGiven) {
  Learned learned(small_settings(), 0);
  ItemChange change;
  change.item.item = small_item(900);
  learned.change(change);
  const auto all =
      learned.scorer.slate(learned.model(), learned.stream.users[0], learned.request());
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].probability, 0.0F);
}

TEST(SlateScorer, ASmallSlateIsTheBeginningOfALargeOne) {
  Learned learned(small_settings());
  const Behaviour& behaviour = learned.stream.users[4];
  const auto all = keys(learned.scorer.slate(learned.model(), behaviour, learned.request()));
  for (const std::int32_t size : {0, 1, 7, 59, 60, 61}) {
    auto some = all;
    some.resize(std::min(all.size(), static_cast<std::size_t>(size)));
    EXPECT_EQ(keys(learned.scorer.slate(learned.model(), behaviour, learned.request(size))), some);
  }
  EXPECT_EQ(all.size(), SmallStream::kItems);
}

TEST(SlateScorer, AUserWithoutHistoryGetsASlate) {
  Learned learned(small_settings());
  const auto slate = learned.scorer.slate(learned.model(), {}, learned.request(10));
  EXPECT_EQ(slate.size(), 10U);
  for (const RecommendedItem& item : slate) EXPECT_TRUE(std::isfinite(item.score));
  for (const float x : learned.scorer.current_interest()) EXPECT_EQ(x, 0.0F);
  EXPECT_EQ(learned.scorer.current_interest().size(), 16U);
}

TEST(SlateScorer, AnEmptyModelGivesAnEmptySlate) {
  const Model model(small_settings());
  SlateScorer scorer(small_settings());
  const Learned learned(small_settings());
  EXPECT_TRUE(scorer.slate(model, {}, {}).empty());
  EXPECT_TRUE(scorer.slate(model, learned.stream.users[0], {}).empty());
  EXPECT_FALSE(scorer.rank(model, {}, {}, small_key(1)));
}

// ---- candidates ----

TEST(SlateScorer, WhatTheUserHasHadIsAbsentWhereSeenItemsAreExcluded) {
  Learned learned(seen_excluded());
  for (const Behaviour& behaviour : learned.stream.users) {
    const auto slate = learned.scorer.slate(learned.model(), behaviour, learned.request());
    EXPECT_EQ(slate.size(), SmallStream::kItems - behaviour.own_items.size());
    for (const OwnItem& own : behaviour.own_items) EXPECT_FALSE(holds(slate, own.item));
  }
}

TEST(SlateScorer, WithdrawnAndUnavailableAndRemovedItemsAreAbsent) {
  Learned learned(small_settings());
  ItemChange sold_out, removed;
  sold_out.item.item = small_item(1);
  sold_out.item.available = false;
  learned.change(sold_out);
  removed.item.item = small_item(2);
  removed.removed = true;
  learned.change(removed);
  SlateRequest request = learned.request();
  request.withdrawn = [](ItemKey key) { return key == small_key(3); };

  const auto slate = learned.scorer.slate(learned.model(), learned.stream.users[0], request);

  EXPECT_EQ(slate.size(), SmallStream::kItems - 3);
  for (const std::uint64_t item : {1U, 2U, 3U}) EXPECT_FALSE(holds(slate, small_key(item)));
}

TEST(SlateScorer, AFilterKeepsWhatMatchesAllOfIt) {
  Learned learned(small_settings());
  const auto announce = [&](std::uint64_t item, std::string category, std::string colour) {
    ItemChange change;
    change.item.item = small_item(item);
    change.item.title = "T";
    change.item.provider = "seller";
    change.item.categories = {std::move(category), "all"};
    change.item.attributes = {{"colour", std::move(colour)}, {"size", 40.0}};
    learned.change(change);
  };
  announce(100, "shoes", "red");
  announce(101, "shoes", "blue");
  announce(102, "hats", "red");
  const auto filtered = [&](std::vector<std::pair<std::string, std::string>> filter) {
    SlateRequest request = learned.request();
    request.filter = std::move(filter);
    const auto found =
        keys(learned.scorer.slate(learned.model(), learned.stream.users[0], request));
    return std::set<std::uint64_t>(found.begin(), found.end());
  };
  const std::uint64_t a = value(small_key(100)), b = value(small_key(101)),
                      c = value(small_key(102));
  using Set = std::set<std::uint64_t>;
  EXPECT_EQ(filtered({{"category", "shoes"}}), (Set{a, b}));
  EXPECT_EQ(filtered({{"category", "all"}, {"colour", "red"}}), (Set{a, c}));
  EXPECT_EQ(filtered({{"category", "hats"}, {"colour", "blue"}}), (Set{}));
  EXPECT_EQ(filtered({{"provider", "seller"}}), (Set{a, b, c}));
  EXPECT_EQ(filtered({{"size", "40"}}), (Set{a, b, c}));
  EXPECT_EQ(filtered({{"nothing", "at all"}}), (Set{}));
}

// ---- ranks ----

TEST(SlateScorer, RankAgreesWithTheSlate) {
  for (const ModelSettings& settings : {small_settings(), seen_excluded()}) {
    Learned learned(settings);
    for (const std::size_t user : {0U, 5U, 11U}) {
      const Behaviour& behaviour = learned.stream.users[user];
      const auto slate = learned.scorer.slate(learned.model(), behaviour, learned.request());
      for (std::size_t i = 0; i < slate.size(); ++i) {
        const auto ranks =
            learned.scorer.rank(learned.model(), behaviour, learned.request(), slate[i].item.key);
        ASSERT_TRUE(ranks);
        EXPECT_EQ(ranks->rank, static_cast<std::int32_t>(i));
        EXPECT_EQ(ranks->candidate_count, static_cast<std::int32_t>(slate.size()));
      }
    }
  }
}

TEST(SlateScorer, ASeenTargetStaysInItsOwnRanking) {
  Learned learned(seen_excluded());
  const Behaviour& behaviour = learned.stream.users[0];
  const auto ranks = learned.scorer.rank(learned.model(), behaviour, learned.request(),
                                         behaviour.own_items.back().item);
  ASSERT_TRUE(ranks);
  EXPECT_EQ(ranks->candidate_count,
            static_cast<std::int32_t>(SmallStream::kItems - behaviour.own_items.size() + 1));
}

// Five items that differ in nothing: chosen once each, at one time, by five users.
Learned with_equal_items() {
  ModelSettings settings = small_settings();
  settings.parts.attention = false;
  Learned learned(settings, 0);
  for (std::uint64_t item = 0; item < 5; ++item) {
    Event event;
    event.type = EventType::kClick;
    event.item = small_item(item);
    event.event_time = learned.stream.now();
    fold(*learned.learner, learned.stream.record_of(event, item), static_cast<Offset>(item));
  }
  return learned;
}

TEST(SlateScorer, TiesInASlateGoByTheLowerKey) {
  Learned learned = with_equal_items();
  for (const std::int32_t size : {5, 3}) {
    const auto slate = learned.scorer.slate(learned.model(), {}, learned.request(size));
    ASSERT_EQ(slate.size(), static_cast<std::size_t>(size));
    EXPECT_EQ(slate.front().score, slate.back().score);
    std::vector<std::uint64_t> expected;
    for (std::uint64_t item = 0; item < 5; ++item) expected.push_back(value(small_key(item)));
    std::sort(expected.begin(), expected.end());
    expected.resize(slate.size());
    EXPECT_EQ(keys(slate), expected);
  }
}

TEST(SlateScorer, TiesInARankCountAgainstTheTarget) {
  Learned learned = with_equal_items();
  for (std::uint64_t item = 0; item < 5; ++item) {
    const auto ranks = learned.scorer.rank(learned.model(), {}, learned.request(), small_key(item));
    ASSERT_TRUE(ranks);
    EXPECT_EQ(ranks->rank, 4);
  }
}

TEST(SlateScorer, AnItemNobodyHasChosenYetIsNoRivalInARank) {
  Learned learned = with_equal_items();
  ItemChange change;
  change.item.item = small_item(77);
  learned.change(change);
  EXPECT_EQ(
      learned.scorer.rank(learned.model(), {}, learned.request(), small_key(0))->candidate_count,
      5);
  EXPECT_TRUE(holds(learned.scorer.slate(learned.model(), {}, learned.request()), small_key(77)));
}

// ---- the best k ----

TEST(TopK, IsTheBeginningOfASort) {
  Random random(1, 0);
  for (int round = 0; round < 300; ++round) {
    std::vector<float> scores(1 + random.below(200));
    for (float& score : scores) score = static_cast<float>(random.below(20));  // many ties
    const auto key_of = [](Slot slot) { return mix64(slot); };
    const auto is_candidate = [](Slot slot) { return slot % 5 != 3; };
    std::vector<Slot> expected;
    for (Slot slot = 0; slot < scores.size(); ++slot) {
      if (is_candidate(slot)) expected.push_back(slot);
    }
    std::sort(expected.begin(), expected.end(), [&](Slot a, Slot b) {
      if (scores[a] != scores[b]) return scores[a] > scores[b];
      return key_of(a) < key_of(b);
    });
    const std::size_t k = random.below(30);
    expected.resize(std::min(expected.size(), k));
    EXPECT_EQ(top_k(scores, k, is_candidate, key_of), expected);
  }
}

}  // namespace
}  // namespace fovea::scorer
