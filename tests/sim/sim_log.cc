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
                                TimeMs now) {
  LogPartition& partition = find(at);
  std::int64_t& next = partition.sequences[producer];
  const auto count = static_cast<std::int64_t>(batch.size());
  if (sequence != next) {
    FOVEA_ASSERT(sequence + count <= next);
    return {partition.end, true};
  }
  for (const LogRecord& record : batch) append(at, record, now);
  next += count;
  return {partition.end, false};
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
  for (const LogRecord& record : partition.records) {
    if (record.key) newest[*record.key] = record.offset;
  }
  std::deque<LogRecord> kept;
  for (LogRecord& record : partition.records) {
    const bool last = record.offset + 1 == partition.end;
    const bool current = !record.key || newest[*record.key] == record.offset;
    const bool buried = drop_tombstones && record.key && !record.value;
    if (last || (current && !buried)) kept.push_back(std::move(record));
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
      for (const LogRecord& record : partition.records) {
        add(fmt::format("{} {} {} {}", record.offset, value(record.record_time),
                        record.key.has_value(), record.value.has_value()));
        add(record.key.value_or(""));
        add(record.value.value_or(""));
        for (const auto& [header, text] : record.headers) {
          add(header);
          add(text);
        }
      }
    }
  }
  return sum;
}

}  // namespace fovea::sim
