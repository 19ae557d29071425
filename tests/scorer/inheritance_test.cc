// What a model with new settings takes over from the one before.

#include <gtest/gtest.h>
#include <xxhash.h>

#include <cstring>
#include <functional>

#include "scorer/bytes.h"
#include "scorer/learner.h"
#include "scorer/model.h"
#include "scorer/model_info.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

class InheritanceTest : public testing::Test {
 protected:
  InheritanceTest() { fold(*parent_, stream_, 1500); }

  // The child under the settings that `change` makes.
  std::unique_ptr<Learner> child(const std::function<void(ModelSettings&)>& change,
                                 Inheritance expected) {
    ModelSettings settings = small_settings();
    change(settings);
    auto learner = new_learner(settings);
    const auto inherited = learner->take_over(parent_->snapshot());
    EXPECT_TRUE(inherited) << (inherited ? "" : inherited.error().message);
    if (inherited) {
      EXPECT_EQ(*inherited, expected);
    }
    EXPECT_EQ(learner->model().parent, parent_->stamp());
    EXPECT_NE(learner->stamp().model_id, parent_->stamp().model_id);
    EXPECT_EQ(learner->view()->item_count(), learner->model().item_count());
    return learner;
  }

  // Each item's vector, bias and count, wherever its row is.
  void expect_same_items(const Learner& learner) const {
    const Model& mine = learner.model();
    const Model& theirs = parent_->model();
    ASSERT_EQ(mine.item_count(), theirs.item_count());
    for (Slot slot = 0; slot < theirs.item_count(); ++slot) {
      const Slot at = mine.catalogue.find(theirs.catalogue.key(slot));
      ASSERT_NE(at, kNoSlot);
      EXPECT_EQ(mine.catalogue.info(at).id, theirs.catalogue.info(slot).id);
      EXPECT_EQ(mine.catalogue.info(at).title, theirs.catalogue.info(slot).title);
      EXPECT_EQ(mine.popularity.count(at), theirs.popularity.count(slot));
      EXPECT_EQ(mine.items.bias(at), theirs.items.bias(slot));
      EXPECT_EQ(mine.items.in(at)[0], theirs.items.in(slot)[0]);
    }
  }

  SmallStream stream_{small_settings()};
  std::unique_ptr<Learner> parent_ = new_learner(small_settings());
};

TEST_F(InheritanceTest, AnotherLimitTakesEverythingOverAndGoesOnFromThere) {
  const auto learner = child([](ModelSettings& s) { s.negatives = 24; }, Inheritance::kRows);

  EXPECT_EQ(learner->stamp().position, parent_->stamp().position);
  EXPECT_EQ(learner->stats().examples, parent_->stats().examples);
  expect_same_items(*learner);
  // Asked before it has learned anything itself, it scores as its parent does.
  for (const std::size_t user : {0U, 7U, 20U}) {
    std::vector<float> scores[2];
    const Model* models[] = {&parent_->model(), &learner->model()};
    for (const std::size_t m : {0U, 1U}) {
      Moment moment;
      make_query(*models[m], UserKey{user}, stream_.users[user], stream_.now(), moment.query);
      const Kernels& with = kernels(fastest_kernel_level());
      prepare(*models[m], with, moment);
      for (Slot slot = 0; slot < models[m]->item_count(); ++slot) {
        scores[m].push_back(
            item_terms(*models[m], with, moment, slot, models[m]->popularity.counts(slot)).score);
      }
    }
    EXPECT_EQ(scores[0], scores[1]);
  }
}

TEST_F(InheritanceTest, TablesOfAnotherShapeBeginAnew) {
  const auto learner = child(
      [](ModelSettings& s) {
        s.history_max = 12;
        s.pair_rows = 128;
        s.neighbour_ring = 512;
        s.example_history_max = 12;
      },
      Inheritance::kRows);

  expect_same_items(*learner);
  EXPECT_EQ(learner->model().transitions.mass(0), 0.0F);
  SmallStream more = stream_;
  more.settings = learner->model().settings;
  fold(*learner, more, 500, learner->stamp().position + 1);
  EXPECT_GT(learner->stats().gradients, parent_->stats().gradients);
}

