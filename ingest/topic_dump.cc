#include "ingest/topic_dump.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <chrono>
#include <utility>
#include <vector>

#include "ingest/file_source.h"
#include "ingest/json_access.h"

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kLineBytesMax = 4 * 1024 * 1024;
constexpr std::size_t kReadRecords = 100;
constexpr std::chrono::milliseconds kFileTimeout{1000};

std::optional<std::string> text(const dom::element& line, std::string_view field) {
  std::string_view found;
  if (line[field].get(found) != simdjson::SUCCESS) return std::nullopt;
  return std::string(found);
}

std::optional<std::int64_t> integer(const dom::element& line, std::string_view field) {
  std::int64_t found = 0;
  if (line[field].get(found) != simdjson::SUCCESS) return std::nullopt;
  return found;
}

Result<void> visit_line(const std::string& line, JsonParser& parser, std::string& topic,
                        const std::function<Result<void>(const SourceRecord&)>& visitor) {
  const auto parsed = parser.parse_object(line);
  if (!parsed) return stop(parsed.error().message);
  const dom::element& root = **parsed;
  auto name = text(root, "topic");
  const auto partition = integer(root, "partition");
  const auto offset = integer(root, "offset");
  if (!name || !partition || !offset) {
    return stop("topic, partition and offset are not all there, as `kcat -C -J` writes them");
  }
  if (*partition < 0 || *partition > INT32_MAX || *offset < 0) {
    return stop(
        fmt::format("partition {} and offset {} are no place in a topic", *partition, *offset));
  }
  topic = *std::move(name);
  SourceRecord record;
  record.topic = topic;
  record.partition = static_cast<Partition>(*partition);
  record.offset = *offset;
  record.record_time = TimeMs{integer(root, "ts").value_or(value(kNoRecordTime))};
  record.key = text(root, "key");
  record.value = text(root, "payload");
  return visitor(record);
}

}  // namespace

Result<void> read_topic_dump(const std::string& path,
                             const std::function<Result<void>(const SourceRecord&)>& visitor) {
  auto source = open_file_source(path, path);
  if (!source) return source.error();
  JsonParser parser(kLineBytesMax);
  std::string topic;
  std::vector<SourceRecord> lines;
  while (!(*source)->finished()) {
    lines.clear();
    if (auto polled = (*source)->poll(lines, kReadRecords, kFileTimeout); !polled) return polled;
    for (const SourceRecord& line : lines) {
      if (auto visited = visit_line(*line.value, parser, topic, visitor); !visited) {
        return stop(fmt::format("{}: line {}: {}", path, line.offset + 1, visited.error().message));
      }
    }
  }
  return {};
}

}  // namespace fovea::ingest
