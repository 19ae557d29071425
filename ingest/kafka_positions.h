#pragma once

// Where partitions stand, as the cluster has it. Private to ingest.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/source.h"
#include "vocab/result.h"

namespace fovea::ingest {

// What the group has committed, open transactions waited for. One that keeps the answer back for
// longer than 300 ms is ended, by taking over the id that the partition was last committed under.
// Asks for up to a minute while no coordinator answers.
// Requires: `client` is a member that reads only what is committed.
// Errors: kStop.
[[nodiscard]] Result<std::vector<AssignedPartition>> committed_positions(
    KafkaClient& client, const KafkaSettings& settings, const std::string& group,
    const std::vector<TopicPartition>& partitions);

// The first record of `time_ms` or later in each partition; the end where there is none.
// Errors: kStop, after a minute without an answer.
[[nodiscard]] Result<std::vector<TopicPosition>> positions_at(
    KafkaClient& client, const std::vector<TopicPartition>& partitions, std::int64_t time_ms);

// The partition's ends as of now. A client that reads what is committed is told of the last stable
// offset, behind which a transaction is open, as the end.
// Errors: kStop where there is no such partition; kRetry after `timeout`.
[[nodiscard]] Result<PartitionReader::Ends> partition_ends(KafkaClient& client,
                                                           const TopicPartition& at,
                                                           std::chrono::milliseconds timeout);

// "video.events [3]"
[[nodiscard]] std::string words_for(const TopicPartition& at);

}  // namespace fovea::ingest
