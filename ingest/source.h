#pragma once

// Where records come from: a bounded batch at a time, with positions that the caller owns.
//
// Threads   Not thread-safe: one worker owns a source and everything reachable from it.

#include <chrono>
#include <compare>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::ingest {

struct TopicPartition {
  std::string topic;
  Partition partition = 0;
  auto operator<=>(const TopicPartition&) const = default;
};

// `next` is the offset of the first record not yet dealt with.
struct TopicPosition {
  TopicPartition at;
  Offset next = 0;
  auto operator<=>(const TopicPosition&) const = default;
};

// One record as it lies in the log.
// Lifetime  `topic` is borrowed from the source and lives as long as it does.
struct SourceRecord {
  std::string_view topic;
  Partition partition = 0;
  Offset offset = 0;
  TimeMs record_time{};  // the broker's timestamp; a file's line: see file_source.h
  std::optional<std::string> key;
  std::optional<std::string> value;  // absent: a tombstone
};

// A partition that became ours, and where the group had got to; absent if it never committed one.
struct AssignedPartition {
  TopicPartition at;
  std::optional<Offset> committed;
  std::string committed_by;  // the transactional id under which; empty: without a transaction
};

// Where reading stands in a partition, and where the partition ended as of the last fetch.
struct PartitionProgress {
  Offset next = 0;
  Offset end = 0;
};

// Told, from inside poll(), which partitions come and go.
class AssignmentListener {
 public:
  virtual ~AssignmentListener() = default;

  // An assignment is coming, and nobody has been asked yet where the group had got to: an open
  // transaction of this process, which would keep the answer back, is settled here.
  // Errors: kStop ends the source.
  virtual Result<void> on_assigning() { return {}; }

  // Where to start each partition; one that is left out starts at the group's committed offset,
  // or, without one, at the configured end of the log. May block for a restore.
  // Errors: kStop ends the source.
  virtual Result<std::vector<TopicPosition>> on_assigned(
      const std::vector<AssignedPartition>& partitions) = 0;

  // The last moment to commit; when `lost`, another process may own them already: drop, do not
  // commit.
  virtual void on_revoked(const std::vector<TopicPartition>& partitions, bool lost) = 0;
};

class Source {
 public:
  virtual ~Source() = default;

  // Appends at most `records_max` records to `out`, in order within each partition, waiting up to
  // `timeout` for the first. Nothing is a normal answer.
  // Errors: kRetry while the broker is away; kStop when the source cannot go on.
  virtual Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                            std::chrono::milliseconds timeout) = 0;

  // Makes positions durable for the next start. Synchronous.
  // Errors: kRetry; kSkip when the partitions are no longer ours.
  virtual Result<void> commit(const std::vector<TopicPosition>& positions) = 0;

  // Which member of its group this is, in the client's own words: what commits positions as part of
  // a transaction says it. Empty before the first assignment.
  [[nodiscard]] virtual std::string membership() const { return {}; }

  // Back-pressure: a paused partition delivers nothing and keeps its place.
  virtual void pause(const std::vector<TopicPartition>& partitions) = 0;
  virtual void resume(const std::vector<TopicPartition>& partitions) = 0;

  // Without asking anybody; absent while either is not known.
  [[nodiscard]] virtual std::optional<PartitionProgress> progress(const TopicPartition&) const {
    return std::nullopt;
  }

  // True after a kStop because another process has taken this member's place: to join again would
  // take it back, for as long as both try.
  [[nodiscard]] virtual bool replaced() const { return false; }

  // True once no record will ever come: the end of a file. A topic never ends.
  [[nodiscard]] virtual bool finished() const = 0;
};

}  // namespace fovea::ingest
