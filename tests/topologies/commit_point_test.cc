// The commit point against transports that fail at every phase: the order of what becomes durable,
// and that each phase can be tried again.

#include "topologies/commit_point.h"

#include <gtest/gtest.h>

#include "profile_store/memory_profile_store.h"
#include "tests/topologies/fake_transport.h"

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;

constexpr auto kTimeout = 10ms;

class CommitPointTest : public testing::Test {
 protected:
  CommitPointTest() {
    ingest::OutputRecord output;
    output.topic = "recommendations";
    output.value = "slate";
    outbox_.put(output);

    Profile profile;
    profile.behaviour.applied = 9;
    interval_.batch.profiles.push_back({0, {"u"}, profile});
    interval_.batch.positions.push_back({0, {10, 0, TimeMs{1}, TimeMs{1}}});
    interval_.positions.push_back({{"events", 0}, 10});
  }

  Result<void> advance() {
    return commit_point_.advance({outbox_, sink_, nullptr, *store_, source_}, kTimeout);
  }
  [[nodiscard]] bool stored() { return (*store_->positions(0)).has_value(); }

  CommitPoint commit_point_{DeliveryMode::kAtLeastOnce, "profiles"};
  Interval interval_;
  Outbox outbox_;
  FakeSink sink_;
  FakeSource source_;
  std::unique_ptr<profile_store::ProfileStore> store_ = profile_store::make_memory_profile_store();
};

TEST_F(CommitPointTest, EverythingBecomesDurableInOrder) {
  commit_point_.begin(interval_);

  ASSERT_TRUE(advance());

  EXPECT_EQ(commit_point_.phase(), CommitPhase::kOpen);
  ASSERT_EQ(sink_.appended.size(), 2U);
  EXPECT_EQ(sink_.appended[0].topic, "recommendations");
  EXPECT_EQ(sink_.appended[1].topic, "profiles");
  EXPECT_EQ(sink_.appended[1].key, "u");
  EXPECT_EQ(sink_.appended[1].partition, 0);
  EXPECT_EQ((*store_->positions(0))->changelog_next, 1);
  EXPECT_EQ(source_.committed.at({"events", 0}), 10);
}

TEST_F(CommitPointTest, NoChangelogRecordLeavesBeforeTheOutputsAreAcknowledged) {
  commit_point_.begin(interval_);
  sink_.flush_failures.add(retry("broker is away"));

  EXPECT_FALSE(advance());

  EXPECT_EQ(commit_point_.phase(), CommitPhase::kOutputs);
  EXPECT_EQ(sink_.appended.size(), 1U);
  EXPECT_FALSE(stored());
  EXPECT_TRUE(advance());
}

TEST_F(CommitPointTest, TheStoreWaitsForTheChangelogAndNothingIsAppendedTwice) {
  commit_point_.begin(interval_);
  sink_.append_failures.add(retry("queue is full"));
  EXPECT_FALSE(advance());
  EXPECT_EQ(commit_point_.phase(), CommitPhase::kOutputs);
  // The outputs' flush passes, the changelog's does not.
  sink_.flush_failures.add(retry("slow"));
  EXPECT_FALSE(advance());
  sink_.append_failures.add(retry("queue is full"));
  EXPECT_FALSE(advance());
  EXPECT_EQ(commit_point_.phase(), CommitPhase::kChangelog);
  EXPECT_FALSE(stored());

  EXPECT_TRUE(advance());

  EXPECT_EQ(sink_.appended.size(), 2U);
  EXPECT_TRUE(stored());
}

TEST_F(CommitPointTest, TheGroupsOffsetIsNeverAheadOfTheStore) {
  commit_point_.begin(interval_);
  source_.commit_failures.add(retry("coordinator is loading"));

  EXPECT_FALSE(advance());

  EXPECT_EQ(commit_point_.phase(), CommitPhase::kOffsets);
  EXPECT_TRUE(stored());
  EXPECT_TRUE(source_.committed.empty());
  EXPECT_TRUE(advance());
  EXPECT_EQ(source_.committed.size(), 1U);
}

TEST_F(CommitPointTest, AnIntervalOfPartitionsThatAreNoLongerOursEnds) {
  commit_point_.begin(interval_);
  source_.commit_failures.add(skip("not_ours", "events [0] is not assigned"));

  EXPECT_TRUE(advance());

  EXPECT_EQ(commit_point_.phase(), CommitPhase::kOpen);
}

