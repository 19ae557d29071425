// The owner of input partition 0 publishes and trims, against a topic in memory.

#include "topologies/model_publisher.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>

#include "ingest/embedded_broker.h"
#include "tests/topologies/fake_model_topic.h"
#include "tests/topologies/small_topology.h"
#include "topologies/model_start.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;
using Records = std::vector<FakeModelTopic::Record>;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override { return TimeMs{5'000'000}; }
};

std::size_t manifests(const Records& records) {
  return static_cast<std::size_t>(
      std::count_if(records.begin(), records.end(),
                    [](const auto& record) { return record.key.ends_with("manifest"); }));
}

class Publisher : public testing::Test {
 protected:
  Publisher() {
    std::string pattern = (fs::temp_directory_path() / "fovea-publisher-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    config_.publication.budget_bytes = std::int64_t{1} << 40;
  }
  ~Publisher() override { fs::remove_all(root_); }

  [[nodiscard]] std::string directory() const { return (root_ / "model").string(); }

  std::unique_ptr<scorer::Learner> learner() {
    auto created = scorer::Learner::create(config_.model);
    FOVEA_ASSERT(created.has_value());
    return *std::move(created);
  }

  // Of a learner that has folded up to `position`.
  SnapshotFile snapshot_at(Offset position) {
    const auto made = learner();
    LearningRecord record;
    record.source = {"t.items", 0, position, 0};
    ItemChange change;
    change.item.item = {ItemKey{static_cast<std::uint64_t>(position) + 1}, "i"};
    record.body = change;
    FOVEA_ASSERT(made->fold(record, position).has_value());
    auto written = write_snapshot(directory(), made->stamp(), made->snapshot());
    FOVEA_ASSERT(written.has_value());
    return *std::move(written);
  }

  std::unique_ptr<ModelPublisher> publisher() {
    return std::make_unique<ModelPublisher>(config_, topic_.transport(), clock_, metrics_);
  }

  // Waits for so many complete publications in the topic.
  [[nodiscard]] bool await(std::size_t complete) {
    return topic_.await([=](const Records& records) { return manifests(records) >= complete; });
  }

  // What a process with an empty disk makes of the topic.
  Offset position_of_a_newcomer() {
    std::atomic<bool> stopping{false};
    PublishedModels published([this](Offset start) { return topic_.open_reader(start); }, stopping);
    const auto into = learner();
    const auto restored =
        restore_published(published, (root_ / "newcomer").string(), *into, kAnyPosition,
                          [this](const std::string& line) { said_ += line + "\n"; });
    EXPECT_TRUE(restored) << restored.error().message;
    return into->stamp().position;
  }

  Config config_ = small_config();
  fs::path root_;
  FixedClock clock_;
  PublisherMetrics metrics_;
  FakeModelTopic topic_;
  const int worker_ = 0;
  std::string said_;
};

TEST_F(Publisher, WhoDoesNotOwnPartitionZeroPublishesNothing) {
  const auto other = publisher();
  other->offer(snapshot_at(7));
  other->stop();

  EXPECT_TRUE(topic_.records().empty());
}

TEST_F(Publisher, ANewcomerStartsFromWhatWasPublished) {
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(7));
  ASSERT_TRUE(await(1));

  EXPECT_EQ(position_of_a_newcomer(), 7);
  EXPECT_EQ(said_, "the published snapshot at position 7 is taken\n");
  EXPECT_EQ(newest_snapshot((root_ / "newcomer").string())->stamp.position, 7)
      << "kept for its next start";
}

TEST_F(Publisher, ALargeSnapshotGoesInChunksAndComesBackByteForByte) {
  std::string bytes(3 * kModelChunkBytes + 1, 'a');
  for (std::size_t i = 0; i < bytes.size(); i += 1'000) bytes[i] = static_cast<char>(i / 1'000);
  const ModelStamp stamp{scorer::model_id(config_.model), scorer::kLineage, 7};
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(*write_snapshot(directory(), stamp, bytes));
  ASSERT_TRUE(await(1));

  EXPECT_EQ(topic_.records().size(), 5U);
  std::atomic<bool> stopping{false};
  PublishedModels published([this](Offset start) { return topic_.open_reader(start); }, stopping);
  const auto found = published.next([](const ModelStamp&) { return true; });
  ASSERT_TRUE(found && *found);
  EXPECT_EQ((*found)->manifest.stamp, stamp);
  EXPECT_EQ((*found)->manifest.first, topic_.records().front().offset);
  EXPECT_EQ(*published.fetch(**found), bytes);
}

