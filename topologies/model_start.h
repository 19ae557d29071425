#pragma once

// Where a process's model begins when its own disk does not say.
//
//   published   the newest complete snapshot of this model in T.model
//   parent      of a model that nobody has published: what other settings, or the arithmetic of an
//               earlier version, had learned; the newest snapshot of another model of the topology,
//               on the disk, else in T.model
//   nothing     the learning log from its start
//
// What a model begins with, a parent or nothing, is published before it is used: every process of
// the model then begins with the same, however many start at once and whatever their disks hold.
// Whose it is the transactional id settles: who is fenced waits for the other's and takes that.
//
// Threads   Not thread-safe.

#include <functional>
#include <optional>
#include <string>

#include "ingest/kafka.h"
#include "scorer/learner.h"
#include "topologies/config.h"
#include "topologies/model_publisher.h"
#include "topologies/patience.h"
#include "topologies/published_model.h"
#include "topologies/snapshot_files.h"
#include "vocab/result.h"

namespace fovea::topologies {

using Say = std::function<void(const std::string&)>;

// Every position a snapshot can have.
inline constexpr Offset kAnyPosition = kNoOffset - 1;

// Restores the newest published snapshot of this learner's model at a position above `beyond`, and
// writes it to `directory`, so that the next start needs no topic. One that is not whole, or
// refused, is named, and the other slot's is tried. Absent if none was usable: the learner is as
// before. The answer's path is empty where it is not on the disk.
// Errors: kRetry while no broker answers, kStop for a missing topic.
[[nodiscard]] Result<std::optional<SnapshotFile>> restore_published(PublishedModels& published,
                                                                    const std::string& directory,
                                                                    scorer::Learner& learner,
                                                                    Offset beyond, const Say& say);

// What begin_model() needs to know.
struct ModelStart {
  const Config& config;
  const ModelTopicTransport& transport;
  std::string directory;              // of the snapshots
  ingest::PartitionReader::Ends log;  // of the learning log
  Say say;                            // one clause a call
};

// Begins a model that has no snapshot of its own: with what another process has published
// meanwhile, with its parent, or with nothing. What it begins with, its path empty where it is not
// on the disk; absent: nothing.
// Requires: the learner as created.
// Errors: as restore_published(); kStop when what it begins with cannot be published.
[[nodiscard]] Result<std::optional<SnapshotFile>> begin_model(const ModelStart& start,
                                                              scorer::Learner& learner,
                                                              const Patience& patience);

}  // namespace fovea::topologies
