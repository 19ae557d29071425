// What readers see while one thread learns. Meant to run under the thread sanitizer too.

#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "scorer/learner.h"
#include "scorer/model.h"
#include "scorer/slate_scorer.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

// Every score a user gets of a model, and how it is explained.
std::vector<double> scores_of(const Model& model, const Behaviour& behaviour, TimeMs now) {
  SlateScorer scorer(model.settings);
  SlateRequest request;
  request.now = now;
  request.size = 1000;
  request.explain = ExplainLevel::kFull;
  std::vector<double> scores;
  for (const RecommendedItem& item : scorer.slate(model, behaviour, request)) {
    scores.push_back(item.score);
    scores.push_back(item.why->bias);
    for (const auto& part : item.why->history) scores.push_back(part.contribution);
    for (const auto& part : item.why->features) scores.push_back(part.contribution);
  }
  return scores;
}

TEST(Views, ShowExactlyWhatWasPublished) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  for (Offset position = 0; position < 2000; ++position) {
    fold(*learner, stream.next(), position);
    if (position % 97 != 0) continue;
    ASSERT_TRUE(learner->publish());
    const ModelView view = learner->view();
    EXPECT_EQ(view->stamp, learner->stamp());
    for (const std::size_t user : {0U, 7U}) {
      EXPECT_EQ(scores_of(*view, stream.users[user], stream.now()),
                scores_of(learner->model(), stream.users[user], stream.now()));
    }
  }
}

// Every table but the item vectors, whose Adagrad sums a view goes without.
std::string tables_of(const Model& model) {
  ByteWriter out;
  model.catalogue.save(out);
  model.popularity.save(out);
  model.transitions.save(out);
  model.attention.save(out);
  model.linear.save(out);
  model.repeat.save(out);
  model.head.save(out);
  for (Slot slot = 0; slot < model.item_count(); ++slot) {
    for (std::size_t d = 0; d < model.items.stride(); ++d) {
      out.fixed(model.items.in(slot)[d]);
      out.fixed(model.items.out(slot)[d]);
    }
    out.fixed(model.items.bias(slot));
  }
  return out.take();
}

TEST(Views, HoldEveryTableAfterEverySingleRecord) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  for (Offset position = 0; position < 600; ++position) {
    fold(*learner, stream.next(), position);
    ASSERT_TRUE(learner->publish());
    ASSERT_TRUE(tables_of(*learner->view()) == tables_of(learner->model())) << position;
  }
}

TEST(Views, DoNotChangeUntilTheNextPublish) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  fold(*learner, stream, 500);
  ASSERT_TRUE(learner->publish());
  const ModelView view = learner->view();
  const Behaviour behaviour = stream.users[0];
  const TimeMs now = stream.now();
  const auto before = scores_of(*view, behaviour, now);

  fold(*learner, stream, 500, 500);
  EXPECT_EQ(scores_of(*view, behaviour, now), before);
  EXPECT_EQ(scores_of(*learner->view(), behaviour, now), before);
  ASSERT_TRUE(learner->publish());  // the other copy: the held one stays
  EXPECT_EQ(scores_of(*view, behaviour, now), before);
  EXPECT_NE(scores_of(*learner->view(), behaviour, now), before);
}

TEST(Views, PublishWaitsForWhoStillReadsTheRetiredOne) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  fold(*learner, stream, 100);
  ASSERT_TRUE(learner->publish());
  {
    const ModelView held = learner->view();
    fold(*learner, stream, 100, 100);
    ASSERT_TRUE(learner->publish());
    fold(*learner, stream, 100, 200);
    EXPECT_FALSE(learner->publish());
    EXPECT_EQ(learner->view()->stamp.position, 199);
  }
  EXPECT_TRUE(learner->publish());
  EXPECT_EQ(learner->view()->stamp.position, 299);
}

// A model may be replaced while workers read: what they hold stays, and nothing of the model before
// is left in either copy, though it knew more items.
TEST(Views, OutliveARestoreAndThenShowTheOtherModelAlone) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  const auto other = new_learner(small_settings());
  for (Offset position = 0; position < 20; ++position) {
    const LearningRecord record = stream.next();
    fold(*learner, record, position);
    fold(*other, record, position);
  }
  fold(*learner, stream, 500, 20);
  ASSERT_TRUE(learner->publish());
  ASSERT_LT(other->model().item_count(), learner->model().item_count());
  {
    const ModelView held = learner->view();
    fold(*learner, stream, 20, 520);
    ASSERT_TRUE(learner->publish());
    const std::string before = tables_of(*held);
    ASSERT_TRUE(learner->restore(other->snapshot()));
    EXPECT_TRUE(tables_of(*held) == before);
    EXPECT_EQ(learner->view()->stamp.position, 539) << "the copy to write to is still read";
    EXPECT_FALSE(learner->publish());
  }
  for (int copies = 0; copies < 2; ++copies) {
    ASSERT_TRUE(learner->publish());
    EXPECT_TRUE(tables_of(*learner->view()) == tables_of(other->model()));
  }
  EXPECT_EQ(learner->snapshot(), other->snapshot());
}

