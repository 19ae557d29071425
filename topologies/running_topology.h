#pragma once

// A topology at work against a cluster: store, learner's thread and workers, started and ended in
// the order that keeps their promises.
//
// What `run` and `demo` have in common. Which cluster, and for how long, is the caller's.
//
// Threads   start() and stop() on one thread; the rest from any.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "ingest/kafka.h"
#include "topologies/config.h"
#include "topologies/patience.h"
#include "topologies/pipeline.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

class LearnerLoop;
class Metrics;

// What has to be known of a cluster before anything is read or written.
struct Cluster {
  std::string id;
  std::int32_t input_partitions = 0;
  std::optional<std::chrono::milliseconds> tombstones_kept;  // in the changelog, where known
  bool slates_by_input_partition = false;                    // as many of these as of input
};

// Waits for a broker as `patience` says.
// Errors: kStop naming a missing topic, or two whose partition counts do not fit.
[[nodiscard]] Result<Cluster> await_cluster(const Config& config,
                                            const ingest::KafkaSettings& kafka,
                                            const Patience& patience);

class RunningTopology {
 public:
  // `leave`: the workers leave their group at the end, since this process will not come back.
  // Null if the caller was told to stop before the workers began.
  // Errors: kStop: the store's; the learning log and the model's position do not fit.
  // `metrics`: what is measured; may be null.
  // Lifetime  Everything handed in outlives it.
  [[nodiscard]] static Result<std::unique_ptr<RunningTopology>> start(
      const Config& config, const ingest::KafkaSettings& kafka, const Cluster& cluster,
      const Clock& clock, const Patience& patience, bool leave, Metrics* metrics = nullptr);

  // As stop().
  ~RunningTopology();

  // The workers drain and commit; then the learner's last snapshot and mark.
  // Errors: why a worker or the learner ended by itself, if one did.
  Result<void> stop();

  // Why a worker or the learner ended by itself, if one did.
  [[nodiscard]] std::optional<Error> failure() const;

  // Of all workers, as of their last batches.
  [[nodiscard]] PipelineCounts counts() const;

  [[nodiscard]] const LearnerLoop& learner() const;

  // "12 events, 7 recommendations covering ..."
  [[nodiscard]] std::string status() const;

 private:
  class Parts;

  explicit RunningTopology(std::unique_ptr<Parts> parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace fovea::topologies
