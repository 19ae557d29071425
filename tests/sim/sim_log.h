#pragma once

// Topics and what is in them.
//
// Offsets are not indexes: a trimmed partition begins late, a compacted one has gaps, and the
// marker that ends a transaction takes an offset. A producer numbers what it writes to a partition;
// a batch that is there already is recognised by that.

#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/source.h"
#include "vocab/ids.h"

namespace fovea::sim {

using Headers = std::vector<std::pair<std::string, std::string>>;

enum class TransactionNumber : std::int64_t {};
inline constexpr TransactionNumber kNoTransaction{0};

struct LogRecord {
  enum class Standing : std::uint8_t { kCommitted, kOpen, kAborted };

  Offset offset = kNoOffset;  // the log says
  TimeMs record_time{};
  std::optional<std::string> key;
  std::optional<std::string> value;
  Headers headers;
  TransactionNumber transaction = kNoTransaction;
  Standing standing = Standing::kCommitted;
  bool operator==(const LogRecord&) const = default;
};

struct LogPartition {
  Offset start = 0;
  Offset end = 0;
  std::deque<LogRecord> records;                   // by offset
  std::map<std::int32_t, std::int64_t> sequences;  // the next of each producer
  std::map<TransactionNumber, Offset> open;        // the first record of each open transaction

  // The first record at `from` or later: an index into `records`.
  [[nodiscard]] std::size_t index_of(Offset from) const;

  // The last stable offset: where the first open transaction begins. Whoever reads committed
  // records gets no further, whoever wrote them.
  [[nodiscard]] Offset stable() const;

  // Those below it that are committed, from `from` on, at most so many.
  [[nodiscard]] std::vector<const LogRecord*> committed(
      Offset from = 0, std::size_t most = std::numeric_limits<std::size_t>::max()) const;
  // One past the last of them; 0 where there is none.
  [[nodiscard]] Offset committed_end() const;
};

struct TopicSettings {
  std::int32_t partitions = 1;
  bool log_append_time = false;  // the broker's time instead of the producer's
};

class SimLog {
 public:
  // One that is there is left as it is.
  void create(const std::string& topic, const TopicSettings& settings);

  // 0 where there is no such topic.
  [[nodiscard]] std::int32_t partition_count(const std::string& topic) const;

  // Requires: the partition exists.
  [[nodiscard]] const LogPartition& partition(const ingest::TopicPartition& at) const;

  struct Appended {
    Offset next = kNoOffset;  // one past the last of the batch
    bool repeated = false;    // it was there
  };
  // `sequence` is the number of the batch's first record among its producer's in this partition.
  // Requires: no number is left out, and of a batch all or nothing is there.
  Appended append(const ingest::TopicPartition& at, std::int32_t producer, std::int64_t sequence,
                  const std::vector<LogRecord>& batch, TimeMs now,
                  TransactionNumber transaction = kNoTransaction);

  // Writes the marker that ends a transaction in this partition, also where it wrote nothing.
  void end(const ingest::TopicPartition& at, TransactionNumber transaction, bool committed);

  // By nobody in particular.
  Offset append(const ingest::TopicPartition& at, LogRecord record, TimeMs now);

  // Deletes what lies before `offset`.
  void trim(const ingest::TopicPartition& at, Offset offset);

  // Of each key only its newest committed record stays; a tombstone too, unless `drop_tombstones`.
  // What no reader can have yet and the last record of the partition always do.
  void compact(const ingest::TopicPartition& at, bool drop_tombstones = false);

  // Everything that is there and committed, in one number.
  [[nodiscard]] std::uint64_t digest() const;

 private:
  struct Topic {
    TopicSettings settings;
    std::vector<LogPartition> partitions;
  };
  [[nodiscard]] LogPartition& find(const ingest::TopicPartition& at);

  std::map<std::string, Topic> topics_;
};

}  // namespace fovea::sim
