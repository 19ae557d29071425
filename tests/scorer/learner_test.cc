// The fold of the learning log: its laws, what it refuses, and that it learns.

#include "scorer/learner.h"

#include <gtest/gtest.h>

#include <xxhash.h>
#include <optional>

#include <cstring>
#include <iostream>

#include "scorer/bytes.h"
#include "scorer/model.h"
#include "scorer/model_info.h"
#include "scorer/slate_scorer.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

std::vector<LearningRecord> records_of(const ModelSettings& settings, int count,
                                       std::uint64_t seed = 1) {
  SmallStream stream(settings, seed);
  std::vector<LearningRecord> records;
  for (int i = 0; i < count; ++i) records.push_back(stream.next());
  return records;
}

void fold_range(Learner& learner, const std::vector<LearningRecord>& records, std::size_t from,
                std::size_t to) {
  for (std::size_t i = from; i < to; ++i) fold(learner, records[i], static_cast<Offset>(i));
}

ModelSettings seen_excluded() {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;
  return settings;
}

// ---- one order, one result ----

TEST(Learner, EveryKernelLevelGivesTheSameDigestAndSnapshot) {
  for (const ModelSettings& settings : {small_settings(), seen_excluded()}) {
    const auto records = records_of(settings, 3000);
    const auto expected = new_learner(settings, KernelLevel::kPortable);
    fold_range(*expected, records, 0, records.size());
    EXPECT_NE(expected->digest(), 0U);
    for (const KernelLevel level : supported_levels()) {
      const auto found = new_learner(settings, level);
      fold_range(*found, records, 0, records.size());
      EXPECT_EQ(found->digest(), expected->digest()) << name(level);
      EXPECT_TRUE(found->snapshot() == expected->snapshot()) << name(level);
    }
  }
}

// The constant is from x86-64; it is met on 64-bit ARM, too.
TEST(Learner, OneLogHasOneDigestOnEveryMachine) {
  const auto records = records_of(small_settings(), 3000);
  const auto learner = new_learner(small_settings());
  fold_range(*learner, records, 0, records.size());
  EXPECT_EQ(learner->digest(), 3804796014637840816U);
}

TEST(Learner, ARestoredSnapshotGoesOnAsIfNothingHadHappened) {
  for (const ModelSettings& settings : {small_settings(), seen_excluded()}) {
    const auto records = records_of(settings, 1500);
    const auto straight = new_learner(settings);
    fold_range(*straight, records, 0, records.size());
    for (const std::size_t at : {0U, 1U, 19U, 21U, 200U, 777U, 1499U, 1500U}) {
      const auto first = new_learner(settings);
      fold_range(*first, records, 0, at);

      const auto second = new_learner(settings);
      ASSERT_TRUE(second->restore(first->snapshot()));
      EXPECT_TRUE(second->snapshot() == first->snapshot());
      fold_range(*second, records, at, records.size());

      EXPECT_EQ(second->digest(), straight->digest()) << at;
      EXPECT_TRUE(second->snapshot() == straight->snapshot()) << at;
    }
  }
}

TEST(Learner, ARestoredSnapshotKnowsWhatTimeItIs) {
  const auto records = records_of(small_settings(), 100);
  const auto straight = new_learner(small_settings());
  fold_range(*straight, records, 0, records.size());
  const auto restored = new_learner(small_settings());
  ASSERT_TRUE(restored->restore(straight->snapshot()));
  LearningRecord record;
  ItemChange change;
  change.item.item = small_item(500);
  record.source = {"items", 1, 0, 0};
  record.body = change;
  for (Learner* learner : {straight.get(), restored.get()}) fold(*learner, record, 100);
  EXPECT_TRUE(restored->snapshot() == straight->snapshot());
}

TEST(Learner, PublishingChangesNothingOfWhatIsLearned) {
  const auto records = records_of(small_settings(), 600);
  const auto quiet = new_learner(small_settings());
  fold_range(*quiet, records, 0, records.size());
  const auto loud = new_learner(small_settings());
  for (std::size_t i = 0; i < records.size(); ++i) {
    fold_range(*loud, records, i, i + 1);
    if (i % 7 == 0) {
      EXPECT_TRUE(loud->publish());
    }
  }
  EXPECT_TRUE(quiet->snapshot() == loud->snapshot());
}

