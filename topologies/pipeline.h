#pragma once

// Records in, effects out: the whole of a topology between its input and its outputs.
//
//   decode ──> group by partition ──> load profiles ──> for each event, in order:
//     example from the behaviour before it, fold, note the trigger ──> score each triggered user
//
// It does no I/O but reading the store: what must be written comes back as a value, and whoever
// runs it decides where that goes. So the same code serves Kafka, files, the demo and the tests.
//
// Several events of a user in one batch are folded one by one and scored once: the last is the
// trigger, and the recommendation says how many it covers. A request is answered at its own place.
//
// Profiles changed since the last commit live here, in the open interval, and are what later
// batches read. close_interval() hands them out together with the positions they stand for.
//
// Threads   Not thread-safe: one worker owns a pipeline.

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "ingest/sink.h"
#include "ingest/source.h"
#include "profile_store/profile_store.h"
#include "scorer/kernels.h"
#include "topologies/config.h"
#include "vocab/clock.h"
#include "vocab/learning_record.h"
#include "vocab/recommendation.h"
#include "vocab/result.h"

namespace fovea::scorer {
class Model;
}

namespace fovea::topologies {

struct PipelineMetrics;

// What happened, as numbers. They only grow.
struct PipelineCounts {
  std::uint64_t records = 0;
  std::uint64_t events = 0;           // folded, said or answered
  std::uint64_t already_applied = 0;  // records at or below `applied`, changed nothing
  std::uint64_t duplicates = 0;       // events with an id still in the ring
  std::uint64_t late = 0;             // folded, not learned from
  std::uint64_t ignored = 0;          // events of a type mapped to "ignore"
  std::uint64_t misrouted = 0;        // in a partition that is not murmur2 of its user
  std::uint64_t scorable = 0;
  std::uint64_t recommendations = 0;
  std::uint64_t covered = 0;  // scorable events that recommendations covered
  std::uint64_t held = 0;     // triggers that [emit] held back
  std::uint64_t examples = 0;
  std::uint64_t shed = 0;  // of them, marked count-only
  std::uint64_t catalogue_changes = 0;
  std::uint64_t profile_hits = 0;                     // profiles a batch found in memory
  std::uint64_t profile_misses = 0;                   // and those it asked the store for
  std::map<std::string, std::uint64_t> dead_letters;  // by reason
};

// All of them but those by reason.
inline constexpr std::array kPipelineCounts = {&PipelineCounts::records,
                                               &PipelineCounts::events,
                                               &PipelineCounts::already_applied,
                                               &PipelineCounts::duplicates,
                                               &PipelineCounts::late,
                                               &PipelineCounts::ignored,
                                               &PipelineCounts::misrouted,
                                               &PipelineCounts::scorable,
                                               &PipelineCounts::recommendations,
                                               &PipelineCounts::covered,
                                               &PipelineCounts::held,
                                               &PipelineCounts::examples,
                                               &PipelineCounts::shed,
                                               &PipelineCounts::catalogue_changes,
                                               &PipelineCounts::profile_hits,
                                               &PipelineCounts::profile_misses};

void add(const PipelineCounts& more, PipelineCounts& sum);

// What a batch leads to, in the order in which it must be appended.
struct Effects {
  std::vector<Recommendation> recommendations;
  std::vector<TimeMs> trigger_times;  // the broker's, of each recommendation's trigger
  std::vector<LearningRecord> learning;
  std::vector<ingest::OutputRecord> dead_letters;
};

// What must become durable together: the profiles of an interval and what they stand for.
struct Interval {
  profile_store::StoreBatch batch;               // changelog_next is the caller's to fill in
  std::vector<ingest::TopicPosition> positions;  // of every topic consumed
  [[nodiscard]] bool empty() const { return positions.empty(); }
};

struct PipelineSettings {
  // Absent: emission time is event time and no event is too old. For replays.
  const Clock* clock = nullptr;
  // Of the input topic, to notice events in a foreign partition; 0: not known, not judged.
  std::int32_t input_partitions = 0;
  scorer::KernelLevel kernels = scorer::fastest_kernel_level();
  // Withdrawn items, asked once a batch; may be empty.
  std::function<std::function<bool(ItemKey)>()> withdrawn;
  // Told of every catalogue change at once; may be empty.
  std::function<void(const ItemChange&)> on_item;
  // Share of the live examples to mark count-only, asked once a batch; empty: none. Needs `clock`.
  std::function<double()> shed_probability;
  // Where slates are timed and judged; may be null. Outlives the pipeline.
  PipelineMetrics* metrics = nullptr;
};

class Pipeline {
 public:
  // Errors: kStop naming the setting at fault.
  [[nodiscard]] static Result<Pipeline> create(const Config& config, PipelineSettings settings);

  Pipeline(Pipeline&&) noexcept;
  Pipeline& operator=(Pipeline&&) noexcept;
  ~Pipeline();

  // A partition of the input becomes ours, with the positions that the store has for it.
  void open(Partition partition, std::optional<profile_store::PartitionPositions> positions);

  // The next interval says where the partition stands, also when nothing of it was read: the group
  // knows less than the store. Requires: it is open, with positions.
  void say_position(const ingest::TopicPartition& at);

  // A partition of the input or of the catalogue goes: what is open of it is dropped.
  void close(const ingest::TopicPartition& at);

  // Errors: kStop from the store. What was folded of the batch is then undefined: drop everything.
  [[nodiscard]] Result<Effects> process(std::span<const ingest::SourceRecord> batch,
                                        profile_store::ProfileStore& store,
                                        const scorer::Model& model);

  // Ends the open interval. What it held stays readable as cache, so the caller must store it or
  // drop the pipeline's partitions.
  [[nodiscard]] Interval close_interval();

  // The learning records of all effects so far lie at or before `position` of the learning log.
  void settle_learning(Offset position);

  [[nodiscard]] const PipelineCounts& counts() const;

 private:
  struct Impl;
  explicit Pipeline(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::topologies
