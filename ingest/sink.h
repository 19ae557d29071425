#pragma once

// Where records go. append() is asynchronous; flush() is the moment they are known to be there.
//
// Threads   Not thread-safe: one worker owns a sink.

#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/source.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::ingest {

struct OutputRecord {
  std::string topic;
  std::optional<Partition> partition;  // absent: murmur2 of the key, as Java clients do
  std::optional<std::string> key;
  std::optional<std::string> value;  // absent: a tombstone
  std::vector<std::pair<std::string, std::string>> headers;
};

class Sink {
 public:
  virtual ~Sink() = default;

  // Errors: kRetry when the queue is full (serve time, then again); kStop on a fatal client.
  virtual Result<void> append(const OutputRecord& record) = 0;

  // Waits until everything appended since the last flush is acknowledged.
  // Errors: kRetry when `timeout` passed with records still under way (call again);
  //         kStop when a record was refused for good: the interval is lost, state must not be
  //         stored, the next start repeats it.
  virtual Result<void> flush(std::chrono::milliseconds timeout) = 0;

  // One past the highest acknowledged offset of ours in that partition; absent before the first.
  [[nodiscard]] virtual std::optional<Offset> delivered_next(const TopicPartition& at) const = 0;

  // Records appended and neither acknowledged nor refused yet.
  [[nodiscard]] virtual std::size_t pending() const { return 0; }
};

}  // namespace fovea::ingest