// ---- positions and sources ----

TEST(Learner, RefusesAPositionThatIsNotAhead) {
  const auto records = records_of(small_settings(), 3);
  const auto learner = new_learner(small_settings());
  fold(*learner, records[0], 10);
  for (const Offset position : {10, 9, 0}) {
    const auto refused = learner->fold(records[1], position);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().disposition, Disposition::kStop);
    EXPECT_NE(refused.error().message.find(std::to_string(position)), std::string::npos);
    EXPECT_NE(refused.error().message.find("10"), std::string::npos);
  }
  EXPECT_TRUE(learner->fold(records[1], 12));  // gaps are the broker's business
  EXPECT_EQ(learner->stamp().position, 12);
}

TEST(Learner, ASourceCountsOnceHoweverOftenItWasWritten) {
  const auto records = records_of(small_settings(), 400);
  const auto once = new_learner(small_settings());
  fold_range(*once, records, 0, records.size());
  const auto twice = new_learner(small_settings());
  fold_range(*twice, records, 0, records.size());
  for (std::size_t i = 300; i < 400; ++i) {
    const auto outcome = twice->fold(records[i], static_cast<Offset>(i + 100));
    EXPECT_EQ(*outcome, LearnOutcome::kRepeat);
  }
  EXPECT_EQ(twice->digest(), once->digest());
  EXPECT_EQ(twice->stats().repeats_skipped, 100U);
  EXPECT_EQ(twice->stats().examples, once->stats().examples);
}

TEST(Learner, OrdinalsOfOneRecordAndPartitionsAreDifferentSources) {
  const auto learner = new_learner(small_settings());
  LearningRecord record;
  Example example;
  example.item = small_item(1);
  record.body = example;
  record.source = {"events", 0, 5, 0};
  EXPECT_EQ(*learner->fold(record, 0), LearnOutcome::kCounted);
  record.source.ordinal = 1;
  EXPECT_EQ(*learner->fold(record, 1), LearnOutcome::kCounted);
  record.source.ordinal = 0;
  EXPECT_EQ(*learner->fold(record, 2), LearnOutcome::kRepeat);
  record.source = {"events", 1, 5, 0};
  EXPECT_EQ(*learner->fold(record, 3), LearnOutcome::kCounted);
  record.source = {"other", 0, 5, 0};
  EXPECT_EQ(*learner->fold(record, 4), LearnOutcome::kCounted);
  EXPECT_EQ(choice_count(learner->model(), small_key(1)), 4U);
}

TEST(Learner, AMarkMovesThePositionAndNothingElse) {
  const auto records = records_of(small_settings(), 100);
  const auto learner = new_learner(small_settings());
  fold_range(*learner, records, 0, records.size());
  const std::uint64_t digest = learner->digest();
  LearningRecord record;
  record.body = Mark{"other-process", 1, 2, 3, 4};

  EXPECT_EQ(*learner->fold(record, 100), LearnOutcome::kMark);

  EXPECT_EQ(learner->stamp().position, 100);
  EXPECT_EQ(learner->digest(), digest);
  EXPECT_EQ(learner->stats().examples + learner->stats().catalogue_changes, 100U);
}

// ---- snapshots ----

class Snapshots : public testing::Test {
 protected:
  Snapshots() {
    const auto records = records_of(small_settings(), 300);
    fold_range(*learner, records, 0, 200);
    other_bytes = learner->snapshot();
    fold_range(*learner, records, 200, 300);
    bytes = learner->snapshot();
  }
  void refuses(std::string_view wrong) {
    const auto restored = learner->restore(wrong);
    ASSERT_FALSE(restored);
    EXPECT_EQ(restored.error().disposition, Disposition::kStop);
    message = restored.error().message;
    ASSERT_FALSE(message.empty());
  }
  void unchanged() const { EXPECT_TRUE(learner->snapshot() == bytes); }

