// The plan of topics against the design's table, and what is found wanting on a cluster.

#include "topologies/topics.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

namespace fovea::topologies {
namespace {

using ingest::TopicDescription;

Config video() {
  auto config = load_config_text("name = \"video\"\n", ".");
  EXPECT_TRUE(config);
  config->path = "video.toml";
  return *std::move(config);
}

TopicDescription& topic(std::vector<TopicDescription>& topics, const std::string& name) {
  return *std::find_if(topics.begin(), topics.end(),
                       [&](const TopicDescription& one) { return one.name == name; });
}

// A cluster in memory.
class FakeAdmin final : public ingest::KafkaAdmin {
 public:
  std::vector<TopicDescription> topics;

  Result<std::string> cluster_id(std::chrono::milliseconds) override {
    return std::string("cluster");
  }
  Result<std::vector<TopicDescription>> describe(const std::vector<std::string>& names,
                                                 std::chrono::milliseconds) override {
    std::vector<TopicDescription> out;
    for (const TopicDescription& one : topics) {
      if (std::find(names.begin(), names.end(), one.name) != names.end()) out.push_back(one);
    }
    return out;
  }
  Result<void> create(const std::vector<TopicDescription>& more,
                      std::chrono::milliseconds) override {
    topics.insert(topics.end(), more.begin(), more.end());
    return {};
  }
  Result<std::optional<Offset>> offset_at(const ingest::TopicPartition&, TimeMs,
                                          std::chrono::milliseconds) override {
    return std::optional<Offset>();
  }
  Result<Offset> delete_before(const ingest::TopicPartition&, Offset offset,
                               std::chrono::milliseconds) override {
    return offset;
  }
};

TEST(Topics, PlanHasEveryTopicOfTheTable) {
  std::vector<std::string> names;
  for (const TopicDescription& one : plan_topics(video(), 0)) names.push_back(one.name);

  EXPECT_EQ(names, (std::vector<std::string>{"video.events", "video.items", "video.learning",
                                             "video.model", "video.profiles",
                                             "video.recommendations", "video.dead-letter"}));
}

TEST(Topics, PlanKeepsTheLearningLogInOneOrderAndForEver) {
  auto plan = plan_topics(video(), 0);
  const TopicDescription learning = topic(plan, "video.learning");

  EXPECT_EQ(learning.partitions, 1);
  EXPECT_EQ(learning.config.at("retention.ms"), "-1");
  EXPECT_EQ(learning.config.at("message.timestamp.type"), "LogAppendTime");
  EXPECT_EQ(learning.config.at("compression.type"), "lz4");
}

TEST(Topics, PlanKeepsTheLatestOfEachChunkOfAModel) {
  auto plan = plan_topics(video(), 12);
  TopicDescription& model = topic(plan, "video.model");
  EXPECT_EQ(model.partitions, 1);
  EXPECT_EQ(model.config.at("cleanup.policy"), "compact");

  model.config["cleanup.policy"] = "delete";
  EXPECT_EQ(compare_topics(video(), plan).at(0).problem,
            "has cleanup.policy = delete, needs compact");
  model.partitions = 2;
  EXPECT_EQ(compare_topics(video(), plan).at(0).problem, "has 2 partitions, needs 1");
}

TEST(Topics, PlanGivesTheChangelogThePartitionsOfTheInput) {
  auto plan = plan_topics(video(), 12);
  const TopicDescription profiles = topic(plan, "video.profiles");

  EXPECT_EQ(profiles.partitions, 12);
  EXPECT_EQ(profiles.config.at("cleanup.policy"), "compact");
  EXPECT_EQ(profiles.config.at("max.compaction.lag.ms"), "86400000");
  EXPECT_EQ(profiles.config.at("delete.retention.ms"), "604800000");
  EXPECT_EQ(topic(plan, "video.recommendations").config.at("cleanup.policy"), "compact,delete");
}

TEST(Topics, PlanGivesWhatIsRekeyedATopicOfItsOwnAndTheChangelogItsPartitions) {
  const auto config = load_config_text(
      "name = \"video\"\n[input]\ntopics = [\"web\", \"app\"]\nkeyed_by_user = false\n", ".");
  ASSERT_TRUE(config) << config.error().message;
  auto plan = plan_topics(*config, 0);

  EXPECT_EQ(topic(plan, "video.events").partitions, topic(plan, "video.profiles").partitions);
  EXPECT_EQ(topic(plan, "video.events").config.at("message.timestamp.type"), "LogAppendTime");
  topic(plan, "web").partitions = 9;
  topic(plan, "video.events").partitions = 5;
  EXPECT_EQ(input_partition_count(*config, plan), 5) << "the team's own count for nothing";
  topic(plan, "video.profiles").partitions = 5;
  EXPECT_TRUE(compare_topics(*config, plan).empty());
}

TEST(Topics, FindNothingWrongWithTheirOwnPlan) {
  EXPECT_TRUE(compare_topics(video(), plan_topics(video(), 6)).empty());
}

TEST(Topics, FindWhatIsMissing) {
  auto found = plan_topics(video(), 0);
  found.erase(found.begin());

  const auto findings = compare_topics(video(), found);

  ASSERT_EQ(findings.size(), 1U);
  EXPECT_EQ(findings[0].topic, "video.events");
  EXPECT_TRUE(findings[0].missing);
}

TEST(Topics, FindALearningLogThatIsNoLog) {
  auto found = plan_topics(video(), 0);
  topic(found, "video.learning").partitions = 3;
  EXPECT_EQ(compare_topics(video(), found).at(0).problem, "has 3 partitions, needs 1");

  topic(found, "video.learning").partitions = 1;
  topic(found, "video.learning").config["retention.ms"] = "604800000";
  EXPECT_EQ(compare_topics(video(), found).at(0).problem, "has retention.ms = 604800000, needs -1");
}

TEST(Topics, FindAChangelogWithFewerPartitionsThanTheInput) {
  auto found = plan_topics(video(), 4);
  topic(found, "video.profiles").partitions = 2;
  EXPECT_EQ(compare_topics(video(), found).at(0).problem, "has 2 partitions, needs 4");

  topic(found, "video.profiles").partitions = 8;
  EXPECT_TRUE(compare_topics(video(), found).empty());
}

TEST(Topics, LeaveTheTeamsOwnTopicsToTheTeam) {
  auto found = plan_topics(video(), 4);
  topic(found, "video.events").config["retention.ms"] = "1000";
  topic(found, "video.items").partitions = 50;

  EXPECT_TRUE(compare_topics(video(), found).empty());
}

TEST(Topics, TakeTheOrderOfCleanupPoliciesForWhatItIs) {
  auto found = plan_topics(video(), 4);
  topic(found, "video.recommendations").config["cleanup.policy"] = "delete, compact";

  EXPECT_TRUE(compare_topics(video(), found).empty());
}

TEST(Topics, RequiringThemNamesTheCommandThatCreatesThem) {
  FakeAdmin admin;
  const auto missing = require_topics(video(), admin, std::chrono::seconds(1));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().disposition, Disposition::kStop);
  EXPECT_EQ(missing.error().message,
            "topic video.events is missing; create it with: fovea topics create video.toml");

  admin.topics = plan_topics(video(), 0);
  EXPECT_TRUE(require_topics(video(), admin, std::chrono::seconds(1)));
}

}  // namespace
}  // namespace fovea::topologies
