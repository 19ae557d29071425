#include "ingest/dead_letter.h"

#include <fmt/format.h>

#include "vocab/assert.h"

namespace fovea::ingest {

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
  return out;
}

bool is_dead_letter(const OutputRecord& record) {
  return !record.headers.empty() && record.headers.front().first == kDeadLetterReason;
}

}  // namespace fovea::ingest
