#include "tests/sim/sim_log.h"

#include <fmt/format.h>

#include <algorithm>

#include "ingest/keys.h"
#include "vocab/assert.h"

namespace fovea::sim {

using ingest::TopicPartition;

std::size_t LogPartition::index_of(Offset from) const {
  const auto found = std::lower_bound(
      records.begin(), records.end(), from,
      [](const LogRecord& record, Offset offset) { return record.offset < offset; });
  return static_cast<std::size_t>(found - records.begin());
}

Offset LogPartition::stable() const {
  Offset first = end;
  for (const auto& [transaction, from] : open) first = std::min(first, from);
  return first;
}

std::vector<const LogRecord*> LogPartition::committed(Offset from, std::size_t most) const {
  std::vector<const LogRecord*> found;
  const Offset to = stable();
  for (std::size_t i = index_of(from); i < records.size() && found.size() < most; ++i) {
    if (records[i].offset >= to) break;
    if (records[i].standing == LogRecord::Standing::kCommitted) found.push_back(&records[i]);
  }
  return found;
}

Offset LogPartition::committed_end() const {
  for (std::size_t i = index_of(stable()); i > 0; --i) {
    const LogRecord& record = records[i - 1];
    if (record.standing == LogRecord::Standing::kCommitted) return record.offset + 1;
  }
  return 0;
}

void SimLog::create(const std::string& topic, const TopicSettings& settings) {
  FOVEA_ASSERT(settings.partitions > 0);
  const auto [at, fresh] = topics_.try_emplace(topic);
  if (!fresh) return;
  at->second.settings = settings;
  at->second.partitions.resize(static_cast<std::size_t>(settings.partitions));
}

std::int32_t SimLog::partition_count(const std::string& topic) const {
  const auto found = topics_.find(topic);
  return found == topics_.end() ? 0 : found->second.settings.partitions;
}

const LogPartition& SimLog::partition(const TopicPartition& at) const {
  return const_cast<SimLog*>(this)->find(at);
}

LogPartition& SimLog::find(const TopicPartition& at) {
  FOVEA_ASSERT(at.partition >= 0 && at.partition < partition_count(at.topic));
  return topics_.at(at.topic).partitions[static_cast<std::size_t>(at.partition)];
}

SimLog::Appended SimLog::append(const TopicPartition& at, std::int32_t producer,
                                std::int64_t sequence, const std::vector<LogRecord>& batch,
                                TimeMs now, TransactionNumber transaction) {
  LogPartition& partition = find(at);
  std::int64_t& next = partition.sequences[producer];
  const auto count = static_cast<std::int64_t>(batch.size());
  if (sequence != next) {
    FOVEA_ASSERT(sequence + count <= next);
    return {partition.end, true};
  }
  const bool open = transaction != kNoTransaction;
  if (open) partition.open.try_emplace(transaction, partition.end);
  for (LogRecord record : batch) {
    record.transaction = transaction;
    if (open) record.standing = LogRecord::Standing::kOpen;
    append(at, std::move(record), now);
  }
  next += count;
  return {partition.end, false};
}

void SimLog::end(const TopicPartition& at, TransactionNumber transaction, bool committed) {
  LogPartition& partition = find(at);
  ++partition.end;
  const auto open = partition.open.find(transaction);
  if (open == partition.open.end()) return;
  for (std::size_t i = partition.index_of(open->second); i < partition.records.size(); ++i) {
    LogRecord& record = partition.records[i];
    if (record.transaction != transaction) continue;
    record.standing = committed ? LogRecord::Standing::kCommitted : LogRecord::Standing::kAborted;
  }
  partition.open.erase(open);
}

Offset SimLog::append(const TopicPartition& at, LogRecord record, TimeMs now) {
  LogPartition& partition = find(at);
  if (topics_.at(at.topic).settings.log_append_time) record.record_time = now;
  record.offset = partition.end++;
  partition.records.push_back(std::move(record));
  return partition.records.back().offset;
}

void SimLog::trim(const TopicPartition& at, Offset offset) {
  LogPartition& partition = find(at);
  partition.start = std::clamp(offset, partition.start, partition.end);
  const auto gone = static_cast<std::ptrdiff_t>(partition.index_of(partition.start));
  partition.records.erase(partition.records.begin(), partition.records.begin() + gone);
}

void SimLog::compact(const TopicPartition& at, bool drop_tombstones) {
  LogPartition& partition = find(at);
  std::map<std::string, Offset> newest;
  for (const LogRecord* record : partition.committed()) {
    if (record->key) newest[*record->key] = record->offset;
  }
  const Offset stable = partition.stable();
  std::deque<LogRecord> kept;
  for (LogRecord& record : partition.records) {
    const bool out_of_reach = record.offset >= stable || record.offset + 1 == partition.end;
    const bool aborted = record.standing == LogRecord::Standing::kAborted;
    const bool current = !record.key || newest[*record.key] == record.offset;
    const bool buried = drop_tombstones && record.key && !record.value;
    if (out_of_reach || (!aborted && current && !buried)) kept.push_back(std::move(record));
  }
  partition.records = std::move(kept);
}

std::uint64_t SimLog::digest() const {
  std::uint64_t sum = 0;
  const auto add = [&sum](std::string_view bytes) { sum = ingest::hash64(bytes, sum); };
  for (const auto& [name, topic] : topics_) {
    add(name);
    for (const LogPartition& partition : topic.partitions) {
      add(fmt::format("{} {}", partition.start, partition.end));
      for (const LogRecord* record : partition.committed()) {
        add(fmt::format("{} {} {} {}", record->offset, value(record->record_time),
                        record->key.has_value(), record->value.has_value()));
        add(record->key.value_or(""));
        add(record->value.value_or(""));
        for (const auto& [header, text] : record->headers) {
          add(header);
          add(text);
        }
      }
    }
  }
  return sum;
}

}  // namespace fovea::sim
