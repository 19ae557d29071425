#pragma once

// The topics of a topology: what they must look like, what is there, and what differs.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "topologies/config.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Every topic that the topology reads or writes, in the order of README.md's table.
// `input_partitions` is how many the topic that tasks consume has; 0 where it is still to be
// created. The changelog has as many: a profile is written to the partition number its events come
// from.
[[nodiscard]] std::vector<ingest::TopicDescription> plan_topics(const Config& config,
                                                                std::int32_t input_partitions);

struct TopicFinding {
  std::string topic;
  std::string problem;  // one clause: "is missing", "has 3 partitions, needs 1"
  bool missing = false;
};

// What of the plan is not there or cannot work. The team's own topics (input, items) are theirs to
// configure: only their existence counts.
[[nodiscard]] std::vector<TopicFinding> compare_topics(
    const Config& config, const std::vector<ingest::TopicDescription>& found);

// The partition count of the topic that tasks consume; 0 where it is not there.
[[nodiscard]] std::int32_t input_partition_count(
    const Config& config, const std::vector<ingest::TopicDescription>& found);

// The command that makes what is missing: "fovea topics create video.toml".
[[nodiscard]] std::string create_command(const Config& config);

// All that compare_topics() asks, of a cluster.
// Errors: kStop naming the first finding and, where a topic is missing, the command that creates
//         it; kRetry when no broker answers.
[[nodiscard]] Result<std::vector<ingest::TopicDescription>> require_topics(
    const Config& config, ingest::KafkaAdmin& admin, std::chrono::milliseconds timeout);

}  // namespace fovea::topologies
