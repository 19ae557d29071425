#pragma once

// Records and mappings as the tests of ingest write them.

#include <fstream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/file_source.h"
#include "ingest/source.h"
#include "vocab/assert.h"

namespace fovea::ingest {

inline SourceRecord record_of(std::optional<std::string> value,
                              TimeMs record_time = kNoRecordTime) {
  SourceRecord record;
  record.topic = "events";
  record.record_time = record_time;
  record.value = std::move(value);
  return record;
}

inline EventCodec codec_of(EventMapping mapping = {}) {
  auto codec = EventCodec::create(std::move(mapping));
  FOVEA_ASSERT(codec.has_value());
  return *std::move(codec);
}

inline std::vector<std::string> lines_of(const std::string& path) {
  std::ifstream file(path);
  FOVEA_ASSERT(file.good());
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

}  // namespace fovea::ingest