// Between a restore and its second copy rows change and are added: the copy is neither whole nor a
// list of rows alone.
TEST(Views, ShowWhatIsLearnedBetweenARestoreAndTheSecondCopy) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  fold(*learner, stream, 60);
  const std::size_t restored = learner->model().item_count();
  ASSERT_TRUE(learner->restore(learner->snapshot()));
  EXPECT_TRUE(tables_of(*learner->view()) == tables_of(learner->model()));
  fold(*learner, stream, 300, 60);
  ASSERT_GT(learner->model().item_count(), restored);
  for (int copies = 0; copies < 2; ++copies) {
    ASSERT_TRUE(learner->publish());
    EXPECT_TRUE(tables_of(*learner->view()) == tables_of(learner->model()));
  }
}

// Large enough that several threads read its snapshot and copy it.
std::unique_ptr<Learner> large_learner(const ModelSettings& settings) {
  constexpr Offset kItems = 5'000;
  auto learner = new_learner(settings);
  for (Offset item = 0; item < kItems; ++item) {
    LearningRecord record;
    record.source = {"items", 0, item, 0};
    ItemChange change;
    change.item.item.key = small_key(static_cast<std::uint64_t>(item));
    change.item.item.id = std::to_string(item);
    record.body = std::move(change);
    fold(*learner, record, item);
  }
  SmallStream stream(settings);
  fold(*learner, stream, 200, kItems);
  return learner;
}

ModelSettings large_settings() {
  ModelSettings settings = small_settings();
  settings.dim = 64;
  return settings;
}

TEST(Views, OfALargeModelAreWhatItsSnapshotHolds) {
  const auto learner = large_learner(large_settings());
  const std::string snapshot = learner->snapshot();

  const auto restored = new_learner(large_settings());
  ASSERT_TRUE(restored->restore(snapshot));
  EXPECT_TRUE(restored->snapshot() == snapshot);
  for (int copies = 0; copies < 2; ++copies) {
    EXPECT_TRUE(tables_of(*restored->view()) == tables_of(learner->model()));
    ASSERT_TRUE(restored->publish());
  }
}

// It is read while its checksum is still being taken.
TEST(Views, StayWhenALargeSnapshotIsDamagedWhereverThatIs) {
  const auto learner = large_learner(large_settings());
  const std::string snapshot = learner->snapshot();
  const auto heir = [] {
    ModelSettings settings = large_settings();
    settings.half_life_s *= 2;
    return new_learner(settings);
  }();

  for (std::size_t at = 4; at < snapshot.size(); at += 1 + at / 4) {
    std::string damaged = snapshot;
    damaged[at] = static_cast<char>(~damaged[at]);
    const auto restored = learner->restore(damaged);
    ASSERT_FALSE(restored) << at;
    EXPECT_NE(restored.error().message.find("checksum"), std::string::npos) << at;
    const auto taken = heir->take_over(damaged);
    ASSERT_FALSE(taken) << at;
    EXPECT_NE(taken.error().message.find("checksum"), std::string::npos) << at;
  }

  EXPECT_TRUE(learner->snapshot() == snapshot);
  EXPECT_EQ(heir->view()->item_count(), 0U);
}

TEST(Views, AMovedViewIsReleasedOnce) {
  const auto learner = new_learner(small_settings());
  {
    ModelView first = learner->view();
    ModelView second(std::move(first));
    ModelView third = learner->view();
    third = std::move(second);
    EXPECT_EQ(third->item_count(), 0U);
  }
  EXPECT_TRUE(learner->publish());
  EXPECT_TRUE(learner->publish());
}

TEST(Views, BeforeTheFirstPublishAreTheEmptyModel) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  fold(*learner, stream, 50);
  EXPECT_EQ(learner->view()->item_count(), 0U);
  EXPECT_EQ(learner->view()->stamp.position, kNoOffset);
}

TEST(Views, ReadersAndAPublisherDoNotMeet) {
  SmallStream stream(small_settings());
  const auto learner = new_learner(small_settings());
  fold(*learner, stream, 300);
  ASSERT_TRUE(learner->publish());
  const std::vector<Behaviour> users = stream.users;
  const TimeMs now = stream.now();

  std::atomic<bool> done = false;
  std::atomic<int> reads = 0;
  const auto reader = [&](std::size_t user) {
    Offset newest = 0;
    while (!done.load()) {
      const ModelView view = learner->view();
      EXPECT_GE(view->stamp.position, newest);
      newest = view->stamp.position;
      // Two readings of one view are equal: nobody writes under a reader.
      EXPECT_EQ(scores_of(*view, users[user], now), scores_of(*view, users[user], now));
      ++reads;
    }
  };
  std::vector<std::thread> readers;
  for (const std::size_t user : {1U, 2U, 3U}) readers.emplace_back(reader, user);
  Offset position = 300;
  int published = 0;
  // Both sides get their turns, however the machine schedules them.
  while (position < 1500 || (reads.load() < 30 && position < 200'000)) {
    fold(*learner, stream.next(), position++);
    if (learner->publish()) ++published;
  }
  done = true;
  for (std::thread& thread : readers) thread.join();

  EXPECT_GT(published, 0);
  EXPECT_GT(reads.load(), 0);
  EXPECT_TRUE(learner->publish());
  EXPECT_EQ(learner->view()->stamp, learner->stamp());
}

}  // namespace
}  // namespace fovea::scorer