TEST_F(CommitPointTest, ALostPartitionIsLeftOutBeforeTheStore) {
  commit_point_.begin(interval_);

  commit_point_.drop({{"events", 0}}, "events");
  ASSERT_TRUE(advance());

  EXPECT_FALSE(stored());
  EXPECT_TRUE(source_.committed.empty());
  EXPECT_EQ(sink_.appended.size(), 1U);
}

TEST_F(CommitPointTest, ALostPartitionIsLeftOutAlsoWhenTheSinkHasItsProfiles) {
  Profile other;
  other.behaviour.applied = 3;
  interval_.batch.profiles.push_back({1, {"v"}, other});
  interval_.batch.positions.push_back({1, {4, 0, TimeMs{1}, TimeMs{1}}});
  interval_.positions.push_back({{"events", 1}, 4});
  commit_point_.begin(interval_);
  // The outputs' flush passes; both profiles are with the sink when the changelog's fails.
  sink_.flush_passes = 1;
  sink_.flush_failures.add(retry("broker is away"));
  EXPECT_FALSE(advance());
  ASSERT_EQ(commit_point_.phase(), CommitPhase::kChangelog);
  ASSERT_EQ(sink_.appended.size(), 3U);

  commit_point_.drop({{"events", 0}}, "events");
  ASSERT_TRUE(advance());

  EXPECT_FALSE(stored());
  EXPECT_FALSE((*store_->get(0, {{"u"}})).front());
  EXPECT_EQ((*store_->get(1, {{"v"}})).front()->behaviour.applied, 3);
  EXPECT_FALSE(source_.committed.contains({"events", 0}));
  EXPECT_EQ(source_.committed.at({"events", 1}), 4);
}

TEST_F(CommitPointTest, DroppingBetweenTwoIntervalsDropsNothing) {
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());

  commit_point_.drop({{"events", 0}}, "events");

  EXPECT_EQ(commit_point_.phase(), CommitPhase::kOpen);
  EXPECT_TRUE(stored());
}

TEST_F(CommitPointTest, WhatTheChangelogHasAnOlderRecordOfIsAppendedAgainFirst) {
  Profile known;
  known.behaviour.applied = 7;
  ASSERT_TRUE(store_->apply({{{0, {"w"}, known}}, {}}));
  commit_point_.append_again(0, {{"w"}});
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());

  ASSERT_EQ(sink_.appended.size(), 3U);
  EXPECT_EQ(sink_.appended[1].key, "w");
  EXPECT_EQ(sink_.appended[2].key, "u");
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());
  EXPECT_EQ(sink_.appended.size(), 4U) << "once";
}

TEST_F(CommitPointTest, ProfilesNotYetWithTheSinkAreAppendedAfterADropOnce) {
  Profile profile;
  for (const char* user : {"v", "w"}) interval_.batch.profiles.push_back({1, {user}, profile});
  commit_point_.begin(interval_);
  sink_.append_failures.add({});
  sink_.append_failures.add({});
  sink_.append_failures.add(retry("queue is full"));
  ASSERT_FALSE(advance());
  ASSERT_EQ(sink_.appended.size(), 2U);  // the slate and "u"

  commit_point_.drop({{"events", 0}}, "events");
  ASSERT_TRUE(advance());

  ASSERT_EQ(sink_.appended.size(), 4U);
  EXPECT_EQ(sink_.appended[2].key, "v");
  EXPECT_EQ(sink_.appended[3].key, "w");
}

TEST_F(CommitPointTest, WhatSomebodyElseWroteShowsAsAHoleAndOnce) {
  commit_point_.adopt(0, 0);
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());
  EXPECT_TRUE(commit_point_.foreign().empty());

  sink_.foreign = 2;
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());

  ASSERT_EQ(commit_point_.foreign().size(), 1U);
  EXPECT_EQ(commit_point_.foreign()[0].partition, 0);
  EXPECT_EQ(commit_point_.foreign()[0].from, 1);
  EXPECT_EQ(commit_point_.foreign()[0].to, 4);
  commit_point_.foreign_dealt_with();
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());
  EXPECT_TRUE(commit_point_.foreign().empty());
}

TEST_F(CommitPointTest, WhatSomebodyElseWroteIsReadAgainAfterACrashUntilItIsDealtWith) {
  commit_point_.adopt(0, 0);
  sink_.foreign = 2;
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());

  EXPECT_EQ((*store_->positions(0))->changelog_next, 0);
  commit_point_.foreign_dealt_with();
  commit_point_.begin(interval_);
  ASSERT_TRUE(advance());
  EXPECT_EQ((*store_->positions(0))->changelog_next, 4);
}

