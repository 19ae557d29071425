// Profiles from a changelog into a store: what replaces what, and where it ends.

#include "topologies/restore.h"

#include <gtest/gtest.h>

#include "profile_store/memory_profile_store.h"
#include "profile_store/profile_codec.h"
#include "tests/topologies/fake_transport.h"

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;

std::string encoded(Offset applied) {
  Profile profile;
  profile.behaviour.applied = applied;
  return profile_store::encode_profile(profile);
}

// Counts what a store is asked.
class CountingStore final : public profile_store::ProfileStore {
 public:
  explicit CountingStore(profile_store::ProfileStore& store) : store_(store) {}

  std::vector<UserId> asked;
  int loads = 0;
  int applied = 0;

  Result<std::vector<std::optional<Profile>>> get(Partition partition,
                                                  const std::vector<UserId>& users) override {
    asked.insert(asked.end(), users.begin(), users.end());
    return store_.get(partition, users);
  }
  Result<void> apply(const profile_store::StoreBatch& batch) override {
    ++applied;
    return store_.apply(batch);
  }
  Result<void> load(const profile_store::StoreBatch& batch) override {
    ++loads;
    return store_.load(batch);
  }
  Result<std::optional<profile_store::PartitionPositions>> positions(Partition partition) override {
    return store_.positions(partition);
  }
  Result<std::vector<Partition>> partitions() override { return store_.partitions(); }
  Result<void> for_each(const Visitor& visitor) override { return store_.for_each(visitor); }

 private:
  profile_store::ProfileStore& store_;
};

