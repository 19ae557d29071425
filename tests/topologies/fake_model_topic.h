#pragma once

// T.model in memory: writers that fence each other, readers, compaction, and a learning log that
// can be trimmed. Like a broker it gives every transaction a marker, which takes an offset.
//
// Threads   Safe from any.

#include <chrono>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/kafka.h"
#include "tests/topologies/fake_transport.h"
#include "topologies/model_publisher.h"

namespace fovea::topologies {

class FakeModelTopic {
 public:
  struct Record {
    Offset offset = 0;
    std::string key;
    std::optional<std::string> value;
  };

  Failures open_failures;                   // of readers
  Failures write_failures;                  // of writers; guarded by mutex
  std::optional<Offset> learning_retained;  // the log's first record that is young enough
  Offset learning_start = 0;                // guarded by mutex

  [[nodiscard]] ModelTopicTransport transport() {
    ModelTopicTransport transport;
    transport.open_reader = [this](Offset start) { return open_reader(start); };
    transport.open_writer = [this] { return open_writer(); };
    transport.open_admin = [this]() -> Result<std::unique_ptr<ingest::KafkaAdmin>> {
      return std::unique_ptr<ingest::KafkaAdmin>(std::make_unique<Admin>(*this));
    };
    return transport;
  }

  Result<std::unique_ptr<ingest::PartitionReader>> open_reader(Offset start) {
    const std::lock_guard lock(mutex_);
    if (auto failed = open_failures.next(); !failed) return failed.error();
    auto reader = std::make_unique<Reader>(std::max(start, low_), low_, end_);
    for (const Record& record : records_) {
      if (record.offset >= start) reader->records.push_back(record);
    }
    return std::unique_ptr<ingest::PartitionReader>(std::move(reader));
  }

  Result<std::unique_ptr<ingest::TransactionalWriter>> open_writer() {
    return std::unique_ptr<ingest::TransactionalWriter>(std::make_unique<Writer>(*this));
  }

  void append(const std::string& key, std::optional<std::string> value) {
    const std::lock_guard lock(mutex_);
    records_.push_back({end_++, key, std::move(value)});
    ++end_;  // the marker
    changed_.notify_all();
  }

  [[nodiscard]] std::vector<Record> records() const {
    const std::lock_guard lock(mutex_);
    return records_;
  }

  // Of each key the latest is left.
  void compact() {
    const std::lock_guard lock(mutex_);
    std::map<std::string, Offset> latest;
    for (const Record& record : records_) latest[record.key] = record.offset;
    std::erase_if(records_,
                  [&](const Record& record) { return latest[record.key] != record.offset; });
  }

  void change(std::size_t index, const std::function<void(Record&)>& change) {
    const std::lock_guard lock(mutex_);
    change(records_.at(index));
  }

  // As another process that takes the transactional id over.
  void fence() {
    const std::lock_guard lock(mutex_);
    ++holder_;
  }

  void fail_writes(std::vector<Result<void>> outcomes) {
    const std::lock_guard lock(mutex_);
    for (auto& outcome : outcomes) write_failures.add(std::move(outcome));
  }

  // Called once, before the next write.
  void before_write(std::function<void()> call) {
    const std::lock_guard lock(mutex_);
    before_write_ = std::move(call);
  }

  // Waits until `condition` of the records holds; false after ten seconds. It may look at other
  // things, too, which do not wake it.
  template <class Condition>
  [[nodiscard]] bool await(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    std::unique_lock lock(mutex_);
    while (!condition(records_)) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      changed_.wait_for(lock, std::chrono::milliseconds(10));
    }
    return true;
  }

 private:
  class Reader final : public ingest::PartitionReader {
   public:
    Reader(Offset next, Offset low, Offset end) : next_(next), ends_{low, end} {}
    std::vector<Record> records;

    Result<void> poll(std::vector<ingest::SourceRecord>& out, std::size_t records_max,
                      std::chrono::milliseconds) override {
      for (std::size_t i = 0; i < records_max && at_ < records.size(); ++i, ++at_) {
        ingest::SourceRecord record;
        record.topic = "t.model";
        record.offset = records[at_].offset;
        record.record_time = TimeMs{1'000};
        record.key = records[at_].key;
        record.value = records[at_].value;
        next_ = record.offset + 1;
        out.push_back(std::move(record));
      }
      if (at_ == records.size()) next_ = ends_.high;
      return {};
    }
    [[nodiscard]] Offset next() const override { return next_; }
    Result<Ends> ends(std::chrono::milliseconds) override { return ends_; }

   private:
    Offset next_;
    const Ends ends_;
    std::size_t at_ = 0;
  };

  class Writer final : public ingest::TransactionalWriter {
   public:
    explicit Writer(FakeModelTopic& topic) : topic_(topic) {}

    Result<void> take_over(std::chrono::milliseconds) override {
      const std::lock_guard lock(topic_.mutex_);
      number_ = ++topic_.holder_;
      return {};
    }
    Result<std::optional<Offset>> write(const std::vector<ingest::OutputRecord>& records,
                                        std::chrono::milliseconds) override {
      if (auto call = topic_.take_call()) call();
      const std::lock_guard lock(topic_.mutex_);
      if (number_ != topic_.holder_) {
        fenced_ = true;
        topic_.changed_.notify_all();
        return stop("fenced");
      }
      if (auto failed = topic_.write_failures.next(); !failed) return failed.error();
      for (const ingest::OutputRecord& record : records) {
        topic_.records_.push_back({topic_.end_++, record.key.value_or(""), record.value});
      }
      const Offset last = topic_.end_ - 1;
      ++topic_.end_;
      topic_.changed_.notify_all();
      return std::optional(last);
    }
    [[nodiscard]] bool fenced() const override { return fenced_; }

   private:
    FakeModelTopic& topic_;
    int number_ = 0;
    bool fenced_ = false;
  };

  class Admin final : public ingest::KafkaAdmin {
   public:
    explicit Admin(FakeModelTopic& topic) : topic_(topic) {}
    Result<std::string> cluster_id(std::chrono::milliseconds) override {
      return std::string("cluster");
    }
    Result<std::vector<ingest::TopicDescription>> describe(const std::vector<std::string>&,
                                                           std::chrono::milliseconds) override {
      return std::vector<ingest::TopicDescription>();
    }
    Result<void> create(const std::vector<ingest::TopicDescription>&,
                        std::chrono::milliseconds) override {
      return {};
    }
    Result<std::optional<Offset>> offset_at(const ingest::TopicPartition&, TimeMs,
                                            std::chrono::milliseconds) override {
      const std::lock_guard lock(topic_.mutex_);
      return topic_.learning_retained;
    }
    Result<Offset> delete_before(const ingest::TopicPartition&, Offset offset,
                                 std::chrono::milliseconds) override {
      const std::lock_guard lock(topic_.mutex_);
      topic_.learning_start = offset;
      topic_.changed_.notify_all();
      return offset;
    }

   private:
    FakeModelTopic& topic_;
  };

  std::function<void()> take_call() {
    const std::lock_guard lock(mutex_);
    return std::exchange(before_write_, {});
  }

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> before_write_;
  std::vector<Record> records_;
  Offset low_ = 0;
  Offset end_ = 0;
  int holder_ = 0;
};

}  // namespace fovea::topologies
