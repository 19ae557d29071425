// One gradient step against the reference, which takes every gradient by central differences.

#include "scorer/learn_step.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorer/reference.h"
#include "tests/scorer/parameter_walk.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

using reference::Parameters;

struct Variant {
  std::string name;
  ModelSettings settings;
  bool strangers = false;  // the history holds items that the model does not know
};

std::vector<Variant> variants() {
  std::vector<Variant> out(6, {"", small_settings()});
  out[0].name = "repeats";
  out[1].name = "seen_excluded";
  out[1].settings.exclude_seen = true;
  out[2].name = "without_attention";
  out[2].settings.parts.attention = false;
  out[3].name = "without_memory";
  out[3].settings.parts.memory = false;
  out[4].name = "strangers";
  out[4].strangers = true;
  out[5].name = "without_ranking";
  out[5].settings.parts.ranking = false;
  return out;
}

class LearnStepOf : public testing::TestWithParam<Variant> {};

TEST_P(LearnStepOf, MovesEveryParameterAsTheReferenceDoes) {
  const ModelSettings& settings = GetParam().settings;
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  RecentItems recent(static_cast<std::size_t>(settings.recent_items_max));
  ChosenItems chosen;
  const auto remember_item = [&](const LearningRecord& record) {
    const auto* example = std::get_if<Example>(&record.body);
    if (example == nullptr || !example->positive) return;
    const Slot slot = learner->model().catalogue.find(example->item.key);
    recent.add(slot, learner->model().item_count());
    chosen.add(slot);
  };
  for (Offset position = 0; position < 1500; ++position) {
    const LearningRecord record = stream.next();
    fold(*learner, record, position);
    remember_item(record);
  }

  LearnStep step(kernels(fastest_kernel_level()));
  int compared = 0;
  std::size_t moved = 0;
  std::size_t content_moved = 0;
  for (Offset position = 1500; position < 1540; ++position) {
    const LearningRecord record = stream.next();
    if (const auto* example = std::get_if<Example>(&record.body);
        example != nullptr && !example->history.empty() &&
        learner->model().catalogue.find(example->item.key) != kNoSlot) {
      SCOPED_TRACE("position " + std::to_string(position));
      Example asked = *example;
      if (GetParam().strangers) {
        asked.history[asked.history.size() / 2].item = small_key(1'000);
        if (position % 2 == 0) asked.history.back().item = small_key(1'001);
      }
      if (position % 3 == 0) asked.strength = .25F;
      const Model before = learner->model();
      Model fast = before;
      make_query(fast, asked, step.moment().query);
      const Query query = step.moment().query;
      Random random(1, static_cast<std::uint64_t>(position));

      const StepResult result =
          step.learn(fast, recent, chosen, asked, fast.catalogue.find(asked.item.key), random);

      std::vector<reference::Drawn> drawn;
      for (const Candidate& candidate : result.candidates) {
        drawn.push_back({candidate.slot, static_cast<double>(candidate.log_correction)});
      }
      Parameters parameters = reference::read(before);
      const FlatParameters old = flat(parameters);
      reference::learn(parameters, before, query, drawn, asked.positive,
                       static_cast<double>(asked.strength));
      const FlatParameters expected = flat(parameters);
      const FlatParameters found = flat(reference::read(fast));
      for (std::size_t i = 0; i < expected.values.size(); ++i) {
        const double by = std::fabs(expected.values[i] - old.values[i]);
        if (by > 1e-4) ++moved;
        if (by > 1e-4 && expected.names[i].starts_with("content.")) ++content_moved;
        EXPECT_NEAR(found.values[i], expected.values[i], 5e-5 + 2e-3 * by)
            << expected.names[i] << " was " << old.values[i];
        EXPECT_NEAR(found.sums[i], expected.sums[i],
                    1e-6 + 2e-3 * (expected.sums[i] - old.sums[i]) + 1e-6 * old.sums[i])
            << expected.names[i];
      }
      ++compared;
    }
    fold(*learner, record, position);
    remember_item(record);
  }
  EXPECT_GT(compared, 20);
  EXPECT_GT(moved, 1000U);
  EXPECT_GT(content_moved, 0U);
}

INSTANTIATE_TEST_SUITE_P(Variants, LearnStepOf, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.name; });

// What the tests below ask: a user who had items 0, 1, 2 and chooses or refuses item 3.
struct Tiny {
  explicit Tiny(const ModelSettings& model_settings)
      : settings(model_settings), model(settings), recent(1000) {
    for (std::uint64_t item = 0; item < 10; ++item) {
      const Slot slot = model.add_item(small_item(item), 1000.0);
      model.popularity.observe(slot, 1000.0);
    }
    for (std::uint64_t item = 0; item < 10; ++item) {
      recent.add(static_cast<Slot>(item), model.item_count());
      chosen.add(static_cast<Slot>(item));
    }
    example.item = small_item(3);
    example.time = TimeMs{1'001'000};
    example.history = {{small_key(0), 3000}, {small_key(1), 2000}, {small_key(2), 1000}};
    example.history_length = 3;
  }
  float score(std::uint64_t item) {
    Moment moment;
    make_query(model, example, moment.query);
    prepare(model, kernels(fastest_kernel_level()), moment);
    const Slot slot = model.catalogue.find(small_key(item));
    return item_terms(model, kernels(fastest_kernel_level()), moment, slot,
                      model.popularity.counts(slot))
        .score;
  }
  // The loss, and the target's probability before the step, by the logits of the candidates.
  std::pair<double, double> learn() {
    LearnStep step(kernels(fastest_kernel_level()));
    make_query(model, example, step.moment().query);
    Random random(1, 1);
    const StepResult result =
        step.learn(model, recent, chosen, example, model.catalogue.find(example.item.key), random);
    double sum = 0.0;
    for (const Candidate& candidate : result.candidates) {
      sum += std::exp(logit_of(candidate));
    }
    return {result.loss, std::exp(logit_of(result.candidates.front())) / sum};
  }

  static double logit_of(const Candidate& candidate) {
    return static_cast<double>(candidate.terms.base + candidate.log_correction);
  }

  ModelSettings settings;
  Model model;
  RecentItems recent;
  ChosenItems chosen;
  Example example;
};

TEST(LearnStep, AChosenItemRisesAgainstTheOthers) {
  Tiny tiny(small_settings());
  const float before = tiny.score(3) - tiny.score(5);
  tiny.learn();
  EXPECT_GT(tiny.score(3) - tiny.score(5), before);
}

TEST(LearnStep, ARefusedItemFallsAgainstTheOthers) {
  Tiny tiny(small_settings());
  tiny.example.positive = false;
  const float before = tiny.score(3) - tiny.score(5);
  tiny.learn();
  EXPECT_LT(tiny.score(3) - tiny.score(5), before);
}

// 1 - p has no digits left there, and who refuses what was nearly certain teaches the most.
TEST(LearnStep, WhatOneItemLosesByARefusalTheOthersGain) {
  for (const float certainty : {0.0F, 5.0F, 10.0F, 15.0F, 20.0F, 40.0F}) {
    Tiny tiny(small_settings());
    tiny.example.positive = false;
    tiny.model.items.edit(tiny.model.catalogue.find(small_key(3))).bias = certainty;
    LearnStep step(kernels(fastest_kernel_level()));
    make_query(tiny.model, tiny.example, step.moment().query);
    Random random(1, 1);
    const StepResult result = step.learn(tiny.model, tiny.recent, tiny.chosen, tiny.example,
                                         tiny.model.catalogue.find(small_key(3)), random);
    float gained = 0.0F;
    for (const Candidate& candidate : result.candidates.subspan(1)) gained -= candidate.gradient;
    EXPECT_GT(result.candidates.front().gradient, 0.0F);
    EXPECT_NEAR(gained, result.candidates.front().gradient, 1e-5F) << certainty;
  }
}

TEST(LearnStep, TheLossIsThatOfTheAnswer) {
  Tiny chosen(small_settings());
  const auto [loss, p] = chosen.learn();
  EXPECT_NEAR(loss, -std::log(p), 1e-5);

  Tiny refused(small_settings());
  refused.example.positive = false;
  const auto [refusal_loss, q] = refused.learn();
  EXPECT_NEAR(refusal_loss, -std::log(1.0 - q), 1e-5);
}

TEST(LearnStep, AnOwnItemMovesNoVectors) {
  Tiny tiny(small_settings());
  tiny.example.item = small_item(1);
  tiny.example.own_items = {
      {small_key(2), 1, 1000, 1}, {small_key(1), 2, 2000, 1}, {small_key(0), 3, 3000, 1}};
  // All ten candidates are the user's own.
  for (std::uint64_t item = 3; item < 10; ++item) {
    tiny.example.own_items.push_back({small_key(item), 4, 4000, 1});
  }
  const Slot slot = tiny.model.catalogue.find(small_key(1));
  const std::vector<float> before(tiny.model.items.in(slot), tiny.model.items.in(slot) + 16);
  const float score_before = tiny.score(1);

  tiny.learn();

  const std::vector<float> after(tiny.model.items.in(slot), tiny.model.items.in(slot) + 16);
  EXPECT_EQ(before, after);
  EXPECT_GT(tiny.score(1), score_before);
}

TEST(LearnStep, TheDigestIsOfEveryLogit) {
  std::vector<Candidate> candidates(3);
  const std::uint64_t digest = LearnStep::digest_of(1, {candidates, 0.0});
  for (Candidate& candidate : candidates) {
    for (float* score : {&candidate.terms.base, &candidate.terms.score}) {
      *score = 1e-30F;
      EXPECT_NE(LearnStep::digest_of(1, {candidates, 0.0}), digest);
      *score = 0.0F;
    }
  }
}

}  // namespace
}  // namespace fovea::scorer
