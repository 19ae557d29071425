// The fold of the learning log, for any log and any settings: one order, one result, wherever it
// stops and starts; and each step is what the plain version in float64 makes of it.

#include "scorer/learner.h"

#include <cmath>

#include "scorer/bytes.h"
#include "scorer/learn_step.h"
#include "scorer/model.h"
#include "scorer/reference.h"
#include "scorer/seen_filter.h"
#include "tests/property/random_log.h"
#include "tests/scorer/parameter_walk.h"
#include "tests/support/property.h"

namespace fovea::scorer {
namespace {

std::string bytes_of(const Model& model) {
  ByteWriter out;
  model.save(out);
  return out.take();
}

// Long bytes are not worth printing.
bool same(const std::string& a, const std::string& b) {
  return a == b;
}

// Every score of every user, bit for bit.
std::vector<float> scores(const Model& model, const RandomLog& log) {
  std::vector<float> out;
  const Kernels& with = kernels(fastest_kernel_level());
  Moment moment;
  for (std::size_t user = 0; user < log.users.size(); ++user) {
    make_query(model, UserKey{user}, log.users[user], log.now(), moment.query);
    prepare(model, with, moment);
    for (Slot slot = 0; slot < model.item_count(); ++slot) {
      out.push_back(item_terms(model, with, moment, slot, model.popularity.counts(slot)).score);
    }
  }
  return out;
}

TEST(LearnerLaw, ASnapshotAnywhereGoesOnAsIfNothingHadHappened) {
  expect_holds([] {
    const RandomLog log = random_log(random_settings());
    const auto at = *rc::gen::inRange<std::size_t>(0, log.records.size() + 1);
    const auto first = new_learner(log.settings);
    fold_range(*first, log.records, 0, at);
    const auto second = new_learner(log.settings);
    RC_ASSERT(second->restore(first->snapshot()).has_value());
    RC_ASSERT(same(second->snapshot(), first->snapshot()));
    fold_range(*second, log.records, at, log.records.size());

    const auto straight = learned(log);
    RC_ASSERT(second->digest() == straight->digest());
    RC_ASSERT(same(second->snapshot(), straight->snapshot()));
  });
}

TEST(LearnerLaw, EveryKernelLevelGivesTheSameBits) {
  expect_holds([] {
    const RandomLog log = random_log(random_settings());
    const auto expected = learned(log, KernelLevel::kPortable);
    for (const KernelLevel level : supported_levels()) {
      const auto found = learned(log, level);
      RC_ASSERT(found->digest() == expected->digest());
      RC_ASSERT(same(found->snapshot(), expected->snapshot()));
    }
  });
}

TEST(LearnerLaw, WhatWasWrittenTwiceIsLearnedOnce) {
  expect_holds([] {
    const RandomLog log = random_log(random_settings());
    const auto learner = learned(log);
    const Model& model = learner->model();
    const std::uint64_t digest = learner->digest();
    Model before = model;
    // A tail again, as a writer that was killed leaves it: from the same place in every partition.
    const auto from = *rc::gen::inRange<std::size_t>(0, log.records.size() + 1);
    for (std::size_t i = from; i < log.records.size(); ++i) {
      const auto outcome =
          learner->fold(log.records[i], static_cast<Offset>(log.records.size() + i));
      RC_ASSERT(outcome.has_value());
      RC_ASSERT(*outcome == LearnOutcome::kRepeat);
    }
    RC_ASSERT(learner->digest() == digest);
    before.stamp.position = model.stamp.position;
    RC_ASSERT(same(bytes_of(before), bytes_of(model)));
  });
}

TEST(LearnerLaw, AViewIsTheModelWheneverItWasPublished) {
  expect_holds([] {
    const RandomLog log = random_log(random_settings());
    const auto learner = new_learner(log.settings);
    for (std::size_t i = 0; i < log.records.size(); ++i) {
      fold(*learner, log.records[i], static_cast<Offset>(i));
      if (*rc::gen::weightedElement<bool>({{7, false}, {1, true}})) {
        RC_ASSERT(learner->publish());
        RC_ASSERT(scores(*learner->view(), log) == scores(learner->model(), log));
      }
    }
    RC_ASSERT(learner->publish());
    RC_ASSERT(scores(*learner->view(), log) == scores(learner->model(), log));
  });
}

TEST(LearnerLaw, EveryParameterStaysFinite) {
  expect_holds([] {
    const auto learner = learned(random_log(random_settings()));
    walk(reference::read(learner->model()), [](const std::string& name, double value, double sum) {
      if (!std::isfinite(value) || !std::isfinite(sum) || sum < 0.0) RC_FAIL(name);
    });
  });
}

// The last example of a log, learned by both.
TEST(LearnerLaw, AStepMovesEveryParameterAsTheReferenceDoes) {
  expect_holds([] {
    const RandomLog log = random_log(random_settings());
    const ModelSettings& settings = log.settings;
    const auto learner = new_learner(settings);
    RecentItems recent(static_cast<std::size_t>(settings.recent_items_max));
    ChosenItems chosen;
    const Example* last = nullptr;
    for (std::size_t i = 0; i < log.records.size(); ++i) {
      const auto* example = std::get_if<Example>(&log.records[i].body);
      if (example != nullptr) last = example;
      fold(*learner, log.records[i], static_cast<Offset>(i));
      if (example == nullptr || !example->positive) continue;
      const Slot slot = learner->model().catalogue.find(example->item.key);
      recent.add(slot, learner->model().item_count());
      chosen.add(slot);
    }
    const Model before = learner->model();
    // As the learner asks: what was announced and never chosen is no target.
    const bool teaches = last != nullptr && recent.size() > 0 && !last->history.empty() &&
                         chosen.contains(before.catalogue.find(last->item.key));
    RC_PRE(teaches);

    Model fast = before;
    LearnStep step(kernels(fastest_kernel_level()));
    make_query(fast, *last, step.moment().query);
    const Query query = step.moment().query;
    Random random(1, 1);
    const StepResult result =
        step.learn(fast, recent, chosen, *last, fast.catalogue.find(last->item.key), random);

    std::vector<reference::Drawn> drawn;
    for (const Candidate& candidate : result.candidates) {
      drawn.push_back({candidate.slot, static_cast<double>(candidate.log_correction)});
    }
    reference::Parameters parameters = reference::read(before);
    const FlatParameters old = flat(parameters);
    reference::learn(parameters, before, query, drawn, last->positive);
    const FlatParameters expected = flat(parameters);
    const FlatParameters found = flat(reference::read(fast));
    for (std::size_t i = 0; i < expected.values.size(); ++i) {
      const double by = std::fabs(expected.values[i] - old.values[i]);
      // Candidates with a gradient below 1e-5 are passed over, which a slope of all of them feels.
      if (std::fabs(found.values[i] - expected.values[i]) > 5e-4 + 2e-3 * by) {
        RC_LOG() << expected.names[i] << " was " << old.values[i] << ", expected "
                 << expected.values[i] << ", found " << found.values[i];
        RC_FAIL("a parameter moved otherwise");
      }
    }
  });
}

TEST(LearnerLaw, TheSeenFilterForgetsNothing) {
  expect_holds([](const std::vector<std::uint64_t>& keys) {
    std::vector<OwnItem> own_items;
    for (const std::uint64_t key : keys) own_items.push_back({ItemKey{key}, {}, 1});
    const std::string filter = make_seen_filter(own_items);
    RC_ASSERT(filter.size() <= 1024U);
    for (const OwnItem& own : own_items) RC_ASSERT(maybe_seen(filter, own.item));
  });
}

}  // namespace
}  // namespace fovea::scorer