  std::unique_ptr<Learner> learner = new_learner(small_settings());
  std::string bytes, other_bytes, message;
};

TEST_F(Snapshots, TruncatedAnywhereAreRefused) {
  for (std::size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 400) {
    refuses(std::string_view(bytes).substr(0, size));
  }
  refuses(std::string_view(bytes).substr(0, bytes.size() - 1));
  refuses(bytes + '\0');
  unchanged();
}

TEST_F(Snapshots, WithAnyBitFlippedAreRefused) {
  for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 16) {
    std::string wrong = bytes;
    wrong[at] = static_cast<char>(wrong[at] ^ (1 << (at % 8)));
    refuses(wrong);
  }
  unchanged();
}

// Whoever can write a checksum can write anything: it is refused, or it is a model and these are
// its bytes.
TEST_F(Snapshots, OfAnyBytesUnderARightChecksumDoNoHarm) {
  Random random(1, 0);
  int taken = 0;
  for (int round = 0; round < 1500; ++round) {
    std::string wrong = bytes;
    const std::size_t body = wrong.size() - 8;
    for (std::uint32_t flips = 1 + random.below(3); flips > 0; --flips) {
      // Half of them in the catalogue at the front, where counts are dense.
      const std::uint32_t range = random.below(2) == 0 ? 4000 : static_cast<std::uint32_t>(body);
      char& byte = wrong[random.below(range)];
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
    }
    const std::uint64_t checksum = XXH3_64bits(wrong.data(), body);
    std::memcpy(&wrong[body], &checksum, sizeof checksum);
    const auto other = new_learner(small_settings());
    if (!other->restore(wrong)) continue;
    ++taken;
    EXPECT_EQ(other->snapshot(), wrong);
  }
  EXPECT_GT(taken, 0);
  EXPECT_LT(taken, 1500);
}

TEST_F(Snapshots, OfOtherSettingsAreRefusedByName) {
  ModelSettings settings = small_settings();
  settings.half_life_s += 1.0;
  refuses(new_learner(settings)->snapshot());
  EXPECT_NE(message.find("settings"), std::string::npos) << message;
  unchanged();
}

TEST_F(Snapshots, OfAnotherLineageAreRefusedByName) {
  std::string wrong = bytes;
  ByteWriter settings;
  save(small_settings(), settings);
  wrong[4 + settings.bytes().size()] =
      static_cast<char>(kLineage + 1);  // behind magic and settings
  const std::size_t body = wrong.size() - 8;
  const std::uint64_t checksum = XXH3_64bits(wrong.data(), body);
  std::memcpy(&wrong[body], &checksum, sizeof checksum);
  refuses(wrong);
  EXPECT_NE(message.find("lineage " + std::to_string(kLineage + 1)), std::string::npos) << message;
  unchanged();
}

TEST_F(Snapshots, OfAnotherPositionAreTakenAndPublished) {
  ASSERT_TRUE(learner->restore(other_bytes));
  EXPECT_EQ(learner->stamp().position, 199);
  EXPECT_TRUE(learner->snapshot() == other_bytes);
  EXPECT_EQ(learner->view()->stamp.position, 199);
  EXPECT_EQ(learner->view()->item_count(), learner->model().item_count());
}

// ---- what an example does ----

TEST(Learner, NothingIsLearnedByGradientBeforeTheWarmUp) {
  ModelSettings settings = small_settings();
  settings.warmup_examples = 150;
  settings.recent_items_max = 100;  // a short ring does not put the warm-up off
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  for (Offset position = 0; position < 400; ++position) {
    const auto outcome = learner->fold(stream.next(), position);
    if (learner->stats().examples <= 150) {
      EXPECT_NE(*outcome, LearnOutcome::kLearned);
    }
  }
  EXPECT_GT(learner->stats().gradients, 100U);
}

