#pragma once

// A record that could not be understood, kept with everything needed to understand why.

#include <string>

#include "ingest/sink.h"
#include "ingest/source.h"
#include "vocab/result.h"

namespace fovea::ingest {

// The first header of every dead letter.
inline constexpr const char* kDeadLetterReason = "fovea.reason";

// The original key and bytes; headers: fovea.reason, fovea.message, fovea.topic, fovea.partition,
// fovea.offset, fovea.timestamp. A value beyond 900,000 bytes is cut there, and fovea.value_bytes
// says how long it was. Requires: error.disposition == kSkip.
[[nodiscard]] OutputRecord dead_letter(const std::string& topic, const SourceRecord& record,
                                       const Error& error);

[[nodiscard]] bool is_dead_letter(const OutputRecord& record);

}  // namespace fovea::ingest
