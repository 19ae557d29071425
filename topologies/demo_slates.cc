#include "topologies/demo_slates.h"

#include <chrono>
#include <utility>

#include "ingest/recommendation_codec.h"

namespace fovea::topologies {
namespace {

constexpr std::size_t kBatchRecords = 500;

}  // namespace

Result<DemoSlates> DemoSlates::open(const ingest::KafkaSettings& kafka, const std::string& topic,
                                    std::int32_t partitions) {
  DemoSlates slates;
  for (Partition partition = 0; partition < partitions; ++partition) {
    auto reader = ingest::open_partition_reader(kafka, {topic, partition}, 0);
    if (!reader) return reader.error();
    slates.readers_.push_back(*std::move(reader));
  }
  return slates;
}

Result<void> DemoSlates::poll(std::vector<Recommendation>& out) {
  batch_.clear();
  for (const auto& reader : readers_) {
    const auto polled = reader->poll(batch_, kBatchRecords, std::chrono::milliseconds(0));
    if (!polled && polled.error().disposition == Disposition::kStop) return polled;
  }
  for (const ingest::SourceRecord& record : batch_) {
    auto slate = ingest::decode_recommendation(record.value.value_or(""));
    if (!slate) return stop("a slate of the demo: " + slate.error().message);
    out.push_back(*std::move(slate));
  }
  return {};
}

}  // namespace fovea::topologies
