#pragma once

// The slates of the topic of recommendations, as a consumer of it reads them.
//
// Threads   Not thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "vocab/recommendation.h"
#include "vocab/result.h"

namespace fovea::topologies {

class DemoSlates {
 public:
  // From the start of every partition.
  // Errors: kStop: no such topic; kRetry: no broker answers.
  [[nodiscard]] static Result<DemoSlates> open(const ingest::KafkaSettings& kafka,
                                               const std::string& topic, std::int32_t partitions);

  // Appends what has come since. Does not wait.
  // Errors: kStop: what lies there is no slate, or was dropped before it was read.
  Result<void> poll(std::vector<Recommendation>& out);

 private:
  std::vector<std::unique_ptr<ingest::PartitionReader>> readers_;
  std::vector<ingest::SourceRecord> batch_;
};

}  // namespace fovea::topologies