TEST_F(CommitPointTest, AnEndBeyondOurOwnRecordsIsSomebodyElses) {
  commit_point_.adopt(0, 5);

  commit_point_.note_end(0, 5);
  EXPECT_TRUE(commit_point_.foreign().empty());
  commit_point_.note_end(0, 7);

  ASSERT_EQ(commit_point_.foreign().size(), 1U);
  EXPECT_EQ(commit_point_.foreign()[0].from, 5);
  EXPECT_EQ(commit_point_.foreign()[0].to, 7);
  EXPECT_EQ(commit_point_.next(0), 7);
}

TEST_F(CommitPointTest, AnIntervalThatIsLostNeverReachesTheStore) {
  commit_point_.begin(interval_);
  sink_.flush_failures.add(stop("interval lost"));

  const auto outcome = advance();

  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().disposition, Disposition::kStop);
  EXPECT_EQ(commit_point_.fault(), CommitFault::kClient);
  EXPECT_FALSE(stored());
}

class ExactlyOnceTest : public CommitPointTest {
 protected:
  Result<void> advance() {
    return exactly_.advance({outbox_, transaction_, &transaction_, *store_, source_}, kTimeout);
  }

  CommitPoint exactly_{DeliveryMode::kExactlyOnce, "profiles"};
  FakeTransaction transaction_{sink_};
};

TEST_F(ExactlyOnceTest, OutputsChangelogAndOffsetsCommitTogetherAndThenTheStore) {
  exactly_.begin(interval_);

  ASSERT_TRUE(advance());

  EXPECT_EQ(exactly_.phase(), CommitPhase::kOpen);
  EXPECT_EQ(transaction_.visible, 2U);
  EXPECT_EQ(transaction_.committed.at({"events", 0}), 10);
  EXPECT_EQ(transaction_.members, (std::vector<std::string>{"member"}));
  EXPECT_TRUE(source_.committed.empty()) << "offsets outside of the transaction";
  EXPECT_EQ((*store_->positions(0))->changelog_next, 1);
}

TEST_F(ExactlyOnceTest, NothingIsStoredBeforeTheTransactionHasCommitted) {
  exactly_.begin(interval_);
  transaction_.commit_failures.add(retry("no answer"));

  EXPECT_FALSE(advance());

  EXPECT_EQ(exactly_.phase(), CommitPhase::kTransaction);
  EXPECT_FALSE(stored());
  EXPECT_TRUE(advance());
  EXPECT_TRUE(stored());
  EXPECT_EQ(sink_.appended.size(), 2U) << "once";
}

TEST_F(ExactlyOnceTest, ATransactionThatWillNeverCommitIsTheClientsFault) {
  exactly_.begin(interval_);
  transaction_.commit_failures.add(stop("fenced"));

  EXPECT_FALSE(advance());

  EXPECT_EQ(exactly_.fault(), CommitFault::kClient);
  EXPECT_FALSE(stored());
}

TEST_F(ExactlyOnceTest, AnAbandonedIntervalLeavesNothingBehind) {
  exactly_.append_again(0, {{"w"}});
  exactly_.begin(interval_);
  sink_.flush_failures.add(retry("broker is away"));
  EXPECT_FALSE(advance());

  exactly_.abandon();
  ASSERT_EQ(exactly_.phase(), CommitPhase::kOpen);
  ASSERT_TRUE(advance());

  EXPECT_FALSE(stored());
  EXPECT_TRUE(transaction_.committed.empty());
  const std::size_t before = sink_.appended.size();
  exactly_.begin({});
  ASSERT_TRUE(advance());
  EXPECT_EQ(sink_.appended.size(), before);
}

// A commit's marker takes an offset in each partition it wrote to.
TEST_F(ExactlyOnceTest, AHoleInOurOffsetsIsNobodysRecord) {
  exactly_.adopt(0, 0);
  exactly_.begin(interval_);
  ASSERT_TRUE(advance());
  sink_.foreign = 1;
  exactly_.begin(interval_);
  ASSERT_TRUE(advance());

  EXPECT_TRUE(exactly_.foreign().empty());
  EXPECT_EQ((*store_->positions(0))->changelog_next, 3);
}

}  // namespace
}  // namespace fovea::topologies
