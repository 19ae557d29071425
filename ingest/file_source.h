#pragma once

// Newline-delimited JSON as a source: one partition, the line number as the offset.
//
// A line's record time is the newest event time known so far: files carry no broker timestamps, so
// the reader sets record_time to kFileTime and the codec does not judge "in the future" by it.

#include <memory>
#include <string>

#include "ingest/source.h"

namespace fovea::ingest {

// A record from a file has no broker timestamp.
inline constexpr TimeMs kNoRecordTime{-1};

// `path` may be "-" for standard input. The topic is named `topic`, its one partition 0.
// Errors: kStop naming the path.
[[nodiscard]] Result<std::unique_ptr<Source>> open_file_source(const std::string& path,
                                                              const std::string& topic);

}  // namespace fovea::ingest