TEST_F(InheritanceTest, AnotherDimensionTakesTheCatalogueAndLearnsFromTheLog) {
  const auto learner = child([](ModelSettings& s) { s.dim = 32; }, Inheritance::kCatalogue);

  EXPECT_EQ(learner->stamp().position, kNoOffset);
  EXPECT_EQ(learner->stats().examples, 0U);
  ASSERT_EQ(learner->model().item_count(), parent_->model().item_count());
  for (Slot slot = 0; slot < learner->model().item_count(); ++slot) {
    const Slot theirs = parent_->model().catalogue.find(learner->model().catalogue.key(slot));
    ASSERT_NE(theirs, kNoSlot);
    EXPECT_EQ(learner->model().catalogue.info(slot).title,
              parent_->model().catalogue.info(theirs).title);
    EXPECT_EQ(learner->model().use.announced(slot), parent_->model().use.announced(theirs));
    EXPECT_EQ(learner->model().popularity.count(slot), 0U);
  }
  // The log from its beginning, with what it says of the same sources.
  SmallStream again(learner->model().settings);
  fold(*learner, again, 300);
  EXPECT_EQ(learner->stats().repeats_skipped, 0U);
}

TEST_F(InheritanceTest, WithLessRoomTheItemsUsedLastComeAlong) {
  const auto learner = child([](ModelSettings& s) { s.items_max = 10; }, Inheritance::kCatalogue);

  EXPECT_EQ(learner->model().item_count(), 10U);
  std::vector<ItemKey> expected;
  for (const bool announced : {false, true}) {
    parent_->model().use.walk(
        announced, [&](Slot slot) { expected.push_back(parent_->model().catalogue.key(slot)); });
  }
  expected.erase(expected.begin(), expected.end() - 10);
  for (const ItemKey key : expected) EXPECT_TRUE(knows(learner->model(), key));
}

TEST_F(InheritanceTest, TheSameBytesGiveTheSameModelWhoeverTakesThemOver) {
  const auto change = [](ModelSettings& s) { s.pair_rows = 128; };
  const auto first = child(change, Inheritance::kRows);
  const auto second = child(change, Inheritance::kRows);
  SmallStream a = stream_, b = stream_;
  fold(*first, a, 400, 1500);
  fold(*second, b, 400, 1500);

  EXPECT_EQ(first->digest(), second->digest());
  EXPECT_TRUE(first->snapshot() == second->snapshot());
}

TEST_F(InheritanceTest, ASnapshotRemembersTheParent) {
  const auto learner = child([](ModelSettings& s) { s.negatives = 24; }, Inheritance::kRows);
  const auto restored = new_learner(learner->model().settings);
  ASSERT_TRUE(restored->restore(learner->snapshot()));
  EXPECT_EQ(restored->model().parent, parent_->stamp());
  EXPECT_TRUE(restored->snapshot() == learner->snapshot());
}

TEST_F(InheritanceTest, StrangersAndOneselfAreNoParents) {
  const auto refuse = [&](const std::function<void(ModelSettings&)>& change, std::string bytes,
                          const std::string& word) {
    ModelSettings settings = small_settings();
    change(settings);
    const auto learner = new_learner(settings);
    const auto refused = learner->take_over(bytes);
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().disposition, Disposition::kStop);
    EXPECT_NE(refused.error().message.find(word), std::string::npos) << refused.error().message;
    EXPECT_EQ(learner->model().item_count(), 0U);
  };
  const std::string bytes = parent_->snapshot();
  refuse([](ModelSettings& s) { s.topology = "other"; }, bytes, "\"small\", not \"other\"");
  refuse([](ModelSettings&) {}, bytes, "its own parent");
  refuse([](ModelSettings& s) { s.dim = 8; }, bytes.substr(0, bytes.size() - 1), "checksum");
  refuse([](ModelSettings& s) { s.dim = 8; }, "something else", "not a model snapshot");
}

// What a new version of the learner does with what the one before has left.
TEST_F(InheritanceTest, TheSameSettingsUnderAnotherArithmeticAreAParent) {
  std::string bytes = parent_->snapshot();
  ByteWriter settings;
  save(small_settings(), settings);
  bytes[4 + settings.bytes().size()] = static_cast<char>(kLineage + 1);
  const std::size_t body = bytes.size() - 8;
  const std::uint64_t checksum = XXH3_64bits(bytes.data(), body);
  std::memcpy(&bytes[body], &checksum, sizeof checksum);
  const auto learner = new_learner(small_settings());
  ASSERT_FALSE(learner->restore(bytes));

  const auto inherited = learner->take_over(bytes);

  ASSERT_TRUE(inherited) << inherited.error().message;
  EXPECT_EQ(*inherited, Inheritance::kRows);
  EXPECT_EQ(learner->stamp(), parent_->stamp()) << "the lineage is this learner's";
  EXPECT_EQ(learner->model().parent.lineage, kLineage + 1);
  expect_same_items(*learner);
}

}  // namespace
}  // namespace fovea::scorer
