#include "tests/sim/sim_positions.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace fovea::sim {
namespace {

using ingest::AssignedPartition;
using ingest::TopicPartition;
using ingest::TopicPosition;
using std::chrono::milliseconds;

// Offsets that are kept back for longer are waited for no more.
constexpr milliseconds kUnstable{300};
constexpr milliseconds kFenceWithin{5'000};

// Of whoever committed such a partition last; where that was another one, its time-out is waited
// for.
void end_blocking_transactions(ClusterCore& core, ProcessId process, SimGroup& group,
                               const std::set<TopicPartition>& partitions) {
  std::set<std::string> ended;
  for (const TopicPartition& at : partitions) {
    const auto one = group.committed().find(at);
    if (one == group.committed().end() || !group.held_back(at)) continue;
    const std::string id = one->second.by;
    if (id.empty() || !ended.insert(id).second) continue;
    (void)take_over(core, process, id, core.now() + kFenceWithin);
  }
}

}  // namespace

Result<Start> parse_start(const std::string& words) {
  if (words == "earliest") return Start{};
  if (words == "latest") return Start{Start::Kind::kLatest};
  Start start{Start::Kind::kTime};
  const char* const last = words.data() + words.size();
  const auto [end, problem] = std::from_chars(words.data(), last, start.time_ms);
  if (problem != std::errc{} || end != last || start.time_ms < 0) {
    return stop("start " + words + " is none of earliest, latest and milliseconds since the epoch");
  }
  return start;
}

Offset first_position(const ClusterCore& core, const TopicPartition& at, const Start& start) {
  const LogPartition& partition = core.log.partition(at);
  if (start.kind == Start::Kind::kEarliest) return partition.start;
  if (start.kind == Start::Kind::kTime) {
    for (const LogRecord* record : partition.committed()) {
      if (value(record->record_time) >= start.time_ms) return record->offset;
    }
  }
  return partition.stable();
}

Result<std::vector<TopicPartition>> held_back(ClusterCore& core, ProcessId process,
                                              const std::vector<TopicPartition>& partitions,
                                              milliseconds patience) {
  const ClusterCore::Call call(core, process);
  if (!core.wait(core.now() + kFenceWithin, [&] { return !core.away(process); })) {
    return no_broker(core, process);
  }
  std::vector<TopicPosition> held;
  for (const TopicPartition& at : partitions) {
    const std::int32_t partitions_there = core.log.partition_count(at.topic);
    if (partitions_there == 0) return missing_topic(at.topic);
    if (at.partition >= partitions_there) continue;
    const LogPartition& log = core.log.partition(at);
    if (log.stable() < log.end) held.push_back({at, log.stable()});
  }
  core.wait(core.now() + patience, [&] {
    std::erase_if(held, [&core](const TopicPosition& was) {
      return core.log.partition(was.at).stable() != was.next;
    });
    return held.empty();
  });
  std::vector<TopicPartition> found;
  for (const TopicPosition& one : held) found.push_back(one.at);
  return found;
}

Result<std::vector<AssignedPartition>> committed_positions(
    ClusterCore& core, ProcessId process, const std::string& group_id,
    const std::set<TopicPartition>& partitions, milliseconds within) {
  SimGroup& group = core.group(group_id);
  const std::string what = "committed offsets of the group: ";
  const Time deadline = core.now() + within;
  if (!core.wait(deadline, [&] { return !core.away(process); })) {
    return stop(what + no_broker(core, process).message);
  }
  const auto stable = [&] {
    return !core.away(process) &&
           std::none_of(partitions.begin(), partitions.end(),
                        [&](const TopicPartition& at) { return group.held_back(at); });
  };
  if (!core.wait(core.now() + kUnstable, stable)) {
    end_blocking_transactions(core, process, group, partitions);
  }
  if (!core.wait(deadline, stable)) return stop(what + "an open transaction keeps them back");
  std::vector<AssignedPartition> committed;
  for (const TopicPartition& at : partitions) {
    committed.push_back({at, {}, {}});
    const auto one = group.committed().find(at);
    if (one == group.committed().end()) continue;
    committed.back().committed = one->second.next;
    committed.back().committed_by = one->second.by;
  }
  return committed;
}

}  // namespace fovea::sim
