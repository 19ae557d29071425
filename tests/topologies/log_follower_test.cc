// Following the learning log: publication, marks and the comparison of digests.

#include "topologies/log_follower.h"

#include <gtest/gtest.h>

#include "scorer/learning_record_codec.h"
#include "scorer/model.h"
#include "scorer/model_info.h"
#include "tests/topologies/small_topology.h"

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;
using TimePoint = LogFollower::TimePoint;

LearningRecord item_record(Offset offset) {
  LearningRecord record;
  record.source = {"t.items", 0, offset, 0};
  ItemChange change;
  change.item.item = {ItemKey{static_cast<std::uint64_t>(offset + 1)}, "i"};
  record.body = change;
  return record;
}

// Folding and publishing take no time.
class StoppedClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override { return TimeMs{0}; }
  [[nodiscard]] TimePoint monotonic() const override { return {}; }
};

class LogFollowerTest : public testing::Test {
 protected:
  LogFollower follower(const std::string& process) {
    auto learner = scorer::Learner::create(config_.model);
    FOVEA_ASSERT(learner.has_value());
    return {config_, process, *std::move(learner), stopped_};
  }

  void append(const LearningRecord& record) {
    ingest::SourceRecord at;
    at.topic = "t.learning";
    at.offset = static_cast<Offset>(log_.size());
    at.value = scorer::encode_learning_record(record);
    log_.push_back(at);
  }

  // Folds what it has not folded yet.
  std::vector<std::string> follow(LogFollower& follower) {
    const auto next = static_cast<std::size_t>(follower.learner().stamp().position + 1);
    std::vector<std::string> disagreements;
    EXPECT_TRUE(follower.fold({log_.begin() + static_cast<std::ptrdiff_t>(next), log_.end()},
                              disagreements));
    return disagreements;
  }

  Config config_ = small_config();
  const StoppedClock stopped_{};
  const TimePoint start_ = stopped_.monotonic();
  std::vector<ingest::SourceRecord> log_;
};

TEST_F(LogFollowerTest, TwoProcessesAgreeByTheirMarks) {
  auto a = follower("a");
  auto b = follower("b");
  for (Offset i = 0; i < 5; ++i) append(item_record(i));
  follow(a);
  append(*a.take_mark(0));

  EXPECT_TRUE(follow(b).empty());
  EXPECT_TRUE(follow(a).empty());
  EXPECT_EQ(b.counts().marks_agreed, 1U);
  EXPECT_EQ(a.counts().marks_agreed, 0U);
}

TEST_F(LogFollowerTest, AMarkOfAnotherDigestIsNamedWithItsPosition) {
  auto a = follower("a");
  append(item_record(0));
  LearningRecord mark;
  mark.body = Mark{"b", scorer::model_id(config_.model), 0, 12345, 0};
  append(mark);

  const auto disagreements = follow(a);

  ASSERT_EQ(disagreements.size(), 1U);
  EXPECT_NE(disagreements[0].find("process b"), std::string::npos);
  EXPECT_NE(disagreements[0].find("position 0"), std::string::npos);
  EXPECT_EQ(a.counts().marks_differed, 1U);
}

TEST_F(LogFollowerTest, AfterTheSameGapTwoProcessesAgreeUnderALineageOfTheirOwn) {
  auto a = follower("a");
  auto b = follower("b");
  auto other = follower("c");
  for (Offset i = 0; i < 5; ++i) append(item_record(i));
  follow(a);
  follow(b);
  a.skip_to(9);
  b.skip_to(9);
  other.skip_to(9);

  EXPECT_EQ(a.learner().stamp().position, 8);
  EXPECT_EQ(a.learner().stamp(), b.learner().stamp());
  EXPECT_NE(a.learner().stamp().lineage, scorer::kLineage);
  EXPECT_NE(a.learner().stamp().lineage, other.learner().stamp().lineage)
      << "from nothing to 9 is another gap";
  EXPECT_TRUE(a.publish_if_due(LogFollower::TimePoint::max()));
  EXPECT_EQ(a.learner().view()->stamp, a.learner().stamp());
}

TEST_F(LogFollowerTest, MarksAloneCallForNoFurtherMark) {
  auto a = follower("a");
  append(item_record(0));
  follow(a);
  const auto mark = a.take_mark(0);
  ASSERT_TRUE(mark);
  append(*mark);
  follow(a);

  EXPECT_FALSE(a.take_mark(0));
}

TEST_F(LogFollowerTest, PublishesAfterTheIntervalOrEnoughExamples) {
  config_.view.publish_interval_ms = 200;
  config_.view.publish_examples = 3;
  auto a = follower("a");
  EXPECT_FALSE(a.publish_if_due(start_ + 1s));

  append(item_record(0));
  follow(a);
  EXPECT_FALSE(a.publish_if_due(start_ + 199ms));
  EXPECT_TRUE(a.publish_if_due(start_ + 200ms));
  EXPECT_EQ(scorer::stamp(*a.learner().view()).position, 0);

  for (Offset i = 1; i < 4; ++i) append(item_record(i));
  follow(a);
  EXPECT_TRUE(a.publish_if_due(start_ + 399ms));
}

TEST_F(LogFollowerTest, WhatIsNoLearningRecordIsPassedOverByEverybodyAlike) {
  auto a = follower("a");
  auto b = follower("b");
  for (Offset i = 0; i < 6; ++i) append(item_record(i));
  log_[0].value = "garbage";
  log_[2].value = std::nullopt;
  log_[3].value->pop_back();
  log_[5].value = "";

  EXPECT_TRUE(follow(a).empty());
  // One by one, as they may come.
  for (const auto& record : log_) {
    std::vector<std::string> disagreements;
    ASSERT_TRUE(b.fold({record}, disagreements));
  }

  EXPECT_EQ(a.counts().refused, 4U);
  EXPECT_EQ(a.learner().stats().records_refused, 4U);
  EXPECT_EQ(a.learner().stats().catalogue_changes, 2U);
  EXPECT_EQ(a.learner().stamp().position, 5);
  EXPECT_TRUE(a.learner().snapshot() == b.learner().snapshot());
}

TEST_F(LogFollowerTest, ARecordOfANewerVersionStopsAndIsNamed) {
  auto a = follower("a");
  append(item_record(0));
  (*log_[0].value)[0] = 31;
  std::vector<std::string> disagreements;

  const auto folded = a.fold(log_, disagreements);

  ASSERT_FALSE(folded);
  EXPECT_EQ(folded.error().disposition, Disposition::kStop);
  EXPECT_NE(folded.error().message.find("t.learning offset 0"), std::string::npos);
  EXPECT_NE(folded.error().message.find("version 31"), std::string::npos);
  EXPECT_EQ(a.learner().stamp().position, kNoOffset);
}

TEST_F(LogFollowerTest, ARepeatedSourceIsCountedAndChangesNothingElse) {
  auto a = follower("a");
  append(item_record(0));
  append(item_record(0));

  follow(a);

  EXPECT_EQ(a.counts().repeats, 1U);
  EXPECT_EQ(a.learner().stats().catalogue_changes, 1U);
}

TEST_F(LogFollowerTest, ARecordThatCostsNothingToFoldHasToBeReadAgainToo) {
  LogFollower a = follower("a");
  for (Offset i = 0; i < 1'000; ++i) append(item_record(i));
  follow(a);
  EXPECT_EQ(a.unsaved(), 8ms);
  a.note_snapshot();
  EXPECT_EQ(a.unsaved(), 0ms);
}

}  // namespace
}  // namespace fovea::topologies
