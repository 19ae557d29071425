#pragma once

// Topics as `kcat -C -J` writes them to a file: one JSON object a record, with its coordinates.

#include <functional>
#include <string>

#include "ingest/source.h"
#include "vocab/result.h"

namespace fovea::ingest {

// Calls `visitor` for each line, in the file's order. What kcat wrote as a string comes back as its
// bytes; a null payload is a tombstone. The visitor's error ends the walk and is returned.
//
// Errors: kStop naming path and line: no JSON, no topic, partition or offset.
[[nodiscard]] Result<void> read_topic_dump(
    const std::string& path, const std::function<Result<void>(const SourceRecord&)>& visitor);

}  // namespace fovea::ingest