TEST_F(Publisher, SlotsAreWrittenInTurns) {
  const auto owner = publisher();
  owner->own(&worker_);
  std::vector<std::string> keys;
  for (std::size_t i = 1; i <= 3; ++i) {
    owner->offer(snapshot_at(static_cast<Offset>(i) * 10));
    ASSERT_TRUE(await(i));
    keys.push_back(topic_.records().back().key.substr(17));
  }

  EXPECT_EQ(keys, (std::vector<std::string>{"0/manifest", "1/manifest", "0/manifest"}));
  EXPECT_EQ(position_of_a_newcomer(), 30);
}

TEST_F(Publisher, ASuccessorGoesOnInTheOtherSlot) {
  {
    const auto first = publisher();
    first->own(&worker_);
    first->offer(snapshot_at(10));
    ASSERT_TRUE(await(1));
  }
  const auto second = publisher();
  second->own(&worker_);
  second->offer(snapshot_at(20));
  ASSERT_TRUE(await(2));

  EXPECT_EQ(topic_.records().back().key.substr(17), "1/manifest");
}

TEST_F(Publisher, WhatIsNoNewerThanWhatIsThereIsNotPublished) {
  {
    const auto first = publisher();
    first->own(&worker_);
    first->offer(snapshot_at(20));
    ASSERT_TRUE(await(1));
  }
  const auto second = publisher();
  second->own(&worker_);
  second->offer(snapshot_at(10));
  second->offer(snapshot_at(30));
  ASSERT_TRUE(await(2));
  second->stop();

  EXPECT_EQ(manifests(topic_.records()), 2U);
  EXPECT_EQ(position_of_a_newcomer(), 30);
}

TEST_F(Publisher, AFencedOwnerStopsUntilPartitionZeroIsItsAnew) {
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(10));
  ASSERT_TRUE(await(1));
  topic_.fence();
  const auto before = topic_.records().size();
  owner->offer(snapshot_at(20));
  ASSERT_TRUE(topic_.await([this](const Records&) { return metrics_.fenced.value() == 1; }));
  owner->offer(snapshot_at(30));
  owner->disown(&worker_);
  EXPECT_EQ(topic_.records().size(), before);

  owner->own(&worker_);

  ASSERT_TRUE(await(2));
  EXPECT_EQ(position_of_a_newcomer(), 30);
  EXPECT_EQ(metrics_.complete.value(), 2U);
}

TEST_F(Publisher, ARebalanceThatGivesPartitionZeroBackPausesAPublication) {
  const ModelStamp stamp{scorer::model_id(config_.model), scorer::kLineage, 7};
  const std::string bytes(3 * kModelChunkBytes, 'a');
  const auto owner = publisher();
  topic_.before_write([&] { owner->disown(&worker_); });
  owner->own(&worker_);
  owner->offer(*write_snapshot(directory(), stamp, bytes));
  ASSERT_TRUE(topic_.await([](const Records& records) { return !records.empty(); }));

  owner->own(&worker_);

  ASSERT_TRUE(await(1));
  EXPECT_EQ(topic_.records().size(), 4U) << "three chunks and the manifest: nothing began anew";
}

TEST_F(Publisher, WhoWasPausedWhileAnotherProcessPublishedBeginsAnewBehindIt) {
  const ModelStamp stamp{scorer::model_id(config_.model), scorer::kLineage, 7};
  const auto owner = publisher();
  topic_.before_write([&] { owner->disown(&worker_); });
  owner->own(&worker_);
  owner->offer(*write_snapshot(directory(), stamp, std::string(2 * kModelChunkBytes, 'a')));
  ASSERT_TRUE(topic_.await([](const Records& records) { return !records.empty(); }));
  {
    const auto other = publisher();
    other->own(&worker_);
    other->offer(*write_snapshot(directory(), {stamp.model_id, stamp.lineage, 5}, "other"));
    ASSERT_TRUE(await(1));
  }

  owner->own(&worker_);

  ASSERT_TRUE(await(2));
  EXPECT_EQ(topic_.records().back().key.substr(17), "1/manifest") << "the other one's is in slot 0";
  EXPECT_EQ(metrics_.fenced.value(), 0U);
}

