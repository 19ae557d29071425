// Scores of the fast path against the float64 reference, and what can be asked of a model.

#include "scorer/model.h"

#include <gtest/gtest.h>

#include <cmath>

#include "scorer/model_info.h"
#include "scorer/reference.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

// Every way the model is built: repeats allowed or not, and each part left out.
std::vector<std::pair<std::string, ModelSettings>> variants() {
  std::vector<std::pair<std::string, ModelSettings>> out(9, {"", small_settings()});
  out[0].first = "repeats";
  out[1].first = "seen_excluded";
  out[1].second.exclude_seen = true;
  out[2].first = "without_attention";
  out[2].second.parts.attention = false;
  out[3].first = "without_memory";
  out[3].second.parts.memory = false;
  out[4].first = "without_repeat";
  out[4].second.parts.repeat = false;
  out[5].first = "without_pairs";
  out[5].second.parts.pairs = false;
  out[6].first = "without_neighbours";
  out[6].second.parts.neighbours = false;
  out[7].first = "without_content";
  out[7].second.parts.content = false;
  out[8].first = "without_ranking";
  out[8].second.parts.ranking = false;
  return out;
}

class EveryModel : public testing::TestWithParam<std::pair<std::string, ModelSettings>> {};

TEST_P(EveryModel, ScoresEveryItemAsTheReferenceDoes) {
  const ModelSettings& settings = GetParam().second;
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  fold(*learner, stream, 2000);
  const Model& model = learner->model();
  const reference::Parameters parameters = reference::read(model);

  Moment moment;
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    make_query(model, UserKey{user}, stream.users[user], stream.now(), moment.query);
    prepare(model, kernels(fastest_kernel_level()), moment);
    const reference::Question question = reference::ask(parameters, model, moment.query);
    const reference::Interest interest = reference::attend(parameters, question);
    const reference::Memory memory = reference::remember(
        parameters, question, static_cast<double>(model.popularity.total(moment.query.now_s)));

    EXPECT_EQ(question.buckets.gap, moment.buckets.gap);
    EXPECT_EQ(question.buckets.length, moment.buckets.length);
    EXPECT_EQ(question.buckets.mass, moment.buckets.mass);
    EXPECT_EQ(question.buckets.pair, moment.repeat.pair);
    EXPECT_EQ(question.buckets.share, moment.repeat.share);
    for (Slot slot = 0; slot < model.item_count(); ++slot) {
      const ItemCounts counts = model.popularity.counts(slot);
      const ItemTerms terms =
          item_terms(model, kernels(fastest_kernel_level()), moment, slot, counts);
      const double exact =
          reference::score(parameters, question, interest, memory, slot, counts).score();
      EXPECT_NEAR(static_cast<double>(terms.score), exact, 5e-5 * (1.0 + std::fabs(exact)))
          << "user " << user << " item " << slot;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Variants, EveryModel, testing::ValuesIn(variants()),
                         [](const auto& variant) { return variant.param.first; });

TEST(ModelInfo, KnowsWhatWasFolded) {
  const ModelSettings settings = small_settings();
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  std::uint64_t choices = 0;
  for (int i = 0; i < 500; ++i) {
    const LearningRecord record = stream.next();
    fold(*learner, record, i);
    const auto* example = std::get_if<Example>(&record.body);
    if (example != nullptr && example->positive && example->item.key == small_key(7)) ++choices;
  }
  const Model& model = learner->model();

  EXPECT_TRUE(knows(model, small_key(7)));
  EXPECT_FALSE(knows(model, small_key(1'000)));
  EXPECT_EQ(choice_count(model, small_key(7)), choices);
  EXPECT_EQ(choice_count(model, small_key(1'000)), 0U);
  EXPECT_EQ(item_id(model, small_key(7)), "item-7");
  EXPECT_EQ(item_id(model, small_key(1'000)), "");
  EXPECT_EQ(stamp(model).position, 499);
  EXPECT_EQ(stamp(model).model_id, model_id(settings));
  EXPECT_EQ(item_count(model), learner->stats().items);
  for (const TableMemory& table : memory(model)) {
    const bool of_items = table.table != "pairs" && table.table != "neighbours";
    EXPECT_TRUE(!of_items || table.rows == item_count(model)) << table.table;
    EXPECT_GT(table.bytes, 0U) << table.table;
  }
}

TEST(ModelInfo, SaysHowMuchEachKindOfContentCounts) {
  const ModelSettings settings = small_settings();
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  EXPECT_TRUE(content_attention(learner->model()).empty());
  fold(*learner, stream, 2000);
  const auto kinds = content_attention(learner->model());
  ASSERT_EQ(kinds.size(), 2U);
  EXPECT_EQ(kinds[0].first, "words");
  EXPECT_EQ(kinds[1].first, "categories");
  EXPECT_NEAR(kinds[0].second + kinds[1].second, 1.0, 1e-9);
  EXPECT_GT(kinds[1].second, .5) << "users stay in a group for a while";
}

TEST(Query, HasNoMoreThanHistoryMaxEntriesWhateverTheExampleCarries) {
  ModelSettings settings = small_settings();
  settings.history_max = 5;
  settings.example_history_max = 5;
  const Model model(settings);
  Example example;
  for (std::uint64_t item = 0; item < 20; ++item) {
    example.history.push_back({small_key(item), static_cast<std::int64_t>(20 - item)});
  }
  example.history_length = 20;

  Query query;
  make_query(model, example, query);

  ASSERT_EQ(query.history.size(), 5U);
  EXPECT_EQ(query.newest(0).key, small_key(19));
  EXPECT_EQ(query.history_length, 5U);
  Moment moment;
  moment.query = query;
  prepare(model, kernels(fastest_kernel_level()), moment);
}

TEST(Query, AnExampleAsksWhatTheProfileAsks) {
  ModelSettings settings = small_settings();
  settings.example_history_max = settings.history_max;
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  fold(*learner, stream, 1000);
  const auto [event, user] = stream.next_event();

  Query of_example, of_profile;
  make_query(learner->model(), make_example(settings, stream.users[user], event, UserKey{user}),
             of_example);
  make_query(learner->model(), UserKey{user}, stream.users[user], event.event_time, of_profile);

  EXPECT_EQ(of_example.history_length, of_profile.history_length);
  EXPECT_EQ(of_example.context_rows, of_profile.context_rows);
  ASSERT_EQ(of_example.history.size(), of_profile.history.size());
  for (std::size_t k = 0; k < of_profile.history.size(); ++k) {
    EXPECT_EQ(of_example.history[k].slot, of_profile.history[k].slot);
    EXPECT_EQ(of_example.history[k].age_ms, of_profile.history[k].age_ms);
  }
  ASSERT_EQ(of_example.older.size(), of_profile.older.size());
  for (std::size_t k = 0; k < of_profile.older.size(); ++k) {
    EXPECT_EQ(of_example.older[k].slot, of_profile.older[k].slot);
  }
  ASSERT_EQ(of_example.own_items.size(), of_profile.own_items.size());
  for (std::size_t k = 0; k < of_profile.own_items.size(); ++k) {
    EXPECT_EQ(of_example.own_items[k].slot, of_profile.own_items[k].slot);
    EXPECT_EQ(of_example.own_items[k].lag_class, of_profile.own_items[k].lag_class);
    EXPECT_EQ(of_example.own_items[k].age_ms, of_profile.own_items[k].age_ms);
    EXPECT_EQ(of_example.own_items[k].count, of_profile.own_items[k].count);
  }
}

TEST(Buckets, AreThoseOfTheReadme) {
  EXPECT_EQ(gap_bucket(-5), 0U);
  EXPECT_EQ(gap_bucket(999), 0U);
  EXPECT_EQ(gap_bucket(1000), 1U);
  EXPECT_EQ(gap_bucket(2999), 1U);
  EXPECT_EQ(gap_bucket(3000), 2U);
  EXPECT_EQ(gap_bucket(INT64_MAX), 31U);
  const std::pair<std::uint32_t, std::size_t> lengths[] = {
      {0, 0}, {1, 0}, {2, 1}, {3, 2}, {5, 2}, {6, 3}, {12, 3}, {13, 4}, {49, 4}, {50, 5}, {900, 5}};
  for (const auto& [length, bucket] : lengths) EXPECT_EQ(length_bucket(length), bucket) << length;
  const std::pair<float, std::size_t> masses[] = {{0.0F, 0}, {.5F, 1},   {.99F, 1}, {1.0F, 2},
                                                  {3.0F, 3}, {300.F, 9}, {1e9F, 9}};
  for (const auto& [mass, bucket] : masses) EXPECT_EQ(mass_bucket(mass), bucket) << mass;
}

}  // namespace
}  // namespace fovea::scorer
