// The parts of a score: that they are the score, and that they tell the truth about what would
// happen without an event.

#include "scorer/explain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <iostream>
#include <map>
#include <string>

#include "scorer/reference.h"
#include "scorer/slate_scorer.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

const Kernels& fast() {
  return kernels(fastest_kernel_level());
}

std::vector<ModelSettings> variants() {
  std::vector<ModelSettings> out(7, small_settings());
  out[1].exclude_seen = true;
  out[2].parts.attention = false;
  out[3].parts.memory = false;
  out[4].parts.repeat = false;
  out[5].parts.learning = false;
  out[6].parts.ranking = false;
  return out;
}

TEST(Explain, PartsAddUpToTheScoreOfEveryItem) {
  double worst = 0.0;
  int items = 0;
  for (const ModelSettings& settings : variants()) {
    for (const std::uint64_t seed : {1U, 2U, 3U}) {
      SmallStream stream(settings, seed);
      const auto learner = new_learner(settings);
      fold(*learner, stream, 1500);
      const Model& model = learner->model();
      Moment moment;
      for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
        make_query(model, UserKey{user}, stream.users[user], stream.now(), moment.query);
        prepare(model, fast(), moment);
        for (Slot slot = 0; slot < model.item_count(); ++slot) {
          const ItemCounts counts = model.popularity.counts(slot);
          const auto score =
              static_cast<double>(item_terms(model, fast(), moment, slot, counts).score);
          const double error = std::fabs(sum_of(explain(model, moment, slot, counts)) - score) /
                               (1.0 + std::fabs(score));
          worst = std::max(worst, error);
          ++items;
        }
      }
    }
  }
  std::cout << items << " items, worst error " << worst << " (1 + |score|)\n";
  EXPECT_LT(worst, 1e-4);
  EXPECT_GT(items, 20'000);
}

