#pragma once

// Reads T.model: the newest complete snapshot of a model that somebody published.
//
// The topic is walked backwards from its end in windows that grow, since the manifest of a
// publication is its last record: what is read is about as much as is wanted, however many old
// snapshots the broker has not compacted yet. Then the manifest's chunks are read forwards.
//
// Every wait is bounded: a partition that brings nothing for a few seconds has ended, and records
// behind somebody's open transaction count as not there.
//
// Threads   Not thread-safe.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/kafka.h"
#include "topologies/model_topic.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::topologies {

// The topic's only partition from an offset on; kNoOffset: from its start.
using OpenModelTopic =
    std::function<Result<std::unique_ptr<ingest::PartitionReader>>(Offset start)>;

// A manifest and where it lies.
struct Publication {
  ModelManifest manifest;
  Offset at = 0;
  TimeMs time{};  // the broker's
};

class PublishedModels {
 public:
  // Lifetime  `stopping` outlives it; when it turns true, every call ends with kStop soon.
  PublishedModels(OpenModelTopic open, const std::atomic<bool>& stopping)
      : open_(std::move(open)), stopping_(stopping) {}

  using Wanted = std::function<bool(const ModelStamp&)>;

  // The latest manifest of a wanted model that was not answered before; absent when the start of
  // the topic is reached. Of a slot only the latest manifest counts.
  // Errors: of the reader: kRetry while no broker answers, kStop for a missing topic.
  Result<std::optional<Publication>> next(const Wanted& wanted);

  // The snapshot's bytes.
  // Errors: kSkip naming the chunk that is missing or damaged; the reader's, as next().
  Result<std::string> fetch(const Publication& publication);

 private:
  Result<void> walk_back();
  using Visit = std::function<void(const ingest::SourceRecord&)>;
  Result<void> read(Offset from, Offset to, const Visit& visit);

  OpenModelTopic open_;
  const std::atomic<bool>& stopping_;
  bool begun_ = false;
  Offset low_ = 0;                  // the topic's start
  Offset unread_end_ = 0;           // what lies before is not read yet
  Offset window_ = 0;               // records of the next step back
  std::vector<Publication> ahead_;  // read and not answered yet, the latest last
  std::vector<ModelManifest> answered_;
};

}  // namespace fovea::topologies
