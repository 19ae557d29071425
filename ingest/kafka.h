#pragma once

// The Kafka transport: everything that talks to a broker is made here.
//
// Settings are librdkafka's own names ("bootstrap.servers", "sasl.password", ...). What the
// delivery protocol needs is set by us and refused from the configuration; a mistyped property is
// refused with the nearest known one.

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/kafka_statistics.h"
#include "ingest/sink.h"
#include "ingest/source.h"
#include "vocab/result.h"

namespace fovea::ingest {

using LogLine = std::function<void(const std::string&)>;

struct KafkaSettings {
  std::map<std::string, std::string> properties;  // as given in [kafka]
  // One clause a call, at most one a second of each kind; may be empty. Called from inside the
  // calls of whoever owns the handle, never from a thread of the client's.
  LogLine log = {};
  // The client's figures of itself, every five seconds unless statistics.interval.ms says
  // otherwise; may be empty. Called as `log` is.
  std::function<void(const KafkaStatistics&)> statistics = {};
};

// Errors: kStop naming the property and the nearest known one.
[[nodiscard]] Result<void> check_kafka_settings(const KafkaSettings& settings);

struct ConsumerSettings {
  std::vector<std::string> topics;
  std::string group_id;
  // Static membership: stable across restarts, one process each. Its partitions wait for it for
  // a session when it goes. Empty: a member that leaves the group when it is closed.
  std::string instance_id;
  // Where a partition without any position starts: earliest, latest, or a time in milliseconds.
  std::string start = "earliest";
  // Those of `topics` that are read from their beginning whatever `start` says.
  std::set<std::string> whole_topics = {};
  // A partition whose position is below the topic's start goes on from there and says what is gone;
  // else it stops.
  bool skip_lost = false;
};

// A member of a consumer group; range assignment, offsets never committed by the client itself.
//
// poll() is all that keeps it in the group and all that calls the listener. When partitions
// change hands in the middle of a poll, the records that this call had gathered are taken back:
// what poll() returns always belongs to the assignment that holds when it returns. While no
// broker answers, poll() says so every three seconds (kRetry) and the client goes on trying; call
// it again. kStop names a missing topic, a position that the topic no longer has or does not have
// yet, and a second process with the same instance id.
//
// Where the group had got to is asked for with open transactions waited for: one that holds the
// answer back for longer than 300 ms, as that of an owner that was killed does, is ended by taking
// over the id that the partition was last committed under.
//
// Lifetime  `listener` outlives the source. Destroying the source closes the consumer, within
//           ten seconds also where no broker answers, and calls on_revoked for what is left.
// Errors: kStop for settings. No broker is asked.
[[nodiscard]] Result<std::unique_ptr<Source>> open_kafka_source(const KafkaSettings& settings,
                                                                const ConsumerSettings& consumer,
                                                                AssignmentListener& listener);

// An idempotent producer without transactions. A failed delivery leaves no hole that later records
// get past: enable.gapless.guarantee sees to what a broker refuses, and nothing is given up for its
// age (message.timeout.ms = 0), which that does not cover. How long to wait is the caller's to say.
//
// append() looks a topic up when it is first named: kStop if it does not exist. After a failed
// delivery everything is kStop, and a new sink is to be opened. Destroying the sink drops what was
// not flushed.
// Errors: kStop for settings. No broker is asked.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_kafka_sink(const KafkaSettings& settings);

// A producer that makes records visible together, under an id that one process holds at a time:
// whoever takes the id over fences the one before, and nothing of that one gets through any more.
class TransactionalWriter {
 public:
  virtual ~TransactionalWriter() = default;

  // Settles what the holder before left open, and fences it. Once, before the first write().
  // Errors: kRetry when it takes longer than `timeout`: call again.
  virtual Result<void> take_over(std::chrono::milliseconds timeout) = 0;

  // The records as one transaction, in order; the offset of the last, where the broker told it.
  // Errors: kRetry: none of them is visible, call again. kStop: nothing will come of this writer
  //         any more; fenced() says whether somebody took the id over.
  virtual Result<std::optional<Offset>> write(const std::vector<OutputRecord>& records,
                                              std::chrono::milliseconds timeout) = 0;

  // Somebody else holds the id, or the broker gave it up for lost: it was away for longer than a
  // transaction lasts (10 s).
  [[nodiscard]] virtual bool fenced() const = 0;
};

// Errors: kStop for settings. No broker is asked.
[[nodiscard]] Result<std::unique_ptr<TransactionalWriter>> open_kafka_transactional_writer(
    const KafkaSettings& settings, const std::string& transactional_id);

// A sink whose records become visible together with the positions of the input that they come from:
// one transaction after another, under an id that one process holds at a time. append() begins one
// where none is open. What was not committed when the sink is destroyed never becomes visible.
class TransactionalSink : public Sink {
 public:
  // Commits what was appended since the last commit, and `positions` for that member of a group
  // (Source::membership()). Requires: flush() has succeeded since the last append().
  // Errors: kRetry: not known yet, call again with the same. kStop: nothing more will come of this
  //         sink; whether it committed is settled when the id is taken over, and what the group has
  //         committed then tells.
  virtual Result<void> commit(const std::vector<TopicPosition>& positions,
                              const std::string& membership, std::chrono::milliseconds timeout) = 0;
};

// Takes the id over: what its holder before left open is settled, and nothing of that one gets
// through any more.
// Errors: kStop for settings; kRetry when that took longer than `timeout`: call again.
[[nodiscard]] Result<std::unique_ptr<TransactionalSink>> open_kafka_transactional_sink(
    const KafkaSettings& settings, const std::string& transactional_id,
    std::chrono::milliseconds timeout);

// One partition read from an offset on, outside any group: the learning log, a changelog.
class PartitionReader {
 public:
  virtual ~PartitionReader() = default;