// Some of the newest entries become items that the model has never met.
void add_strangers(Query& query) {
  for (std::size_t k = 1; k < query.history.size(); k += 3) {
    QueryEntry& entry = query.history[query.history.size() - 1 - k];
    entry.key = small_key(1'000 + k);
    entry.slot = kNoSlot;
  }
}

// Every part against its definition, so that no two errors of the sum can hide each other.
TEST(Explain, EveryPartIsWhatTheReferenceSays) {
  double worst = 0.0;
  int parts = 0, shared = 0;
  const auto compare = [&](double found, double exact, double score, const std::string& name) {
    const double error = std::fabs(found - exact) / (1.0 + std::fabs(score));
    EXPECT_LT(error, 1e-5) << name << " " << found << " " << exact;
    worst = std::max(worst, error);
    ++parts;
  };
  for (const ModelSettings& settings : variants()) {
    SmallStream stream(settings);
    const auto learner = new_learner(settings);
    fold(*learner, stream, 1500);
    const Model& model = learner->model();
    const reference::Parameters parameters = reference::read(model);
    Moment moment;
    for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
      make_query(model, UserKey{user}, stream.users[user], stream.now(), moment.query);
      if (user % 3 == 0) add_strangers(moment.query);
      prepare(model, fast(), moment);
      const Query& query = moment.query;
      const auto question = reference::ask(parameters, model, query);
      const auto interest = reference::attend(parameters, question);
      const auto memory = reference::remember(
          parameters, question, static_cast<double>(model.popularity.total(query.now_s)));
      for (Slot slot = 0; slot < model.item_count(); ++slot) {
        const ItemCounts counts = model.popularity.counts(slot);
        const auto exact = reference::explain(parameters, settings.context_fields, question,
                                              interest, memory, slot, counts);
        const double score =
            reference::score(parameters, question, interest, memory, slot, counts).score();
        EXPECT_NEAR(exact.sum(), score, 1e-9 * (1.0 + std::fabs(score)));
        const Explanation why = explain(model, moment, slot, counts);
        compare(why.bias, exact.bias, score, "bias");
        compare(why.user, exact.user, score, "user");
        ASSERT_EQ(why.history.size(), query.history.size());
        for (std::size_t k = 0; k < query.history.size(); ++k) {
          const auto same = [&](const HistoryContribution& part) {
            return part.item == query.history[k].key && part.age_ms == query.history[k].age_ms;
          };
          ASSERT_EQ(std::count_if(why.history.begin(), why.history.end(), same), 1);
          const auto part = std::find_if(why.history.begin(), why.history.end(), same);
          compare(part->contribution, exact.history[k], score, "history " + std::to_string(k));
        }
        std::map<std::string, double> features;
        for (const auto& part : why.features) {
          EXPECT_TRUE(features.emplace(part.feature, part.contribution).second) << part.feature;
          EXPECT_TRUE(exact.features.contains(part.feature)) << part.feature;
        }
        // What an explanation does not name adds nothing.
        for (const auto& [name, value] : exact.features) {
          compare(features[name], value, score, name);
        }
        if (settings.parts.memory && memory.follows.whole[slot] > 0.0) ++shared;
      }
    }
  }
  std::cout << parts << " parts, worst error " << worst << " (1 + |score|)\n";
  EXPECT_GT(parts, 100'000);
  EXPECT_GT(shared, 1'000);
}

TEST(Explain, EveryItemOfASlateAddsUpAtEveryLevel) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  fold(*learner, stream, 1500);
  SlateScorer scorer(small_settings());
  const std::vector<RecentChoice> overlay = {{small_key(3), stream.now()}};
  for (const ExplainLevel level : {ExplainLevel::kBrief, ExplainLevel::kFull}) {
    for (const Behaviour& behaviour : stream.users) {
      SlateRequest request;
      request.now = stream.now();
      request.size = 60;
      request.explain = level;
      request.overlay = overlay;
      for (const RecommendedItem& item : scorer.slate(learner->model(), behaviour, request)) {
        ASSERT_TRUE(item.why);
        EXPECT_NEAR(sum_of(*item.why), item.score, 1e-4 * (1.0 + std::fabs(item.score)));
        if (level == ExplainLevel::kBrief) {
          EXPECT_LE(item.why->history.size(), 5U);
          EXPECT_LE(item.why->features.size(), 5U);
        } else {
          EXPECT_EQ(item.why->other_history, 0.0);
          EXPECT_EQ(item.why->other_features, 0.0);
        }
      }
    }
  }
}

TEST(Explain, NamesNoAttentionWhereItIsOff) {
  ModelSettings settings = small_settings();
  settings.parts.attention = false;
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  fold(*learner, stream, 500);
  SlateScorer scorer(settings);
  SlateRequest request;
  request.now = stream.now();
  std::size_t entries = 0;
  for (const Behaviour& behaviour : stream.users) {
    for (const RecommendedItem& item : scorer.slate(learner->model(), behaviour, request)) {
      for (const HistoryContribution& part : item.why->history) {
        ++entries;
        EXPECT_EQ(part.attention, 0.0F);
      }
    }
  }
  EXPECT_GT(entries, 100U);
}

// One user's question to a model that has learned for a while.
struct Asked {
  explicit Asked(std::size_t user, const ModelSettings& settings = small_settings())
      : stream(settings), learner(new_learner(settings)) {
    fold(*learner, stream, 2000);
    make_query(model(), UserKey{user}, stream.users[user], stream.now(), moment.query);
    prepare(model(), fast(), moment);
  }
  [[nodiscard]] const Model& model() const { return learner->model(); }
  [[nodiscard]] double score(const Moment& at, Slot slot) const {
    return static_cast<double>(
        item_terms(model(), fast(), at, slot, model().popularity.counts(slot)).score);
  }
  [[nodiscard]] Explanation why(Slot slot) const {
    return explain(model(), moment, slot, model().popularity.counts(slot));
  }

  SmallStream stream;
  std::unique_ptr<Learner> learner;
  Moment moment;
};

TEST(Explain, NamesTheHistoryWithTypesAgesAndAttention) {
  const Asked asked(4);
  const Explanation why = asked.why(3);
  const Query& query = asked.moment.query;
  ASSERT_EQ(why.history.size(), query.history.size());
  float attention = 0.0F;
  for (const HistoryContribution& part : why.history) {
    const auto entry = std::find_if(
        query.history.begin(), query.history.end(),
        [&](const QueryEntry& e) { return e.key == part.item && e.age_ms == part.age_ms; });
    ASSERT_NE(entry, query.history.end());
    EXPECT_EQ(part.type, EventType::kClick);
    EXPECT_EQ(part.item_id, asked.model().catalogue.info(entry->slot).id);
    attention += part.attention;
  }
  EXPECT_NEAR(attention, 1.0F, 1e-5F);
}

TEST(Explain, StrongestPartsComeFirst) {
  const Asked asked(4);
  for (Slot slot = 0; slot < asked.model().item_count(); ++slot) {
    const Explanation why = asked.why(slot);
    for (std::size_t i = 1; i < why.history.size(); ++i) {
      EXPECT_GE(std::fabs(why.history[i - 1].contribution), std::fabs(why.history[i].contribution));
    }
    for (std::size_t i = 1; i < why.features.size(); ++i) {
      EXPECT_GE(std::fabs(why.features[i - 1].contribution),
                std::fabs(why.features[i].contribution));
    }
  }
}

TEST(Explain, ShorteningKeepsTheSumAndTheStrongest) {
  const Asked asked(4);
  const Explanation full = asked.why(3);
  Explanation brief = full;
  shorten(brief, 2, 3);
  EXPECT_EQ(brief.history.size(), 2U);
  EXPECT_EQ(brief.features.size(), 3U);
  EXPECT_EQ(brief.history[0].contribution, full.history[0].contribution);
  EXPECT_NEAR(sum_of(brief), sum_of(full), 1e-12);
  shorten(brief, 0, 0);
  EXPECT_TRUE(brief.history.empty());
  EXPECT_NEAR(sum_of(brief), sum_of(full), 1e-12);
}

// Without its oldest entry the weights of the others grow by 1 / (1 - alpha), and nothing else of
// the question changes; so the new score follows from the parts alone.
TEST(Explain, TheOldestEventsPartPredictsTheScoreWithoutIt) {
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    const Asked asked(user);
    ASSERT_GT(asked.moment.query.history.size(), kFollowsDepth);
    Moment without;
    without.query = asked.moment.query;
    without.query.history.erase(without.query.history.begin());
    prepare(asked.model(), fast(), without);
    ASSERT_EQ(without.repeat.pair, asked.moment.repeat.pair);
    const Attended& attended = asked.moment.attended;
    const std::size_t n = attended.alpha.size();
    for (Slot slot = 0; slot < asked.model().item_count(); ++slot) {
      const ItemTerms terms = item_terms(asked.model(), fast(), asked.moment, slot,
                                         asked.model().popularity.counts(slot));
      const float gate = whole_gate(asked.model(), asked.moment, terms.own);
      const auto product = [&](std::size_t k) {
        double dot = 0.0;
        for (std::size_t d = 0; d < 16; ++d) {
          dot += static_cast<double>(attended.entries[k][d]) *
                 static_cast<double>(asked.model().items.out(slot)[d]);
        }
        return static_cast<double>(gate * attended.alpha[k]) * dot;
      };
      double others = 0.0;
      for (std::size_t k = 1; k < n; ++k) others += product(k);
      const double alpha = static_cast<double>(attended.alpha[0]);
      const double score = asked.score(asked.moment, slot);
      const double predicted = score - product(0) + others * alpha / (1.0 - alpha);
      EXPECT_NEAR(asked.score(without, slot), predicted, 1e-4 * (1.0 + std::fabs(score)));
    }
  }
}

