#include "topologies/evaluation_input.h"

#include <fmt/format.h>

#include <chrono>
#include <utility>
#include <vector>

#include "ingest/file_source.h"
#include "ingest/item_codec.h"

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;

constexpr std::size_t kReadRecords = 1000;
constexpr std::chrono::milliseconds kFileTimeout{1000};

}  // namespace

Result<void> read_records(const std::string& path, const std::string& topic,
                          const std::function<Result<bool>(const SourceRecord&)>& on_record) {
  auto source = ingest::open_file_source(path, topic);
  if (!source) return source.error();
  std::vector<SourceRecord> batch;
  while (!(*source)->finished()) {
    batch.clear();
    if (auto polled = (*source)->poll(batch, kReadRecords, kFileTimeout); !polled) return polled;
    for (const SourceRecord& record : batch) {
      const Result<bool> more = on_record(record);
      if (!more) return more.error();
      if (!*more) return {};
    }
  }
  return {};
}

Result<void> learn_catalogue(const Config& config, const std::string& path,
                             Evaluation& evaluation) {
  auto codec = ingest::ItemCodec::create(config.items);
  if (!codec) return codec.error();
  return read_records(path, config.topics.items, [&](const SourceRecord& record) -> Result<bool> {
    auto change = codec->decode(record);
    if (!change) {
      return stop(fmt::format("{}: line {}: {}", path, record.offset + 1, change.error().message));
    }
    SourceCoordinates at{std::string(record.topic), record.partition, record.offset, 0};
    auto learned = evaluation.learn_item(*std::move(change), std::move(at));
    if (!learned) return learned.error();
    return true;
  });
}

}  // namespace fovea::topologies