  // As Source::poll; returns early, with nothing, when the end of the partition is reached.
  virtual Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                            std::chrono::milliseconds timeout) = 0;

  // Offset that the next record will have or follow: control and aborted records are counted.
  [[nodiscard]] virtual Offset next() const = 0;

  // End of the partition as of the last fetch, without asking; kNoOffset before the first.
  [[nodiscard]] virtual Offset known_end() const { return kNoOffset; }

  // The partition's ends as of now; `high` is the high watermark, behind open transactions too, and
  // `stable` where the first of them begins: no poll gets past it.
  struct Ends {
    Offset low = 0;
    Offset high = 0;
    Offset stable = 0;
  };
  virtual Result<Ends> ends(std::chrono::milliseconds timeout) = 0;
};

// `start` kNoOffset is the first record there is. A start outside the partition's ends is kStop of
// the first poll().
// Errors: kStop for settings or a missing topic; kRetry when no broker answers within 5 s.
[[nodiscard]] Result<std::unique_ptr<PartitionReader>> open_partition_reader(
    const KafkaSettings& settings, const TopicPartition& at, Offset start);

// Those of `partitions` in which somebody's transaction stays open for all of `patience`: who reads
// what is committed gets no further there. Returns as soon as it is known of each. A partition that
// its topic does not have holds nobody back.
// Errors: kStop for settings or a missing topic; kRetry when no broker answers within 5 s.
[[nodiscard]] Result<std::vector<TopicPartition>> held_back(
    const KafkaSettings& settings, const std::vector<TopicPartition>& partitions,
    std::chrono::milliseconds patience);

// Opens what reads and writes while a topology runs: the real clients, or a simulation's. As the
// functions of these names.
// Threads   Safe for concurrent calls.
class ClientFactory {
 public:
  virtual ~ClientFactory() = default;
  [[nodiscard]] virtual Result<std::unique_ptr<Source>> open_source(
      const KafkaSettings& settings, const ConsumerSettings& consumer,
      AssignmentListener& listener) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<Sink>> open_sink(
      const KafkaSettings& settings) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<TransactionalSink>> open_transactional_sink(
      const KafkaSettings& settings, const std::string& transactional_id,
      std::chrono::milliseconds timeout) const = 0;
  [[nodiscard]] virtual Result<std::unique_ptr<PartitionReader>> open_partition_reader(
      const KafkaSettings& settings, const TopicPartition& at, Offset start) const = 0;
  [[nodiscard]] virtual Result<std::vector<TopicPartition>> held_back(
      const KafkaSettings& settings, const std::vector<TopicPartition>& partitions,
      std::chrono::milliseconds patience) const = 0;
};

[[nodiscard]] const ClientFactory& kafka_clients();

// What is asked of a cluster before anything is read or written.
struct TopicDescription {
  std::string name;
  std::int32_t partitions = 0;                // 0 when creating: the broker's default
  std::int32_t replication = 0;               // 0 when creating: the broker's default
  std::map<std::string, std::string> config;  // described: every setting in force, by name
};

class KafkaAdmin {
 public:
  virtual ~KafkaAdmin() = default;
  // Errors: kRetry when no broker answers within `timeout`.
  virtual Result<std::string> cluster_id(std::chrono::milliseconds timeout) = 0;
  // Only those that exist.
  virtual Result<std::vector<TopicDescription>> describe(const std::vector<std::string>& topics,
                                                         std::chrono::milliseconds timeout) = 0;
  // Existing topics are left as they are. The others are ready to be used afterwards.
  virtual Result<void> create(const std::vector<TopicDescription>& topics,
                              std::chrono::milliseconds timeout) = 0;
  // The first record that the broker had at `time` or later; absent where all are older.
  virtual Result<std::optional<Offset>> offset_at(const TopicPartition& at, TimeMs time,
                                                  std::chrono::milliseconds timeout) = 0;
  // Deletes what lies before `offset`; where the partition begins then.
  virtual Result<Offset> delete_before(const TopicPartition& at, Offset offset,
                                       std::chrono::milliseconds timeout) = 0;
};

[[nodiscard]] Result<std::unique_ptr<KafkaAdmin>> open_kafka_admin(const KafkaSettings& settings);

}  // namespace fovea::ingest
