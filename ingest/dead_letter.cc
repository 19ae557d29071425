#include "ingest/dead_letter.h"

#include <fmt/format.h>

#include "vocab/assert.h"

namespace fovea::ingest {
namespace {

// Below every broker's and client's default limit of a megabyte, headers included. A larger letter
// would be refused, and a record that can be neither read nor set aside would stop its partition.
constexpr std::size_t kValueBytesMax = 900'000;

}  // namespace

OutputRecord dead_letter(const std::string& topic, const SourceRecord& record, const Error& error) {
  FOVEA_ASSERT(error.disposition == Disposition::kSkip);
  OutputRecord out;
  out.topic = topic;
  out.key = record.key;
  out.value = record.value;
  out.headers = {
      {kDeadLetterReason, error.reason},
      {"fovea.message", error.message},
      {"fovea.topic", std::string(record.topic)},
      {"fovea.partition", fmt::format("{}", record.partition)},
      {"fovea.offset", fmt::format("{}", record.offset)},
      {"fovea.timestamp", fmt::format("{}", value(record.record_time))},
  };
  if (out.value && out.value->size() > kValueBytesMax) {
    out.headers.emplace_back("fovea.value_bytes", fmt::format("{}", out.value->size()));
    out.value->resize(kValueBytesMax);
  }
  return out;
}

bool is_dead_letter(const OutputRecord& record) {
  return !record.headers.empty() && record.headers.front().first == kDeadLetterReason;
}

}  // namespace fovea::ingest
