// The simple alternatives by orders and scores computed by hand.

#include <gtest/gtest.h>

#include <cmath>
#include <memory>

#include "scorer/baselines/count_blend.h"
#include "scorer/baselines/factors.h"
#include "scorer/baselines/item_cosine.h"
#include "scorer/baselines/popularity.h"
#include "scorer/baselines/recently_viewed.h"
#include "scorer/baselines/session_knn.h"
#include "scorer/baselines/transitions.h"

namespace fovea::baselines {
namespace {

// A stream fed to one baseline: users' histories are kept here, items are numbered as they are.
class Stream {
 public:
  explicit Stream(std::unique_ptr<Baseline> baseline, std::size_t items = 6)
      : baseline_(std::move(baseline)), items_(items) {}

  void choose(UserIndex user, ItemIndex item, double now_s = 0.0) {
    baseline_->observe(question(user, now_s), item);
    User& chooser = this->user(user);
    chooser.history.push_back(item);
    std::erase(chooser.own, item);
    chooser.own.insert(chooser.own.begin(), item);
  }

  // Every item's score.
  std::vector<double> ask(UserIndex user, double now_s = 0.0) {
    const Question asked = question(user, now_s);
    scores_.begin(items_);
    baseline_->score(asked, scores_);
    return {scores_.values().begin(), scores_.values().end()};
  }

  Question question(UserIndex index, double now_s) {
    const User& asked = user(index);
    return {index, now_s, items_, asked.history, asked.own};
  }
  Baseline& baseline() { return *baseline_; }

 private:
  struct User {
    std::vector<ItemIndex> history;  // oldest first
    std::vector<ItemIndex> own;      // newest first
  };
  User& user(UserIndex index) {
    if (index >= users_.size()) users_.resize(index + 1);
    return users_[index];
  }

