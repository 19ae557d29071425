#pragma once

// A sink, a source and a partition reader that fail when told to and remember what they were asked.

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/sink.h"
#include "ingest/source.h"

namespace fovea::topologies {

// What the next calls answer; then they work.
class Failures {
 public:
  void add(Result<void> outcome) { outcomes_.push_back(std::move(outcome)); }
  Result<void> next() {
    if (outcomes_.empty()) return {};
    Result<void> outcome = outcomes_.front();
    outcomes_.erase(outcomes_.begin());
    return outcome;
  }

 private:
  std::vector<Result<void>> outcomes_;
};

class FakeSink final : public ingest::Sink {
 public:
  Failures append_failures;
  Failures flush_failures;
  int flush_passes = 0;  // so many before the failures
  std::vector<ingest::OutputRecord> appended;
  std::size_t flushed = 0;  // of `appended`
  Offset foreign = 0;       // records of somebody else in every partition, before our newest

  Result<void> append(const ingest::OutputRecord& record) override {
    if (auto failed = append_failures.next(); !failed) return failed;
    appended.push_back(record);
    return {};
  }
  Result<void> flush(std::chrono::milliseconds) override {
    if (flush_passes > 0) {
      --flush_passes;
    } else if (auto failed = flush_failures.next(); !failed) {
      return failed;
    }
    flushed = appended.size();
    return {};
  }
  [[nodiscard]] std::optional<Offset> delivered_next(
      const ingest::TopicPartition& at) const override {
    const auto count = std::count_if(
        appended.begin(), appended.begin() + static_cast<std::ptrdiff_t>(flushed),
        [&at](const ingest::OutputRecord& record) {
          return record.topic == at.topic && record.partition.value_or(0) == at.partition;
        });
    if (count == 0) return std::nullopt;
    return count + foreign;
  }
};

// Its records are `sink`'s; what commits is counted here.
class FakeTransaction final : public ingest::TransactionalSink {
 public:
  explicit FakeTransaction(FakeSink& sink) : sink_(sink) {}

  Failures commit_failures;
  std::map<ingest::TopicPartition, Offset> committed;
  std::vector<std::string> members;  // of each commit
  std::size_t visible = 0;           // of the sink's records

  Result<void> append(const ingest::OutputRecord& record) override { return sink_.append(record); }
  Result<void> flush(std::chrono::milliseconds timeout) override { return sink_.flush(timeout); }
  [[nodiscard]] std::optional<Offset> delivered_next(
      const ingest::TopicPartition& at) const override {
    return sink_.delivered_next(at);
  }
  Result<void> commit(const std::vector<ingest::TopicPosition>& positions,
                      const std::string& membership, std::chrono::milliseconds) override {
    if (auto failed = commit_failures.next(); !failed) return failed;
    for (const auto& position : positions) committed[position.at] = position.next;
    members.push_back(membership);
    visible = sink_.flushed;
    return {};
  }

 private:
  FakeSink& sink_;
};

class FakeSource final : public ingest::Source {
 public:
  Failures commit_failures;
  std::map<ingest::TopicPartition, Offset> committed;

  Result<void> poll(std::vector<ingest::SourceRecord>&, std::size_t,
                    std::chrono::milliseconds) override {
    return {};
  }
  Result<void> commit(const std::vector<ingest::TopicPosition>& positions) override {
    if (auto failed = commit_failures.next(); !failed) return failed;
    for (const auto& position : positions) committed[position.at] = position.next;
    return {};
  }
  void pause(const std::vector<ingest::TopicPartition>&) override {}
  void resume(const std::vector<ingest::TopicPartition>&) override {}
  [[nodiscard]] std::string membership() const override { return "member"; }
  [[nodiscard]] bool finished() const override { return false; }
};

// A partition as a list of records, offsets from 0.
class FakeReader final : public ingest::PartitionReader {
 public:
  FakeReader(std::string topic, Partition partition, Offset start)
      : topic_(std::move(topic)), partition_(partition), next_(std::max<Offset>(start, 0)) {}

  Failures poll_failures;
  std::vector<std::pair<std::string, std::optional<std::string>>> records;  // key, value

  Result<void> poll(std::vector<ingest::SourceRecord>& out, std::size_t records_max,
                    std::chrono::milliseconds) override {
    if (on_poll) on_poll();
    if (auto failed = poll_failures.next(); !failed) return failed;
    for (std::size_t i = 0; i < records_max && next_ < end(); ++i, ++next_) {
      const auto& [key, value] = records[static_cast<std::size_t>(next_)];
      ingest::SourceRecord record;
      record.topic = topic_;
      record.partition = partition_;
      record.offset = next_;
      record.key = key;
      record.value = value;
      out.push_back(std::move(record));
    }
    return {};
  }
  [[nodiscard]] Offset next() const override { return next_; }
  Result<Ends> ends(std::chrono::milliseconds) override { return Ends{low, end() + open, end()}; }

  std::function<void()> on_poll;
  Offset low = 0;
  Offset open = 0;  // records of an open transaction, behind the others

 private:
  [[nodiscard]] Offset end() const { return static_cast<Offset>(records.size()); }

  std::string topic_;
  Partition partition_;
  Offset next_;
};

// Opens nothing but the readers of who derives from it.
class FakeClients : public ingest::ClientFactory {
 public:
  Result<std::unique_ptr<ingest::Source>> open_source(const ingest::KafkaSettings&,
                                                      const ingest::ConsumerSettings&,
                                                      ingest::AssignmentListener&) const override {
    return fovea::stop("no source");
  }
  Result<std::unique_ptr<ingest::Sink>> open_sink(const ingest::KafkaSettings&) const override {
    return fovea::stop("no sink");
  }
  Result<std::unique_ptr<ingest::TransactionalSink>> open_transactional_sink(
      const ingest::KafkaSettings&, const std::string&, std::chrono::milliseconds) const override {
    return fovea::stop("no sink");
  }
  Result<std::vector<ingest::TopicPartition>> held_back(const ingest::KafkaSettings&,
                                                        const std::vector<ingest::TopicPartition>&,
                                                        std::chrono::milliseconds) const override {
    return std::vector<ingest::TopicPartition>();
  }
};

}  // namespace fovea::topologies