class RestoreTest : public testing::Test {
 protected:
  // All of one user.
  void write_more_than_is_loaded_at_a_time() {
    for (int i = 0; i < 150'000; ++i) reader_.records.emplace_back("v", encoded(10 + i));
  }
  Result<Restored> restore(RestoreRequest request) {
    return restore_partition(reader_, request, *store_, SystemClock(), stopping_);
  }
  std::optional<Profile> profile(const std::string& user) {
    return (*store_->get(0, {{user}})).front();
  }

  std::atomic<bool> stopping_{false};
  FakeReader reader_{"profiles", 0, 0};
  std::unique_ptr<profile_store::ProfileStore> store_ = profile_store::make_memory_profile_store();
};

TEST_F(RestoreTest, TheNewestRecordOfAUserIsStoredWithThePositionsItStandsFor) {
  reader_.records = {{"u", encoded(1)}, {"v", encoded(2)}, {"u", encoded(3)}};

  const auto restored = restore({0, 0, std::nullopt, 4});

  ASSERT_TRUE(restored) << restored.error().message;
  const profile_store::PartitionPositions* positions = &restored->positions;
  EXPECT_TRUE(restored->outdated.empty());
  EXPECT_EQ(positions->input_next, 4);
  EXPECT_EQ(positions->changelog_next, 3);
  EXPECT_EQ(*store_->positions(0), *positions);
  EXPECT_EQ(profile("u")->behaviour.applied, 3);
  EXPECT_EQ(profile("v")->behaviour.applied, 2);
}

TEST_F(RestoreTest, ATombstoneDeletes) {
  reader_.records = {{"u", encoded(1)}, {"u", std::nullopt}};

  ASSERT_TRUE(restore({0, 0, std::nullopt, 4}));

  EXPECT_FALSE(profile("u"));
}

TEST_F(RestoreTest, AStoredProfileThatHasFoldedInMoreIsKept) {
  Profile ahead;
  ahead.behaviour.applied = 7;
  const profile_store::PartitionPositions stored{8, 0, TimeMs{0}, TimeMs{0}};
  ASSERT_TRUE(store_->apply({{{0, {"u"}, ahead}}, {{0, stored}}}));
  reader_.records = {{"u", encoded(5)}, {"v", encoded(9)}};

  ASSERT_TRUE(restore({0, 0, stored, 10}));

  EXPECT_EQ(profile("u")->behaviour.applied, 7);
  EXPECT_EQ(profile("v")->behaviour.applied, 9);
}

TEST_F(RestoreTest, ARecordThatALostOwnerWroteLateDoesNotWinAndIsNamed) {
  // u's 5 comes from an owner that had lost the partition; v's from before.
  reader_.records = {{"v", encoded(1)}, {"u", encoded(7)}, {"v", encoded(4)}, {"u", encoded(5)}};

  const auto restored = restore({0, 0, std::nullopt, 10});

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(profile("u")->behaviour.applied, 7);
  EXPECT_EQ(profile("v")->behaviour.applied, 4);
  ASSERT_EQ(restored->outdated.size(), 1U);
  EXPECT_EQ(restored->outdated[0].value, "u");
  EXPECT_EQ(restored->positions.changelog_next, 4);
  EXPECT_EQ((*store_->positions(0))->changelog_next, 0)
      << "a crash before u is written again forgets it";
}

TEST_F(RestoreTest, AStoredProfileBehindWhichTheChangelogIsOlderIsNamed) {
  Profile ahead;
  ahead.behaviour.applied = 7;
  const profile_store::PartitionPositions stored{8, 0, TimeMs{0}, TimeMs{0}};
  ASSERT_TRUE(store_->apply({{{0, {"u"}, ahead}}, {{0, stored}}}));
  reader_.records = {{"u", encoded(5)}};

  const auto restored = restore({0, 0, stored, 10});

  ASSERT_TRUE(restored);
  ASSERT_EQ(restored->outdated.size(), 1U);
  EXPECT_EQ(restored->outdated[0].value, "u");
}

TEST_F(RestoreTest, WhatWasDeletedAndCameAgainIsWhatCameAgain) {
  reader_.records = {{"u", encoded(9)}, {"u", std::nullopt}, {"u", encoded(2)}};

  const auto restored = restore({0, 0, std::nullopt, 10});

  ASSERT_TRUE(restored);
  EXPECT_EQ(profile("u")->behaviour.applied, 2);
  EXPECT_TRUE(restored->outdated.empty());
}

TEST_F(RestoreTest, WhatIsStoredIsGoneWhenItWasDeletedAndCameAgain) {
  Profile ahead;
  ahead.behaviour.applied = 9;
  const profile_store::PartitionPositions stored{10, 0, TimeMs{0}, TimeMs{0}};
  ASSERT_TRUE(store_->apply({{{0, {"u"}, ahead}}, {{0, stored}}}));
  reader_.records = {{"u", std::nullopt}, {"u", encoded(2)}};

  const auto restored = restore({0, 0, stored, 10});

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(profile("u")->behaviour.applied, 2);
  EXPECT_TRUE(restored->outdated.empty());
}

TEST_F(RestoreTest, ALateRecordDoesNotWinManyRecordsLaterEither) {
  reader_.records = {{"u", encoded(9)}};
  write_more_than_is_loaded_at_a_time();
  reader_.records.emplace_back("u", encoded(5));

  const auto restored = restore({0, 0, std::nullopt, 1'000'000});

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(profile("u")->behaviour.applied, 9);
  EXPECT_EQ(restored->outdated, std::vector<UserId>{{"u"}});
}

TEST_F(RestoreTest, WhatIsDeletedManyRecordsLaterIsGone) {
  reader_.records = {{"u", encoded(9)}};
  write_more_than_is_loaded_at_a_time();
  reader_.records.emplace_back("u", std::nullopt);

  ASSERT_TRUE(restore({0, 0, std::nullopt, 1'000'000}));

  EXPECT_FALSE(profile("u"));
  EXPECT_TRUE(profile("v"));
}

TEST_F(RestoreTest, WhereNothingIsStoredOnlyThoseWhoCameBeforeAreLookedFor) {
  CountingStore counting(*store_);
  reader_.records = {{"again", encoded(1)}, {"once", encoded(2)}, {"again", encoded(3)}};
  write_more_than_is_loaded_at_a_time();
  reader_.records.emplace_back("again", encoded(4));
  reader_.records.emplace_back("new", encoded(5));

  const auto restored = restore_partition(reader_, {0, 0, std::nullopt, 1'000'000}, counting,
                                          SystemClock(), stopping_);

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(profile("again")->behaviour.applied, 4);
  EXPECT_EQ(counting.asked, (std::vector<UserId>{{"again"}, {"v"}}));
  EXPECT_GE(counting.loads, 2);
}

TEST_F(RestoreTest, AProfileIsStoredInTheBytesThatCame) {
  Profile newer;
  newer.unknown_sections = {{9, "of a version to come"}};
  reader_.records = {{"u", profile_store::encode_profile(newer)}};

  ASSERT_TRUE(restore({0, 0, std::nullopt, 4}));

  EXPECT_EQ(profile("u"), newer);
}

TEST_F(RestoreTest, AnOlderRecordThatWasAnsweredIsOutdatedNoMore) {
  reader_.records = {{"u", encoded(9)}, {"u", encoded(5)}, {"u", encoded(9)}};

  const auto restored = restore({0, 0, std::nullopt, 10});

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_TRUE(restored->outdated.empty());
}

TEST_F(RestoreTest, OutdatedUsersAreFoundWithoutAChange) {
  Profile ahead;
  ahead.behaviour.applied = 7;
  ASSERT_TRUE(store_->apply({{{0, {"u"}, ahead}, {0, {"v"}, ahead}}, {}}));
  reader_.records = {{"u", encoded(5)}, {"v", encoded(7)}, {"w", encoded(9)}};

  const auto outdated = outdated_users(reader_, 0, 3, *store_, stopping_);

  ASSERT_TRUE(outdated) << outdated.error().message;
  EXPECT_EQ(*outdated, std::vector<UserId>{{"u"}});
  EXPECT_FALSE(profile("w"));
}

TEST_F(RestoreTest, WhoseLastRecordIsNewEnoughIsNotOutdated) {
  Profile ahead;
  ahead.behaviour.applied = 7;
  ASSERT_TRUE(store_->apply({{{0, {"u"}, ahead}}, {}}));
  // More than one poll brings, so that the answer comes in another batch.
  reader_.records = {{"u", encoded(5)}};
  for (int i = 0; i < 3'000; ++i) reader_.records.emplace_back("v", encoded(10 + i));
  reader_.records.emplace_back("u", encoded(8));

  const auto outdated = outdated_users(reader_, 0, 3'002, *store_, stopping_);

  ASSERT_TRUE(outdated) << outdated.error().message;
  EXPECT_TRUE(outdated->empty());
  EXPECT_EQ(reader_.next(), 3'002);
}

TEST_F(RestoreTest, ACatchUpThatFindsNothingWritesNothing) {
  CountingStore counting(*store_);
  const profile_store::PartitionPositions stored{8, 0, TimeMs{0}, TimeMs{0}};
  ASSERT_TRUE(store_->apply({{}, {{0, stored}}}));

  const auto restored =
      restore_partition(reader_, {0, 0, stored, 8}, counting, SystemClock(), stopping_);

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(counting.applied, 0);
  EXPECT_EQ(*store_->positions(0), stored);
}

TEST_F(RestoreTest, WhatLiesBehindAnOpenTransactionIsWaitedForUntilThatIsSettled) {
  reader_.records = {{"u", encoded(1)}};
  reader_.open = 1;
  RestoreRequest request{0, 0, std::nullopt, 4};
  int blocked = 0;
  request.on_blocked = [&] {
    ++blocked;
    reader_.records.push_back({"v", encoded(3)});
    reader_.open = 0;
  };

  const auto restored = restore(request);

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(blocked, 1);
  EXPECT_EQ(restored->positions.changelog_next, 2);
  EXPECT_EQ(profile("v")->behaviour.applied, 3);
}

TEST_F(RestoreTest, ACopyEndsWhereATransactionIsOpenAndGoesOnFromThere) {
  reader_.records = {{"u", encoded(1)}};
  reader_.open = 1;
  RestoreRequest request{0, 0, std::nullopt, kNoOffset, true};
  request.on_blocked = [] { FAIL() << "a copy waits for nobody"; };

  ASSERT_TRUE(restore(request));
  const auto stored = *store_->positions(0);
  ASSERT_TRUE(stored);
  EXPECT_EQ(stored->changelog_next, 1);
  EXPECT_EQ(stored->input_next, kNoOffset);

  reader_.records.emplace_back("u", encoded(3));
  reader_.open = 0;
  ASSERT_TRUE(restore({0, 1, stored, std::nullopt, true}));
  EXPECT_EQ(profile("u")->behaviour.applied, 3);
  EXPECT_EQ((*store_->positions(0))->changelog_next, 2);
}

TEST_F(RestoreTest, AnEmptyChangelogLeavesTheStartToTheConfiguration) {
  ASSERT_TRUE(restore({0, 0, std::nullopt, std::nullopt}));

  EXPECT_FALSE((*store_->positions(0)).has_value());
}

TEST_F(RestoreTest, WithoutAnyPositionTheProfilesAreRestoredAndNoneIsMadeUp) {
  reader_.records = {{"u", encoded(7)}};

  const auto restored = restore({0, 0, std::nullopt, std::nullopt});

  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(profile("u")->behaviour.applied, 7);
  EXPECT_EQ(restored->positions.changelog_next, 1);
  EXPECT_FALSE((*store_->positions(0)).has_value());
}

TEST_F(RestoreTest, AChangelogThatEndsBeforeOurPositionWasCreatedAnew) {
  reader_.records = {{"u", encoded(1)}};

  const auto refused = restore({0, 5, profile_store::PartitionPositions{9, 5, {}, {}}, 20});

  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().disposition, Disposition::kStop);
  EXPECT_NE(refused.error().message.find("up to 5 but it ends at 1"), std::string::npos)
      << refused.error().message;
}

TEST_F(RestoreTest, ARecordThatDoesNotDecodeStopsAndIsNamed) {
  reader_.records = {{"u", encoded(1)}, {"v", "garbage"}};

  const auto refused = restore({0, 0, std::nullopt, 4});

  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("profiles [0] offset 1"), std::string::npos)
      << refused.error().message;
  EXPECT_FALSE((*store_->positions(0)).has_value());
}

TEST_F(RestoreTest, ABrokerThatIsAwayForAMomentIsWaitedFor) {
  reader_.records = {{"u", encoded(1)}};
  reader_.poll_failures.add(retry("broker is away"));

  EXPECT_TRUE(restore({0, 0, std::nullopt, 4}));
  EXPECT_TRUE(profile("u"));
}

// Opens readers of one changelog.
class OneChangelog final : public FakeClients {
 public:
  Result<std::unique_ptr<ingest::PartitionReader>> open_partition_reader(
      const ingest::KafkaSettings&, const ingest::TopicPartition& at, Offset start) const override {
    starts.push_back(start);
    auto reader = std::make_unique<FakeReader>(at.topic, at.partition, std::max(start, low));
    reader->records = records;
    reader->low = low;
    return std::unique_ptr<ingest::PartitionReader>(std::move(reader));
  }
  std::vector<std::pair<std::string, std::optional<std::string>>> records;
  Offset low = 0;
  mutable std::vector<Offset> starts;
};

class FixedClock final : public Clock {
 public:
  explicit FixedClock(TimeMs now) : now_(now) {}
  [[nodiscard]] TimeMs now() const override { return now_; }

 private:
  const TimeMs now_;
};

// A store that has `gone`, whose deletion is in the changelog behind what was read of it.
class RestoreFromChangelog : public RestoreTest {
 protected:
  RestoreFromChangelog() {
    Profile gone;
    gone.behaviour.applied = 7;
    EXPECT_TRUE(store_->apply({{{0, {"gone"}, gone}}, {{0, stored_}}}));
    changelog_.records = {{"gone", encoded(7)}, {"gone", std::nullopt}, {"u", encoded(9)}};
  }

  Result<Restored> restore_from(RestoreRequest request, std::int64_t now_ms = 1'000) {
    const FixedClock clock(TimeMs{now_ms});
    return restore_from_changelog({changelog_, {}, "profiles", 200ms, *store_, clock, stopping_},
                                  std::move(request));
  }

  const profile_store::PartitionPositions stored_{8, 1, TimeMs{1'000}, TimeMs{0}};
  OneChangelog changelog_;
};

TEST_F(RestoreFromChangelog, WhereItBeginsAfterWhatIsStoredAllOfItIsReadAgain) {
  changelog_.low = 2;

  ASSERT_TRUE(restore_from({0, 1, stored_, 10}));

  EXPECT_FALSE(profile("gone")) << "its deletion is no longer there to be read";
  EXPECT_EQ(profile("u")->behaviour.applied, 9);
  EXPECT_EQ((*store_->positions(0))->changelog_next, 3);
  EXPECT_EQ(changelog_.starts, (std::vector<Offset>{1, kNoOffset}));
}

TEST_F(RestoreFromChangelog, WhatIsOlderThanHalfOfWhatADeletionIsKeptIsReadAgain) {
  // Compaction has taken the deletion, and its user's record.
  changelog_.records = {{"u", encoded(9)}, {"u", encoded(9)}, {"u", encoded(9)}};
  ASSERT_TRUE(restore_from({0, 1, stored_, 10}, 1'100));
  EXPECT_TRUE(profile("gone")) << "not too old";

  ASSERT_TRUE(restore_from({0, 1, stored_, std::nullopt}, 1'101));

  EXPECT_FALSE(profile("gone"));
  EXPECT_EQ(profile("u")->behaviour.applied, 9);
  EXPECT_EQ((*store_->positions(0))->input_next, 8) << "where the input stood is not forgotten";
}

TEST_F(RestoreFromChangelog, WhereNothingWasWrittenSinceNothingIsTooOld) {
  const profile_store::PartitionPositions all{8, 3, TimeMs{1'000}, TimeMs{0}};

  ASSERT_TRUE(restore_from({0, 3, all, 10}, 1'000'000));

  EXPECT_TRUE(profile("gone"));
  EXPECT_EQ(changelog_.starts, std::vector<Offset>{3});
}

TEST_F(RestoreFromChangelog, WhatAnEarlierOneLeftHalfDoneGoesFirst) {
  ASSERT_TRUE(store_->apply({{}, {}, {0}}));
  Profile half;
  half.behaviour.applied = 3;
  ASSERT_TRUE(store_->apply({{{0, {"half"}, half}}, {}}));

  ASSERT_TRUE(restore_from({0, 0, std::nullopt, 10}));

  EXPECT_FALSE(profile("half"));
  EXPECT_TRUE(profile("u"));
}

TEST_F(RestoreFromChangelog, WhatBecomesAnothersIsLeftToIt) {
  RestoreRequest request{0, 1, stored_, 10, true};
  request.is_over = [] { return true; };

  const auto left = restore_from(std::move(request));

  ASSERT_FALSE(left);
  EXPECT_EQ(left.error().disposition, Disposition::kSkip);
  EXPECT_EQ(*store_->positions(0), stored_);
}

}  // namespace
}  // namespace fovea::topologies
