// One partition without a group (ingest/kafka.h, open_partition_reader()).

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/sim/cluster_core.h"

namespace fovea::sim {
namespace {

using ingest::SourceRecord;
using ingest::TopicPartition;
using std::chrono::milliseconds;

constexpr milliseconds kLookUp{5'000};

class SimPartitionReader final : public ingest::PartitionReader {
 public:
  SimPartitionReader(ClusterCore& core, ProcessId process, TopicPartition at, Offset start)
      : core_(core),
        process_(process),
        at_(std::move(at)),
        next_(start < 0 ? log().start : start) {}

  Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                    milliseconds timeout) override {
    const ClusterCore::Call call(core_, process_);
    if (stopped_) return *stopped_;
    const Time deadline = core_.now() + timeout;
    core_.wait(deadline, [&] {
      if (core_.away(process_)) return false;
      if (next_ < log().start || next_ > log().end) return true;
      known_end_ = log().end;
      // The end is told once, each time that it is reached.
      return next_ < log().stable() || !std::exchange(end_told_, true);
    });
    if (core_.away(process_)) return away_.say(core_, process_);
    if (next_ < log().start || next_ > log().end) {
      stopped_ =
          stop(fmt::format("{}: position {} is not between the topic's start {} and its end {}",
                           words_for(at_), next_, log().start, log().end));
      return *stopped_;
    }
    fetch(out, records_max);
    return {};
  }

  [[nodiscard]] Offset next() const override { return next_; }
  [[nodiscard]] Offset known_end() const override { return known_end_; }

  Result<Ends> ends(milliseconds timeout) override {
    const ClusterCore::Call call(core_, process_);
    if (!core_.wait(core_.now() + timeout, [this] { return !core_.away(process_); })) {
      return retry(fmt::format("ends of {}: timed out", words_for(at_)));
    }
    return Ends{log().start, log().end, log().stable()};
  }

 private:
  [[nodiscard]] const LogPartition& log() const { return core_.log.partition(at_); }

  void fetch(std::vector<SourceRecord>& out, std::size_t records_max) {
    const Offset stable = log().stable();
    if (records_max == 0 || next_ >= stable) return;
    const auto left = log().committed(next_);
    const std::size_t most = std::min(left.size(), records_max);
    end_told_ = false;
    // Now and then a fetch brings less than there is.
    const std::size_t count = most > 1 && core_.random.below(4) == 0
                                  ? 1 + core_.random.below(static_cast<std::uint32_t>(most))
                                  : most;
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(to_record(*left[i], at_.topic, at_.partition));
      next_ = left[i]->offset + 1;
    }
    // What a compacted log holds no more is no record to come; nor are markers and what was
    // aborted.
    if (count == left.size()) next_ = stable;
  }

  ClusterCore& core_;
  const ProcessId process_;
  const TopicPartition at_;  // SourceRecord::topic points into it
  Offset next_;
  Offset known_end_ = kNoOffset;
  bool end_told_ = false;
  std::optional<Error> stopped_;
  AwayReport away_;
};

}  // namespace

Result<std::unique_ptr<ingest::PartitionReader>> open_sim_reader(ClusterCore& core,
                                                                 ProcessId process,
                                                                 const TopicPartition& at,
                                                                 Offset start) {
  const ClusterCore::Call call(core, process);
  if (!core.wait(core.now() + kLookUp, [&] { return !core.away(process); })) {
    return no_broker(core, process);
  }
  const std::int32_t partitions = core.log.partition_count(at.topic);
  if (partitions == 0) return missing_topic(at.topic);
  if (at.partition < 0 || at.partition >= partitions) {
    return stop(fmt::format("topic {} has {} partitions and not number {}", at.topic, partitions,
                            at.partition));
  }
  return std::unique_ptr<ingest::PartitionReader>(
      std::make_unique<SimPartitionReader>(core, process, at, start));
}

}  // namespace fovea::sim
