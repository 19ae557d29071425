#pragma once

// A directory as a sink: topic T goes to DIR/T.ndjson, one value a line, or one file for one topic.

#include <map>
#include <memory>
#include <string>

#include "ingest/sink.h"

namespace fovea::ingest {

// `paths` maps a topic to its file ("-" for standard output); records of other topics are counted
// as delivered and dropped. Binary topics are not written here.
// Errors: kStop naming the path.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_file_sink(std::map<std::string, std::string> paths);

}  // namespace fovea::ingest