// Deleting the event that an explanation puts first costs the item more than deleting another does
// on average, and as a rule something. Not always: the weights of the others grow, and the moment's
// buckets may change.
TEST(Explain, DeletingTheStrongestEventLowersTheScoreMoreThanDeletingAnother) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;  // own items have terms that go by the history as a whole
  int cases = 0, lowered = 0;
  double strongest_loss = 0.0, mean_loss = 0.0;
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    const Asked asked(user, settings);
    const Query& query = asked.moment.query;
    if (query.history.size() < 3) continue;
    for (Slot slot = 0; slot < asked.model().item_count(); ++slot) {
      const Explanation why = asked.why(slot);
      if (why.history.front().contribution < .3) continue;
      const double score = asked.score(asked.moment, slot);
      ++cases;
      for (std::size_t k = 0; k < query.history.size(); ++k) {
        Moment without;
        without.query = query;
        without.query.history.erase(without.query.history.begin() + static_cast<std::ptrdiff_t>(k));
        prepare(asked.model(), fast(), without);
        const double loss = score - asked.score(without, slot);
        mean_loss += loss / static_cast<double>(query.history.size());
        const QueryEntry& entry = query.history[k];
        if (entry.key != why.history[0].item || entry.age_ms != why.history[0].age_ms) continue;
        strongest_loss += loss;
        if (loss > 0.0) ++lowered;
      }
    }
  }
  std::cout << cases << " cases: the strongest costs " << strongest_loss / cases << ", the mean "
            << mean_loss / cases << "; lowered in " << lowered << "\n";
  ASSERT_GT(cases, 50);
  EXPECT_GT(lowered, cases * 3 / 4);
  EXPECT_GT(strongest_loss / cases, mean_loss / cases + .3);
}

}  // namespace
}  // namespace fovea::scorer
