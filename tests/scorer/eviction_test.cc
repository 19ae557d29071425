// What happens when there are more items than rows: who gives way, and that nothing stays of it.
// The laws of snapshots, views and the reference hold with it, too: tests/property.

#include <gtest/gtest.h>

#include <algorithm>

#include "scorer/learner.h"
#include "scorer/model.h"
#include "scorer/model_info.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

// Rows for 20 of the stream's 60 items.
ModelSettings crowded() {
  ModelSettings settings = small_settings();
  settings.items_max = 20;
  return settings;
}

class Eviction : public testing::Test {
 protected:
  // User `user` chooses `item`; the history is what that user chose before.
  void choose(std::size_t user, std::uint64_t item) {
    now_ms_ += 1000;
    Event event;
    event.event_time = TimeMs{now_ms_};
    event.record_time = event.event_time;
    event.type = EventType::kClick;
    event.item = small_item(item);
    fold(*learner_, stream_.record_of(event, user), position_++);
    stream_.apply(stream_.users[user], event);
  }

  void say(std::uint64_t item, bool removed = false) {
    LearningRecord record;
    record.source = {"items", 0, position_, 0};
    ItemChange change;
    change.item.item = small_item(item);
    change.item.title = "title";
    change.removed = removed;
    record.body = std::move(change);
    fold(*learner_, record, position_++);
  }

  [[nodiscard]] bool known(std::uint64_t item) const {
    return learner_->model().catalogue.find(small_key(item)) != kNoSlot;
  }
  [[nodiscard]] Slot slot_of(std::uint64_t item) const {
    return learner_->model().catalogue.find(small_key(item));
  }

  ModelSettings settings_ = crowded();
  std::unique_ptr<Learner> learner_ = new_learner(settings_);
  SmallStream stream_{settings_};
  std::int64_t now_ms_ = 1'700'000'000'000;
  Offset position_ = 0;
};

TEST_F(Eviction, TheItemChosenLongestAgoGivesWay) {
  for (std::uint64_t item = 0; item < 20; ++item) choose(0, item);
  choose(1, 0);
  const Slot row = slot_of(1);

  choose(2, 100);

  EXPECT_FALSE(known(1));
  EXPECT_TRUE(known(0));
  EXPECT_EQ(slot_of(100), row);
  EXPECT_EQ(learner_->model().item_count(), 20U);
  EXPECT_EQ(learner_->stats().items_evicted, 1U);
}

TEST_F(Eviction, AnnouncedItemsGiveWayOnlyWhenThereAreNoOthers) {
  for (std::uint64_t item = 0; item < 18; ++item) say(item);
  choose(0, 50);
  choose(0, 51);

  choose(0, 52);
  EXPECT_FALSE(known(50));
  choose(0, 53);
  EXPECT_FALSE(known(51));
  EXPECT_TRUE(known(0));

  say(52);
  say(53);
  choose(1, 54);
  EXPECT_FALSE(known(0));
  EXPECT_TRUE(known(52));
}

TEST_F(Eviction, WhoTakesTheRowOfAnAnnouncedItemIsNotAnnounced) {
  for (std::uint64_t item = 0; item < 20; ++item) say(item);
  choose(0, 50);
  ASSERT_FALSE(known(0));

  choose(0, 51);

  EXPECT_FALSE(known(50));
  EXPECT_TRUE(known(1));
}

TEST_F(Eviction, ARemovedItemIsAsGoodAsOneNeverAnnounced) {
  for (std::uint64_t item = 0; item < 20; ++item) say(item);
  say(7, true);

  choose(0, 50);

  EXPECT_FALSE(known(7));
}

TEST_F(Eviction, ARowThatIsTakenOverKnowsNothingOfTheItemBefore) {
  // 0 and 1 follow each other for everybody, then nobody comes back to them.
  for (std::size_t user = 0; user < 12; ++user) {
    choose(user, 0);
    choose(user, 1);
    choose(user, 2);
  }
  for (std::uint64_t item = 3; item < 20; ++item) choose(13, item);
  const Slot row = slot_of(0);
  choose(14, 60);
  ASSERT_EQ(slot_of(60), row);
  ASSERT_FALSE(known(0));

  const Model& model = learner_->model();
  EXPECT_EQ(model.popularity.count(row), 1U);
  EXPECT_EQ(model.catalogue.info(row).id, "item-60");
  // Who chose 1 came from 0, and 2 came next: whoever asks so hears of 2, not of 60.
  Moment moment;
  make_query(model, UserKey{99}, stream_.users[3], TimeMs{now_ms_}, moment.query);
  prepare(model, kernels(fastest_kernel_level()), moment);
  const SparseLine& line = moment.columns.find(row);
  EXPECT_EQ(line.follows, 0.0F);
  EXPECT_EQ(line.precedes, 0.0F);
  EXPECT_EQ(line.pairs, 0.0F);
  EXPECT_EQ(line.neighbours, 0.0F);
  std::vector<float> initial(model.items.stride());
  model.items.initial_vector(small_key(60), initial.data());
  EXPECT_TRUE(std::equal(initial.begin(), initial.end(), model.items.in(row)));
}