TEST_F(Publisher, AnOwnerThatDiesHalfWayLeavesTheOlderSlotUsable) {
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(10));
  ASSERT_TRUE(await(1));
  owner->offer(snapshot_at(20));
  ASSERT_TRUE(await(2));
  // Nothing after this snapshot's first chunk gets through.
  topic_.fail_writes({Result<void>(), stop("the end")});
  owner->offer(snapshot_at(30));
  ASSERT_TRUE(topic_.await([](const Records& records) {
    return manifests(records) == 2 && !records.back().key.ends_with("manifest");
  }));
  owner->stop();
  topic_.compact();

  EXPECT_EQ(position_of_a_newcomer(), 20);
}

TEST_F(Publisher, ATransactionThatDidNotGetThroughIsWrittenAgain) {
  topic_.fail_writes({retry("no broker"), Result<void>(), retry("no broker")});
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(10));

  ASSERT_TRUE(await(1));
  EXPECT_EQ(position_of_a_newcomer(), 10);
  EXPECT_EQ(metrics_.failed.value(), 0U);
}

TEST_F(Publisher, TheBudgetHoldsAPublicationBackAndStoppingDoesNotWaitForIt) {
  config_.publication.budget_bytes = 1;
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(10));
  ASSERT_TRUE(topic_.await([](const Records& records) { return records.size() == 1; }));

  const auto began = std::chrono::steady_clock::now();
  owner->stop();

  EXPECT_LT(std::chrono::steady_clock::now() - began, std::chrono::seconds(5));
  EXPECT_EQ(topic_.records().size(), 1U);
}

TEST_F(Publisher, AWorkerThatGivesUpLateTakesNothingFromTheOneThatHasTakenOver) {
  const int other = 0;
  const auto owner = publisher();
  owner->own(&worker_);
  owner->own(&other);
  owner->disown(&worker_);
  owner->offer(snapshot_at(10));

  EXPECT_TRUE(await(1));
}

TEST_F(Publisher, TheLogIsTrimmedBelowBothSnapshotsAndNotBeforeThereAreTwo) {
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(10));
  ASSERT_TRUE(await(1));
  owner->offer(snapshot_at(25));
  ASSERT_TRUE(topic_.await([this](const Records&) { return topic_.learning_start > 0; }));

  EXPECT_EQ(topic_.learning_start, 11) << "position 10 is in the older snapshot";
}

TEST_F(Publisher, WhatIsYoungerThanTheRetentionIsNotTrimmed) {
  topic_.learning_retained = 4;
  const auto owner = publisher();
  owner->own(&worker_);
  owner->offer(snapshot_at(10));
  ASSERT_TRUE(await(1));
  owner->offer(snapshot_at(25));
  ASSERT_TRUE(topic_.await([this](const Records&) { return topic_.learning_start > 0; }));

  EXPECT_EQ(topic_.learning_start, 4);
}

// The real client against the embedded broker, which fences nobody and trims nothing.
TEST_F(Publisher, TheEmbeddedBrokerTakesAndGivesBackWhatAClusterWould) {
  auto broker = ingest::EmbeddedBroker::start();
  ASSERT_TRUE(broker) << broker.error().message;
  ASSERT_TRUE((*broker)->create({{config_.topics.model, 1, 1, {}}}));
  config_.transport = Transport::kEmbedded;
  const auto kafka = ingest::embedded_settings({config_.kafka}, **broker);
  const auto transport = kafka_model_topic(config_, kafka, scorer::model_id(config_.model));
  ModelPublisher owner(config_, transport, clock_, metrics_);
  owner.own(&worker_);
  const SnapshotFile first = snapshot_at(10);
  const SnapshotFile second = snapshot_at(25);
  for (const SnapshotFile& snapshot : {first, second}) {
    owner.offer(snapshot);
    ASSERT_TRUE(topic_.await(
        [&](const Records&) { return metrics_.position.value() == snapshot.stamp.position; }));
  }

  std::atomic<bool> stopping{false};
  PublishedModels published(transport.open_reader, stopping);
  for (const SnapshotFile& snapshot : {second, first}) {
    const auto found = published.next([](const ModelStamp&) { return true; });
    ASSERT_TRUE(found) << found.error().message;
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->manifest.stamp, snapshot.stamp);
    const auto bytes = published.fetch(**found);
    ASSERT_TRUE(bytes) << bytes.error().message;
    EXPECT_EQ(*bytes, read_snapshot(snapshot)->view());
  }
}

}  // namespace
}  // namespace fovea::topologies
