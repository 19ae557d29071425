#pragma once

// A Kafka broker inside this process, for trials and tests: librdkafka's own mock cluster.
//
// It speaks the real protocol on a loopback port of the system's choice, so what talks to it is the
// real client code, ours and others' (kcat, any language on this machine). It is no place to keep
// anything:
//
//   * Nothing is on disk; the topics end with the object.
//   * A partition holds about 5 MB as sent, compressed or not, and drops its oldest records beyond
//     that. Whoever feeds it paces by the lag of whoever reads, or a position is gone.
//   * Nothing is compacted and nothing expires; settings of topics are neither kept nor described.
//   * Topics are made with create(); clients' requests to create or describe them are not answered,
//     and one that a client asks for without that is there, with four partitions.
//   * Where a producer repeats a request whose answer was lost, the records are there twice.
//   * Record times are the producers'; a start by time is not found.
//   * A group's first assignment takes three seconds with librdkafka 2.0.2 (Debian 12's), which a
//     session must outlast to join at all; a later change of its members takes up to a second less
//     than the session's time-out. Static members are not told from others: whoever comes back
//     should have left.
//
// Threads   Safe for concurrent calls; it has a thread of its own.
// Lifetime  Clients may outlive it: to them it is a broker that is away.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "vocab/result.h"

namespace fovea::ingest {

// Requests of Kafka's protocol, by their numbers there.
enum class KafkaRequest : std::int16_t {
  kProduce = 0,
  kFetch = 1,
  kMetadata = 3,
  kOffsetCommit = 8,
  kOffsetFetch = 9,
  kJoinGroup = 11,
};

// What a broker may answer instead, by the numbers of Kafka's protocol.
enum class KafkaFault : std::int16_t {
  kNotLeader = 6,
  kRequestTimedOut = 7,
  kCoordinatorNotAvailable = 15,
  kNotEnoughReplicas = 19,
  kInvalidRecord = 87,  // for good: the client does not try again
};

class EmbeddedBroker {
 public:
  // Errors: kStop with the client's words, where not even a loopback port is to be had.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedBroker>> start();

  virtual ~EmbeddedBroker() = default;

  // "127.0.0.1:39341"
  [[nodiscard]] virtual const std::string& bootstrap() const = 0;

  // Of a topic, the partition count is made, nothing else. One that is there is left as it is.
  // Errors: kStop naming the topic.
  virtual Result<void> create(const std::vector<TopicDescription>& topics) = 0;

  // While down, every connection is closed and none is accepted; what was written stays.
  virtual void set_down() = 0;
  virtual void set_up() = 0;

  // The next requests of this kind are answered so, one after the other, and do nothing.
  virtual void fail_next(KafkaRequest request, const std::vector<KafkaFault>& faults) = 0;
};

// The same client settings for this broker instead of the cluster they name: without address and
// without what it takes to get in there.
[[nodiscard]] KafkaSettings embedded_settings(const KafkaSettings& settings,
                                              const EmbeddedBroker& broker);

}  // namespace fovea::ingest
