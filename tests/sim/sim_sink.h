#pragma once

// What the simulated producers have in common, as their owners see them. Private to the simulation.

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "ingest/keys.h"
#include "tests/sim/cluster_core.h"
#include "tests/sim/producer.h"

namespace fovea::sim {

// `Interface` is ingest::Sink or derived from it.
template <class Interface>
class SimSinkOf : public Interface {
 public:
  using milliseconds = std::chrono::milliseconds;

  SimSinkOf(ClusterCore& core, ProcessId process, std::optional<TransactionHolder> holder)
      : core_(core),
        process_(process),
        producer_(std::make_shared<Producer>(core, process, std::move(holder))) {
    core_.enlist(producer_);
  }

  // What was not flushed is not promised; some of it may arrive.
  ~SimSinkOf() override { producer_->abandon(core_.now()); }

  Result<void> append(const ingest::OutputRecord& record) override {
    const ClusterCore::Call call(core_, process_);
    if (producer_->lost()) return *producer_->lost();
    if (auto found = look_up(record.topic); !found) return found;
    // That may have taken a while.
    if (producer_->lost()) return *producer_->lost();
    const std::int32_t partitions = core_.log.partition_count(record.topic);
    if (record.partition && (*record.partition < 0 || *record.partition >= partitions)) {
      return stop(fmt::format("topic {} has {} partitions and not number {}", record.topic,
                              partitions, *record.partition));
    }
    if (core_.plan.queue_full > 0 || producer_->pending() >= core_.settings.queue_records_max) {
      core_.plan.queue_full = std::max(0, core_.plan.queue_full - 1);
      return queue_is_full();
    }
    LogRecord entry;
    entry.record_time = core_.clock.now();
    entry.key = record.key;
    entry.value = record.value;
    entry.headers = record.headers;
    producer_->enqueue({record.topic, partition_of(record, partitions)}, std::move(entry));
    return {};
  }

  Result<void> flush(milliseconds timeout) override {
    const ClusterCore::Call call(core_, process_);
    if (producer_->lost()) return *producer_->lost();
    producer_->hurry();
    const bool done = core_.wait(core_.now() + timeout,
                                 [this] { return producer_->pending() == 0 || producer_->lost(); });
    if (producer_->lost()) return *producer_->lost();
    if (done) return {};
    if (auto said = away_.say(core_, process_); !said) return said;
    return retry(fmt::format("{} records not acknowledged by sim yet", producer_->pending()));
  }

  [[nodiscard]] std::optional<Offset> delivered_next(
      const ingest::TopicPartition& at) const override {
    return producer_->delivered_next(at);
  }

  [[nodiscard]] std::size_t pending() const override { return producer_->pending(); }

 protected:
  ClusterCore& core_;
  const ProcessId process_;
  const std::shared_ptr<Producer> producer_;

 private:
  Result<void> look_up(const std::string& topic) {
    if (known_.contains(topic)) return {};
    if (!core_.wait(core_.now() + kLookUp, [this] { return !core_.away(process_); })) {
      return no_broker(core_, process_);
    }
    if (core_.log.partition_count(topic) == 0) return missing_topic(topic);
    known_.insert(topic);
    return {};
  }

  Result<void> queue_is_full() {
    core_.wait(core_.now() + kFullQueueWait, [] { return false; });
    if (producer_->lost()) return *producer_->lost();
    if (auto said = away_.say(core_, process_); !said) return said;
    return retry("the queue to sim is full");
  }

  Partition partition_of(const ingest::OutputRecord& record, std::int32_t partitions) {
    if (record.partition) return *record.partition;
    if (record.key) return ingest::murmur2_partition(*record.key, partitions);
    return static_cast<Partition>(core_.random.below(static_cast<std::uint32_t>(partitions)));
  }

  static constexpr milliseconds kLookUp{5'000};
  static constexpr milliseconds kFullQueueWait{20};

  std::set<std::string> known_;
  AwayReport away_;
};

}  // namespace fovea::sim