TEST_F(Eviction, WhatCameAfterAPairIsNotTheNewItem) {
  for (std::size_t user = 0; user < 12; ++user) {
    for (const std::uint64_t item : {3U, 4U, 0U}) choose(user, item);
  }
  for (std::uint64_t item = 1; item < 20; ++item) {
    if (item != 3 && item != 4) choose(13, item);
  }
  choose(15, 3);
  choose(15, 4);
  const Slot row = slot_of(0);
  const auto pairs_of_row = [&] {
    Moment moment;
    make_query(learner_->model(), UserKey{15}, stream_.users[15], TimeMs{now_ms_}, moment.query);
    prepare(learner_->model(), kernels(fastest_kernel_level()), moment);
    return moment.columns.find(row).pairs;
  };
  ASSERT_GT(pairs_of_row(), 0.0F);

  choose(14, 60);

  ASSERT_EQ(slot_of(60), row);
  EXPECT_EQ(pairs_of_row(), 0.0F);
}

TEST_F(Eviction, ANewItemIsNotRepeatedAsTheOneBefore) {
  const auto rate = [&](std::uint64_t item) {
    const Model& model = learner_->model();
    QueryOwnItem own;
    own.slot = slot_of(item);
    own.lag_class = 1;
    own.count = 1;
    return model.repeat.parts(own, {}, 1, {}, model.linear).rate;
  };
  for (int round = 0; round < 60; ++round) {
    choose(0, 0);
    choose(0, 1);
  }
  for (std::uint64_t item = 2; item < 20; ++item) choose(1, item);
  ASSERT_NE(rate(0), rate(19)) << "0 is had again all the time";
  const Slot row = slot_of(0);

  choose(2, 60);
  choose(2, 61);

  ASSERT_EQ(slot_of(60), row);
  EXPECT_EQ(rate(60), rate(19));
  EXPECT_EQ(rate(61), rate(19));
}

TEST_F(Eviction, AnItemThatComesBackBeginsAnew) {
  for (std::uint64_t item = 0; item < 21; ++item) choose(0, item);
  ASSERT_FALSE(known(0));

  choose(1, 0);

  EXPECT_TRUE(known(0));
  EXPECT_EQ(choice_count(learner_->model(), small_key(0)), 1U);
  EXPECT_EQ(learner_->model().item_count(), 20U);
}

// What a table may hold follows from the limits, not from how much there was.
TEST_F(Eviction, ThirtyThousandItemsNeedNoMoreMemoryThanAFewThousand) {
  const auto total = [&] {
    std::uint64_t bytes = 0;
    for (const TableMemory& table : memory(learner_->model())) bytes += table.bytes;
    return bytes;
  };
  for (std::uint64_t item = 0; item < 3'000; ++item) choose(item % 25, item);
  const std::uint64_t before = total();
  for (std::uint64_t item = 3'000; item < 30'000; ++item) choose(item % 25, item);

  EXPECT_LT(total(), before + before / 4);
  EXPECT_EQ(learner_->stats().items, 20U);
  EXPECT_EQ(learner_->stats().items_evicted, 30'000U - 20U);
}

TEST_F(Eviction, ALimitThatIsNotReachedChangesNothing) {
  ModelSettings roomy = small_settings();
  roomy.items_max = 61;
  const auto limited = new_learner(roomy);
  const auto unlimited = new_learner(small_settings());
  // The model id is part of every draw, so only what is drawn of nothing can be compared: counts.
  SmallStream first(roomy), second(roomy);
  fold(*limited, first, 1000);
  fold(*unlimited, second, 1000);

  EXPECT_EQ(limited->stats().items_evicted, 0U);
  ASSERT_EQ(limited->model().item_count(), unlimited->model().item_count());
  for (Slot slot = 0; slot < limited->model().item_count(); ++slot) {
    EXPECT_EQ(limited->model().popularity.count(slot), unlimited->model().popularity.count(slot));
  }
}

TEST(ModelId, IsWhatItWasBeforeThereWasALimit) {
  ModelSettings other = small_settings();
  other.items_max = 20;
  EXPECT_EQ(model_id(small_settings()), 11268578978697707278U);
  EXPECT_NE(model_id(other), model_id(small_settings()));
}

}  // namespace
}  // namespace fovea::scorer
