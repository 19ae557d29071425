// What a standby keeps, what it leaves to the workers of its process, and what it gives up.

#include "topologies/standby.h"

#include <gtest/gtest.h>

#include <map>

#include "profile_store/memory_profile_store.h"
#include "profile_store/profile_codec.h"
#include "tests/topologies/fake_transport.h"
#include "topologies/learner_loop.h"
#include "topologies/metrics.h"

namespace fovea::topologies {
namespace {

std::string encoded(Offset applied) {
  Profile profile;
  profile.behaviour.applied = applied;
  return profile_store::encode_profile(profile);
}

// Changelogs of three partitions.
class Changelogs final : public FakeClients {
 public:
  Result<std::unique_ptr<ingest::PartitionReader>> open_partition_reader(
      const ingest::KafkaSettings&, const ingest::TopicPartition& at, Offset start) const override {
    if (away) return retry("no broker answers");
    opened.push_back(at.partition);
    auto reader = std::make_unique<FakeReader>(at.topic, at.partition, start);
    reader->records = records.at(at.partition);
    reader->on_poll = on_poll;
    return std::unique_ptr<ingest::PartitionReader>(std::move(reader));
  }

  std::map<Partition, std::vector<std::pair<std::string, std::optional<std::string>>>> records{
      {0, {{"a", encoded(1)}}}, {1, {{"b", encoded(2)}}}, {2, {{"c", encoded(3)}}}};
  std::function<void()> on_poll;
  bool away = false;
  mutable std::vector<Partition> opened;
};

class StandbyTest : public testing::Test {
 protected:
  std::optional<Profile> profile(Partition partition, const std::string& user) {
    return (*store_->get(partition, {{user}})).front();
  }
  int kept() { return metrics_.standby().partitions.value(); }

  const Config config_{};
  const ingest::KafkaSettings kafka_{};
  const SystemClock clock_{};
  Changelogs clients_;
  std::unique_ptr<profile_store::ProfileStore> store_ = profile_store::make_memory_profile_store();
  PartitionClaims claims_;
  Metrics metrics_{"t", clock_};
  Standby standby_{{config_, kafka_, clients_, clock_, *store_, claims_, 3, &metrics_}};
  const int worker_ = 0;  // stands for one
};

TEST_F(StandbyTest, KeepsWhatNoWorkerOfItsProcessHas) {
  claims_.claim(1, &worker_);
  for (int turn = 0; turn < 3; ++turn) EXPECT_TRUE(standby_.turn());

  EXPECT_TRUE(profile(0, "a"));
  EXPECT_FALSE(profile(1, "b"));
  EXPECT_TRUE(profile(2, "c"));
  EXPECT_EQ((*store_->positions(0))->input_next, kNoOffset);
  EXPECT_EQ(kept(), 2);
  EXPECT_EQ(clients_.opened, (std::vector<Partition>{0, 2}));

  clients_.records[0].emplace_back("a", encoded(5));
  claims_.release(1, &worker_);
  for (int turn = 0; turn < 3; ++turn) EXPECT_TRUE(standby_.turn());
  EXPECT_EQ(profile(0, "a")->behaviour.applied, 5);
  EXPECT_TRUE(profile(1, "b"));
  EXPECT_EQ(kept(), 3);
}

TEST_F(StandbyTest, LeavesAPartitionThatAWorkerTakesInTheMiddle) {
  ClaimedStore workers(*store_, claims_, &worker_);
  const profile_store::PartitionPositions theirs{9, 1, TimeMs{0}, TimeMs{0}};
  clients_.on_poll = [&] {
    claims_.claim(0, &worker_);
    Profile newer;
    newer.behaviour.applied = 8;
    EXPECT_TRUE(workers.apply({{{0, {"a"}, newer}}, {{0, theirs}}}));
  };

  (void)standby_.turn();

  EXPECT_EQ(profile(0, "a")->behaviour.applied, 8);
  EXPECT_EQ(*store_->positions(0), theirs);
}

TEST_F(StandbyTest, WaitsForABrokerAndGivesUpWhatCannotBeRead) {
  clients_.away = true;
  for (int turn = 0; turn < 3; ++turn) {
    EXPECT_EQ(standby_.turn().error().disposition, Disposition::kRetry);
  }
  EXPECT_EQ(metrics_.standby().as_of.value(), 0) << "nothing is here";
  clients_.away = false;
  EXPECT_TRUE(standby_.turn());
  clients_.records[1] = {{"b", "garbage"}};

  const auto refused = standby_.turn();
  ASSERT_FALSE(refused);
  EXPECT_NE(refused.error().message.find("offset 0"), std::string::npos) << refused.error().message;
  EXPECT_TRUE(standby_.turn());
  clients_.opened.clear();
  for (int turn = 0; turn < 3; ++turn) EXPECT_TRUE(standby_.turn());
  EXPECT_EQ(clients_.opened, (std::vector<Partition>{0, 2})) << "it was given up";
}

}  // namespace
}  // namespace fovea::topologies