TEST(Learner, AnExampleThatIsCountOnlyOrHasNoStrengthIsCountedAndNotLearned) {
  const auto records = records_of(small_settings(), 500);
  const auto learner = new_learner(small_settings());
  fold_range(*learner, records, 0, 400);
  const std::uint64_t digest = learner->digest();
  for (std::size_t i = 400; i < 500; ++i) {
    LearningRecord record = records[i];
    auto* example = std::get_if<Example>(&record.body);
    if (example == nullptr) continue;
    example->count_only = i % 2 == 0;
    example->strength = i % 2 == 0 ? 1.0F : -.5F;
    const std::uint64_t before = choice_count(learner->model(), example->item.key);
    EXPECT_EQ(*learner->fold(record, static_cast<Offset>(i)), LearnOutcome::kCounted);
    EXPECT_EQ(choice_count(learner->model(), example->item.key),
              before + (example->positive ? 1U : 0U));
  }
  EXPECT_EQ(learner->digest(), digest);
}

// An example of one user who has had `history`, oldest first, a second apart.
LearningRecord choice_after(const std::vector<std::uint64_t>& history, std::uint64_t item,
                            std::int64_t time_s, Offset offset) {
  Example example;
  example.user = UserKey{1};
  example.item = small_item(item);
  example.type = EventType::kClick;
  example.time = TimeMs{time_s * 1000};
  example.positive = true;
  for (std::size_t k = 0; k < history.size(); ++k) {
    example.history.push_back(
        {small_key(history[k]), static_cast<std::int64_t>(history.size() - k) * 1000});
  }
  example.history_length = static_cast<std::uint32_t>(history.size());
  LearningRecord record;
  record.source = {"events", 0, offset, 0};
  record.body = example;
  return record;
}

TEST(Learner, AnImmediateRepeatIsNoTransition) {
  const auto learner = new_learner(small_settings());
  const Model& model = learner->model();
  fold(*learner, choice_after({}, 1, 10, 0), 0);
  fold(*learner, choice_after({1}, 2, 20, 1), 1);
  const Slot first = model.catalogue.find(small_key(1));
  const float mass = model.transitions.mass(first);
  ASSERT_GT(mass, 0.0F);

  fold(*learner, choice_after({1, 2}, 2, 30, 2), 2);
  EXPECT_EQ(model.transitions.mass(first), mass) << "2 after 1, 2 repeats the newest";
  fold(*learner, choice_after({1, 2}, 3, 40, 3), 3);
  EXPECT_GT(model.transitions.mass(first), mass);
}