  std::unique_ptr<Baseline> baseline_;
  std::size_t items_;
  std::vector<User> users_;
  Scores scores_;
};

TEST(Popularity, IsTheLogOfADecayedCount) {
  Stream stream(make_popularity(100.0), 3);
  // Item 0: three times at 0, worth 3/8 at 300. Item 1: once at 200, worth 1/2. Item 2: now.
  for (int i = 0; i < 3; ++i) stream.choose(0, 0, 0);
  stream.choose(0, 1, 200);
  stream.choose(0, 2, 300);

  const auto scores = stream.ask(0, 300);

  EXPECT_NEAR(scores[0], std::log2(3.0 / 8), 1e-9);
  EXPECT_NEAR(scores[1], -1, 1e-9);
  EXPECT_NEAR(scores[2], 0, 1e-9);
}

TEST(Popularity, OfAllTimeCounts) {
  Stream stream(make_popularity(0.0), 2);
  for (int i = 0; i < 3; ++i) stream.choose(0, 0, 1e9);
  for (int i = 0; i < 2; ++i) stream.choose(0, 1, 1.7e9);

  const auto scores = stream.ask(0, 1.7e9);

  EXPECT_NEAR(scores[0], std::log2(3.0), 1e-9);
  EXPECT_NEAR(scores[1], 1, 1e-9);
}

TEST(Transitions, CountAtOneOverTheLagAndAskAtOneOverTheLag) {
  Stream stream(make_transitions({5, 5, 0.0}));
  // Row of 0: 1 (followed it), 2 (half, one later). Row of 1: 2.
  for (const ItemIndex item : {0U, 1U, 2U}) stream.choose(0, item);
  stream.choose(1, 0);
  EXPECT_EQ(stream.ask(1), (std::vector<double>{0, 1, 0.5, 0, 0, 0}));

  // Asked after (0, 1): the row of 1 whole, the row of 0 half. The row of 0 has 1 once more.
  stream.choose(1, 1);
  EXPECT_EQ(stream.ask(1), (std::vector<double>{0, 1, 1.25, 0, 0, 0}));
}

TEST(Transitions, MayBeCountedFurtherThanAsked) {
  Stream stream(make_transitions({5, 1, 0.0}));
  for (const ItemIndex item : {0U, 1U, 2U}) stream.choose(0, item);
  for (const ItemIndex item : {3U, 0U}) stream.choose(1, item);
  EXPECT_EQ(stream.ask(1), (std::vector<double>{0, 1, 0.5, 0, 0, 0}));
}

TEST(Transitions, CountedOfTheLastItemKnowNothingElse) {
  Stream stream(make_transitions({1, 5, 0.0}));
  for (const ItemIndex item : {0U, 1U, 2U}) stream.choose(0, item);
  stream.choose(1, 0);
  EXPECT_EQ(stream.ask(1), (std::vector<double>{0, 1, 0, 0, 0, 0}));
}

TEST(Transitions, ARepeatOfTheSameItemIsNoTransition) {
  Stream stream(make_transitions({5, 5, 0.0}));
  for (const ItemIndex item : {3U, 3U, 3U}) stream.choose(0, item);
  EXPECT_EQ(stream.ask(0)[3], 0);
}

TEST(Transitions, ForgetWithEveryUpdateOfARow) {
  Stream stream(make_transitions({1, 1, 0.5}));
  for (const ItemIndex next : {1U, 1U, 2U}) {
    stream.choose(0, 0);
    stream.choose(0, next);
  }
  stream.choose(0, 0);
  // 1 and 1.5 of item 1, 2.25 of item 2, in units of the next update's 3.375.
  const auto scores = stream.ask(0);
  EXPECT_NEAR(scores[1], 2.5 / 3.375, 1e-6);
  EXPECT_NEAR(scores[2], 2.25 / 3.375, 1e-6);
}

TEST(Transitions, AreFiniteAfterAnyNumberOfUpdates) {
  Stream stream(make_transitions({1, 1, 0.02}));
  for (UserIndex i = 0; i < 20'000; ++i) {
    stream.choose(i, 0);
    stream.choose(i, 1 + i % 2);
  }
  stream.choose(20'000, 0);
  // Geometric series of every second update: sum of 1.02^-2k, the newest one update ago.
  const auto scores = stream.ask(20'000);
  EXPECT_NEAR(scores[2], 1 / 1.02 / (1 - 1 / (1.02 * 1.02)), 1e-3);
  EXPECT_NEAR(scores[1], scores[2] / 1.02, 1e-3);
}

TEST(ItemCosine, IsTheShareOfUsersInCommon) {
  Stream stream(make_item_cosine({20, 20, 0.0, 1e6}));
  // Users 0 and 1 have 0 and 1; user 2 has 0 and 2; user 3 has 0.
  stream.choose(0, 0);
  stream.choose(0, 1);
  stream.choose(1, 1);
  stream.choose(1, 0);
  stream.choose(2, 0);
  stream.choose(2, 2);
  stream.choose(3, 0);

  const auto scores = stream.ask(3);

  EXPECT_NEAR(scores[1], 2 / std::sqrt(4.0 * 2.0), 1e-6);
  EXPECT_NEAR(scores[2], 1 / std::sqrt(4.0 * 1.0), 1e-6);
  EXPECT_EQ(scores[0], 0);
}

TEST(ItemCosine, CountsAUserOnce) {
  Stream stream(make_item_cosine({20, 20, 0.0, 1e6}));
  for (const ItemIndex item : {0U, 1U, 0U, 1U, 0U}) stream.choose(0, item);
  stream.choose(1, 0);
  EXPECT_NEAR(stream.ask(1)[1], 1 / std::sqrt(2.0 * 1.0), 1e-6);
}

TEST(Vsknn, AddsUpWhatSimilarUsersHadByTheNewestItemInCommon) {
  Stream stream(make_session_knn({.time_aware = false, .last = 10}));
  // Of the user's items 1 (newest, weight 1) and 0 (weight .9): user 0 has both, user 1 the older.
  for (const ItemIndex item : {0U, 1U, 2U}) stream.choose(0, item);
  for (const ItemIndex item : {0U, 3U}) stream.choose(1, item);
  for (const ItemIndex item : {4U, 5U}) stream.choose(2, item);
  stream.choose(3, 0);
  stream.choose(3, 1);

  const auto scores = stream.ask(3);

  EXPECT_NEAR(scores[2], 1.9, 1e-9);        // user 0: similarity 1.9, meets at the newest
  EXPECT_NEAR(scores[3], 0.9 * 0.9, 1e-9);  // user 1: similarity .9, meets at the second newest
  EXPECT_NEAR(scores[0], 1.9 + 0.9 * 0.9, 1e-9);
  EXPECT_EQ(scores[4], 0);
}

TEST(Vsknn, OnlyTheMostSimilarUsersCount) {
  Stream stream(make_session_knn({.time_aware = false, .last = 10, .neighbours = 1}));
  for (const ItemIndex item : {0U, 1U, 2U}) stream.choose(0, item);
  for (const ItemIndex item : {0U, 3U}) stream.choose(1, item);
  stream.choose(3, 0);
  stream.choose(3, 1);

  const auto scores = stream.ask(3);

  EXPECT_GT(scores[2], 0);
  EXPECT_EQ(scores[3], 0);
}

TEST(Stan, WeighsItemsAgeAndDistance) {
  Stream stream(make_session_knn({.time_aware = true,
                                  .last = 10,
                                  .item_decay = 2.0,
                                  .position_decay = 4.0,
                                  .recency_s = 100.0}));
  for (const ItemIndex item : {0U, 2U, 3U}) stream.choose(0, item, 50);
  stream.choose(1, 1, 90);
  stream.choose(1, 0, 90);

  const auto scores = stream.ask(1, 100);

  // One item in common, the newest; 2 and 3 events; last seen 50 s ago; 1 and 2 events away.
  const double similarity = 1 / std::sqrt(2.0 * 3.0) * std::exp(-0.5);
  EXPECT_NEAR(scores[2], similarity * std::exp(-0.25), 1e-9);
  EXPECT_NEAR(scores[3], similarity * std::exp(-0.5), 1e-9);
}

TEST(SessionKnn, NobodyIsTheirOwnNeighbour) {
  Stream stream(make_session_knn({}));
  for (const ItemIndex item : {0U, 1U, 0U}) stream.choose(0, item);
  for (const double score : stream.ask(0)) EXPECT_EQ(score, 0);
}

TEST(SessionKnn, AQuestionLeavesNothingBehind) {
  Stream stream(make_session_knn({.time_aware = true}));
  for (const ItemIndex item : {0U, 1U, 2U}) stream.choose(0, item);
  for (const ItemIndex item : {1U, 3U}) stream.choose(1, item);
  stream.choose(2, 1);

  const auto first = stream.ask(2);

  EXPECT_EQ(stream.ask(2), first);
  EXPECT_GT(first[2], 0);
}

TEST(Isgd, LearnsThatTheProductOfWhatWasChosenIsOne) {
  Stream stream(make_isgd({.dim = 4, .rate = 0.1, .decay = 0.0, .steps = 200}), 3);
  stream.choose(0, 1);
  const auto scores = stream.ask(0);
  EXPECT_NEAR(scores[1], 0, 1e-3);  // -|1 - product|
  EXPECT_LT(scores[0], -0.5);
}

TEST(Bpr, PutsWhatWasChosenAboveTheRest) {
  Stream stream(make_bpr({.dim = 4, .rate = 0.1, .decay = 0.0, .steps = 20}), 4);
  for (int i = 0; i < 20; ++i) {
    stream.choose(0, 1);
    stream.choose(1, 2);
  }
  const auto one = stream.ask(0);
  const auto other = stream.ask(1);
  EXPECT_GT(one[1], one[2]);
  EXPECT_GT(other[2], other[1]);
  EXPECT_GT(one[1], one[3] + 1);
}

TEST(RecentlyViewed, IsTheUsersOwnNewestFirst) {
  Stream stream(make_recently_viewed());
  for (const ItemIndex item : {4U, 2U, 4U, 3U}) stream.choose(0, item);
  const auto scores = stream.ask(0);
  EXPECT_EQ(scores, (std::vector<double>{0, 0, 1.0 / 3, 1, 0.5, 0}));
}

TEST(CountBlend, AddsLogsOfSharesAndOfPopularity) {
  Stream stream(make_count_blend({.half_life_s = 1e9, .smoothing = 1.0, .epsilon = 1e-3}), 3);
  stream.choose(0, 0);
  stream.choose(0, 1);  // row of 0: item 1 once
  stream.choose(1, 0);

  const auto scores = stream.ask(1);

  // Of item 1 one count, aged by one update, and so is the total; the smoothing is 1. Popularity is
  // log2 2, log2 1 and log2 .1. The weights begin at .5, 1, .25, .25.
  const double share = (1 / 1.02) / (1 / 1.02 + 1);
  EXPECT_NEAR(scores[1], 1.5 * (std::log2(1e-3 + share) - std::log2(1e-3)), 1e-3);
  EXPECT_NEAR(scores[2], 0.5 * -3.3, 1e-3);
  EXPECT_NEAR(scores[0], 0.5 * 1, 1e-3);
}

TEST(CountBlend, TheSearchFindsTheTermThatTells) {
  // The chosen one has the highest fourth term; the first misleads a little.
  std::vector<BlendQuestion> questions;
  for (int i = 0; i < 20; ++i) {
    BlendQuestion question{{0, 0, 0, 2, 0, 0, 0}, {}};
    for (int rival = 0; rival < 15; ++rival) question.rivals.push_back({0.1F, 0, 0, 1, 0, 0, 0});
    questions.push_back(question);
  }
  const BlendTerms start = {1, 0, 0, 0, 0, 0, 0};
  EXPECT_EQ(blend_quality(questions, start), 0);

  const BlendTerms found = search_weights(questions, start);

  EXPECT_EQ(blend_quality(questions, found), 1);
  EXPECT_GT(found[3], 0);
}

TEST(CountBlend, LearnsFromItsQuestionsThatUsersComeBack) {
  Stream stream(make_count_blend({.half_life_s = 1e9}), 40);
  const std::vector<std::uint8_t> none(40, 0);
  // Everybody's last item is chosen again and again; other things are popular.
  for (UserIndex user = 0; user < 30; ++user) {
    for (ItemIndex item = 10; item < 39; ++item) stream.choose(1'000 + user, item);
  }
  double before = 0;
  for (UserIndex user = 0; user < 128; ++user) {
    stream.choose(user, user % 10);
    before = stream.ask(user)[user % 10] - stream.ask(user)[20];
    stream.baseline().judge(stream.question(user, 0), user % 10, none);
  }
  const double after = stream.ask(127)[7] - stream.ask(127)[20];
  EXPECT_LT(before, 0);
  EXPECT_GT(after, 0);
}

TEST(CountBlend, LearnsNothingAfterTheEndOfTuning) {
  Stream stream(make_count_blend({.half_life_s = 1e9}), 40);
  const std::vector<std::uint8_t> none(40, 0);
  for (UserIndex user = 0; user < 30; ++user) {
    for (ItemIndex item = 10; item < 39; ++item) stream.choose(1'000 + user, item);
  }
  stream.choose(0, 3);
  const auto before = stream.ask(0);
  stream.baseline().end_tuning();
  for (int i = 0; i < 300; ++i) {
    stream.ask(0);
    stream.baseline().judge(stream.question(0, 0), 3, none);
  }
  EXPECT_EQ(stream.ask(0), before);
}

}  // namespace
}  // namespace fovea::baselines
