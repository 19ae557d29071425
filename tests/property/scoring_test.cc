// Scores, shares and slates, for any model and any question: attention sums to one, parts sum to
// the score, a slate is the head of the sorted list.

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <set>

#include "scorer/explain.h"
#include "scorer/kernels.h"
#include "scorer/model.h"
#include "scorer/slate_scorer.h"
#include "scorer/top_k.h"
#include "tests/property/random_log.h"
#include "tests/support/property.h"

namespace fovea::scorer {
namespace {

const Kernels& fast() {
  return kernels(fastest_kernel_level());
}

// A learned model, and a user of its log who asks some time later.
struct Asked {
  Asked()
      : log(random_log(random_settings())),
        learner(learned(log)),
        who(*rc::gen::inRange<std::size_t>(0, log.users.size())),
        user(log.users[who]),
        now(TimeMs{log.now_ms + *rc::gen::inRange<std::int64_t>(0, 10'000'000)}) {}
  [[nodiscard]] const Model& model() const { return learner->model(); }
  [[nodiscard]] Moment moment() const {
    Moment out;
    make_query(model(), UserKey{who}, user, now, out.query);
    prepare(model(), fast(), out);
    return out;
  }

  RandomLog log;
  std::unique_ptr<Learner> learner;
  std::size_t who;
  Behaviour user;
  TimeMs now;
};

TEST(ScoringLaw, AttentionIsPositiveAndSumsToOne) {
  expect_holds([] {
    const Asked asked;
    const Moment moment = asked.moment();
    RC_ASSERT(moment.attended.alpha.size() == moment.query.history.size());
    double sum = 0.0;
    for (const float alpha : moment.attended.alpha) {
      RC_ASSERT(alpha > 0.0F);
      sum += static_cast<double>(alpha);
    }
    if (!moment.query.empty()) RC_ASSERT(std::fabs(sum - 1.0) <= 1e-5);
    double beta = 0.0;
    for (std::size_t k = 0; k < moment.transition.depth; ++k) {
      RC_ASSERT(moment.transition.beta[k] > 0.0F);
      beta += static_cast<double>(moment.transition.beta[k]);
    }
    if (moment.transition.depth > 0) RC_ASSERT(std::fabs(beta - 1.0) <= 1e-5);
  });
}

// What follows is a share: all items and the rest that nobody knows sum to at most one.
TEST(ScoringLaw, WhatFollowsAndTheRestAreAtMostOne) {
  expect_holds([] {
    const Asked asked;
    const Moment moment = asked.moment();
    if (moment.transition.depth == 0) return;
    double sum = static_cast<double>(moment.transition.backoff);
    for (const SparseLine& line : moment.columns.lines()) {
      RC_ASSERT(line.follows >= 0.0F);
      RC_ASSERT(line.precedes >= 0.0F);
      sum += static_cast<double>(line.follows);
    }
    RC_ASSERT(moment.transition.backoff > 0.0F);
    RC_ASSERT(sum <= 1.0 + 1e-5);
  });
}

TEST(ScoringLaw, PartsSumToTheScoreOfEveryItem) {
  expect_holds([] {
    const Asked asked;
    const Model& model = asked.model();
    const Moment moment = asked.moment();
    for (Slot slot = 0; slot < model.item_count(); ++slot) {
      const ItemCounts counts = model.popularity.counts(slot);
      const auto score = static_cast<double>(item_terms(model, fast(), moment, slot, counts).score);
      Explanation why = explain(model, moment, slot, counts);
      RC_ASSERT(std::fabs(sum_of(why) - score) <= 1e-4 * (1.0 + std::fabs(score)));
      const double before = sum_of(why);
      shorten(why, *rc::gen::inRange<std::size_t>(0, 6), *rc::gen::inRange<std::size_t>(0, 6));
      RC_ASSERT(std::fabs(sum_of(why) - before) <= 1e-9 * (1.0 + std::fabs(before)));
    }
  });
}

// The slate against the scores of all live items, sorted.
TEST(ScoringLaw, ASlateIsTheHeadOfTheSortedList) {
  expect_holds([] {
    const Asked asked;
    const Model& model = asked.model();
    const std::set<std::uint64_t> gone =
        *rc::gen::container<std::set<std::uint64_t>>(rc::gen::inRange<std::uint64_t>(0, 15));
    SlateRequest request;
    request.user = UserKey{asked.who};
    request.now = asked.now;
    request.explain = ExplainLevel::kOff;
    request.size = *rc::gen::inRange(0, 20);
    request.withdrawn = [&](ItemKey key) {
      return std::any_of(gone.begin(), gone.end(),
                         [&](std::uint64_t item) { return small_key(item) == key; });
    };
    SlateScorer scorer(asked.log.settings);
    const auto slate = scorer.slate(model, asked.user, request);

    const Moment moment = asked.moment();
    std::vector<std::pair<double, ItemKey>> all;
    for (Slot slot = 0; slot < model.item_count(); ++slot) {
      const ItemKey key = model.catalogue.key(slot);
      const bool seen = std::any_of(asked.user.own_items.begin(), asked.user.own_items.end(),
                                    [&](const OwnItem& own) { return own.item == key; });
      if (!model.catalogue.live(slot) || request.withdrawn(key)) continue;
      if (asked.log.settings.exclude_seen && seen) continue;
      const float score =
          item_terms(model, fast(), moment, slot, model.popularity.counts(slot)).score;
      all.emplace_back(-static_cast<double>(score), key);
    }
    std::sort(all.begin(), all.end());
    const std::size_t size = std::min(all.size(), static_cast<std::size_t>(request.size));
    RC_ASSERT(slate.size() == size);
    double shares = 0.0;
    for (std::size_t i = 0; i < size; ++i) {
      // The dense pass and the pass item by item differ in the last bits, so near ties may swap.
      RC_ASSERT(std::fabs(slate[i].score + all[i].first) <= 1e-4 * (1.0 + std::fabs(all[i].first)));
      RC_ASSERT(slate[i].rank == static_cast<std::int32_t>(i) + 1);
      if (i > 0) {
        RC_ASSERT(
            slate[i - 1].score > slate[i].score ||
            (slate[i - 1].score == slate[i].score && slate[i - 1].item.key < slate[i].item.key));
      }
      RC_ASSERT(slate[i].attention > 0.0F);
      shares += static_cast<double>(slate[i].attention);
    }
    if (size > 0) RC_ASSERT(std::fabs(shares - 1.0) <= 1e-5);
  });
}

TEST(ScoringLaw, TopKIsTheHeadOfASort) {
  expect_holds([] {
    // Few values, so that ties are common.
    const auto scores = *rc::gen::container<std::vector<float>>(
        rc::gen::map(rc::gen::inRange(-4, 4), [](int n) { return static_cast<float>(n) / 2.0F; }));
    const auto n = scores.size();
    const auto masked = *rc::gen::container<std::vector<bool>>(
        n, rc::gen::weightedElement<bool>({{3, false}, {1, true}}));
    const auto keys =
        *rc::gen::container<std::vector<std::uint8_t>>(n, rc::gen::arbitrary<std::uint8_t>());
    const auto k = *rc::gen::inRange<std::size_t>(0, n + 3);
    // Distinct keys, in no order of the slots.
    const auto key_of = [&](Slot slot) { return std::pair(keys[slot], slot); };
    const auto found = top_k(
        scores, k, [&](Slot slot) { return !masked[slot]; }, key_of);

    std::vector<Slot> expected;
    for (Slot slot = 0; slot < n; ++slot) {
      if (!masked[slot]) expected.push_back(slot);
    }
    std::sort(expected.begin(), expected.end(), [&](Slot a, Slot b) {
      return scores[a] != scores[b] ? scores[a] > scores[b] : key_of(a) < key_of(b);
    });
    expected.resize(std::min(k, expected.size()));
    RC_ASSERT(found == expected);
  });
}

TEST(ScoringLaw, KernelsHaveTheSameBitsOnEveryLevel) {
  expect_holds([] {
    const std::size_t n = kLanes * *rc::gen::inRange<std::size_t>(0, 9);
    const auto moderate =
        rc::gen::suchThat(generate::number32(), [](float x) { return std::fabs(x) < 1e15F; });
    const auto a = *rc::gen::container<std::vector<float>>(n, moderate);
    const auto b = *rc::gen::container<std::vector<float>>(n, moderate);
    const auto sums = *rc::gen::container<std::vector<float>>(
        n, rc::gen::map(moderate, [](float x) { return std::fabs(x) + 1e-3F; }));
    const float weight = *moderate;
    const auto bits = [](const std::vector<float>& vector) {
      std::vector<std::uint32_t> out;
      for (const float x : vector) out.push_back(std::bit_cast<std::uint32_t>(x));
      return out;
    };
    const Kernels& portable = kernels(KernelLevel::kPortable);
    for (const KernelLevel level : supported_levels()) {
      const Kernels& with = kernels(level);
      RC_ASSERT(std::bit_cast<std::uint32_t>(with.dot(a.data(), b.data(), n)) ==
                std::bit_cast<std::uint32_t>(portable.dot(a.data(), b.data(), n)));
      auto y = b, y_portable = b;
      with.axpy(weight, a.data(), y.data(), n);
      portable.axpy(weight, a.data(), y_portable.data(), n);
      RC_ASSERT(bits(y) == bits(y_portable));
      auto w = b, w_portable = b, s = sums, s_portable = sums;
      with.adagrad(0.08F, weight, a.data(), w.data(), s.data(), n);
      portable.adagrad(0.08F, weight, a.data(), w_portable.data(), s_portable.data(), n);
      RC_ASSERT(bits(w) == bits(w_portable));
      RC_ASSERT(bits(s) == bits(s_portable));
    }
  });
}

// A decayed count is what is left of every choice; a late one counts in full at the item's time.
TEST(ScoringLaw, PopularityIsTheSumOfWhatIsLeftOfEveryChoice) {
  expect_holds([] {
    const double half_life_s = *rc::gen::element(1.0, 60.0, 86'400.0);
    Popularity popularity(half_life_s);
    popularity.add(0.0);
    double now_s = 0.0, last_s = 0.0;
    std::vector<double> at;  // the time from which each choice fades
    for (const int gap : *rc::gen::container<std::vector<int>>(rc::gen::inRange(-20, 100))) {
      now_s = std::max(0.0, now_s + gap);
      const ItemCounts before = popularity.counts(0);
      popularity.observe(0, now_s);
      last_s = at.empty() ? now_s : std::max(last_s, now_s);
      at.push_back(last_s);
      const ItemCounts counts = popularity.counts(0);
      RC_ASSERT(counts.last_s == last_s);
      RC_ASSERT(counts.count == at.size());
      for (std::size_t h = 0; h < kHalfLives; ++h) {
        // Decay never runs backwards: what comes late takes nothing away.
        if (counts.last_s == before.last_s) RC_ASSERT(counts.decayed[h] >= before.decayed[h]);
        const double half = half_life_s * std::exp2(3.0 * (static_cast<double>(h) - 1.0));
        double sum = 0.0;
        for (const double time : at) sum += std::exp2(-(last_s - time) / half);
        RC_ASSERT(std::fabs(static_cast<double>(counts.decayed[h]) - sum) <= 1e-3 * sum);
      }
    }
  });
}

}  // namespace
}  // namespace fovea::scorer