TEST(Learner, ALateExampleDoesNotSetTheClockBack) {
  const auto learner = new_learner(small_settings());
  fold(*learner, choice_after({}, 1, 5'000, 0), 0);
  fold(*learner, choice_after({}, 2, 1'000, 1), 1);
  LearningRecord announced;
  announced.source = {"items", 0, 0, 0};
  ItemChange change;
  change.item.item = small_item(3);
  announced.body = change;
  fold(*learner, announced, 2);

  const Slot slot = learner->model().catalogue.find(small_key(3));
  EXPECT_EQ(learner->model().popularity.first_s()[slot], 5'000.0);
}

// How far an item's score is from the mean of all.
double lead_of(const Learner& learner, const Behaviour& behaviour, TimeMs now, ItemKey item) {
  SlateScorer scorer(learner.model().settings);
  SlateRequest request;
  request.now = now;
  request.size = 1000;
  request.explain = ExplainLevel::kOff;
  const auto slate = scorer.slate(learner.model(), behaviour, request);
  double sum = 0.0;
  std::optional<double> score;
  for (const RecommendedItem& entry : slate) {
    sum += entry.score;
    if (entry.item.key == item) score = entry.score;
  }
  EXPECT_TRUE(score) << "no such item";
  return score.value_or(0.0) - sum / static_cast<double>(slate.size());
}

TEST(Learner, ARefusedItemFallsAndIsNotCounted) {
  SmallStream stream(seen_excluded());
  const auto learner = new_learner(seen_excluded());
  fold(*learner, stream, 1000);
  auto [event, user] = stream.next_event();
  event.type = EventType::kDislike;
  // An item the user has not had, so that the slate holds it before and after.
  const double before = lead_of(*learner, stream.users[user], event.event_time, event.item.key);
  const std::uint64_t count = choice_count(learner->model(), event.item.key);

  EXPECT_EQ(*learner->fold(stream.record_of(event, user), 5000), LearnOutcome::kLearned);

  EXPECT_LT(lead_of(*learner, stream.users[user], event.event_time, event.item.key), before);
  EXPECT_EQ(choice_count(learner->model(), event.item.key), count);
}

TEST(Learner, ARemovalOfWhatNobodyKnowsNeedsNoRow) {
  const auto learner = new_learner(small_settings());
  LearningRecord record;
  record.source = {"items", 0, 0, 0};
  record.body = ItemChange{{small_item(1), "", "", {}, {}, {}, "", {}, true, {}}, true};
  EXPECT_EQ(*learner->fold(record, 0), LearnOutcome::kCatalogue);
  EXPECT_EQ(learner->stats().items, 0U);
  EXPECT_EQ(learner->stats().catalogue_changes, 1U);
}

TEST(Learner, ARemovedItemKeepsItsRowAndComesBack) {
  const auto records = records_of(small_settings(), 200);
  const auto learner = new_learner(small_settings());
  fold_range(*learner, records, 0, records.size());
  const Slot slot = learner->model().catalogue.find(small_key(3));
  LearningRecord record;
  ItemChange change;
  change.item.item = small_item(3);
  change.removed = true;
  record.source = {"items", 1, 0, 0};
  record.body = change;
  fold(*learner, record, 200);
  EXPECT_FALSE(learner->model().catalogue.live(slot));
  EXPECT_EQ(learner->model().catalogue.info(slot).id, "item-3");

  change.removed = false;
  change.item.title = "back";
  record.source.offset = 1;
  record.body = change;
  fold(*learner, record, 201);
  EXPECT_TRUE(learner->model().catalogue.live(slot));
  EXPECT_EQ(learner->model().catalogue.info(slot).title, "back");
  EXPECT_EQ(learner->model().catalogue.find(small_key(3)), slot);
}

TEST(Learner, RefusesSettingsOutOfRange) {
  ModelSettings settings = small_settings();
  settings.dim = 0;
  const auto learner = Learner::create(settings);
  ASSERT_FALSE(learner);
  EXPECT_NE(learner.error().message.find("model.dim = 0"), std::string::npos);
}

// Mean reciprocal rank of each choice, asked before it is learned.
double reciprocal_rank(ModelSettings settings, Parts parts) {
  settings.parts = parts;
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  SlateScorer scorer(settings);
  double sum = 0.0;
  int asked = 0;
  for (Offset position = 0; position < 4000; ++position) {
    const auto [event, user] = stream.next_event();
    const Behaviour& before = stream.users[user];
    if (position > 1000 && event.type == EventType::kClick && !before.history.empty()) {
      SlateRequest request;
      request.now = event.event_time;
      if (const auto ranks = scorer.rank(learner->model(), before, request, event.item.key)) {
        sum += 1.0 / (1.0 + static_cast<double>(ranks->rank));
        ++asked;
      }
    }
    fold(*learner, stream.record_of(event, user), position);
    stream.apply(stream.users[user], event);
  }
  return sum / asked;
}

TEST(Learner, LearningBeatsNotLearning) {
  for (const ModelSettings& settings : {small_settings(), seen_excluded()}) {
    const double learned = reciprocal_rank(settings, {});
    Parts counting;
    counting.learning = false;
    const double counted = reciprocal_rank(settings, counting);
    Parts no_memory;
    no_memory.memory = false;
    const double without_memory = reciprocal_rank(settings, no_memory);
    RecordProperty("learned", std::to_string(learned));
    std::cout << "mean reciprocal rank: learned " << learned << ", counted " << counted
              << ", without memory " << without_memory << "\n";
    EXPECT_GT(learned, counted + .02);
    // Vectors alone find the structure: far above the tenth of a 60-item list at random.
    EXPECT_GT(without_memory, .2);
  }
}

}  // namespace
}  // namespace fovea::scorer
