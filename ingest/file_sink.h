#pragma once

// Files as a sink: each topic goes to its file, one value a line.
//
// A newline within a value becomes a space. A tombstone writes nothing. A dead letter keeps its
// reason, which Kafka has in headers, in one JSON object:
// {"headers":{"fovea.reason":...},"key":...,"value":...}.
//
// Durability  flush() hands everything to the operating system: it survives this process, and a
//             full disk is told; it does not wait for the device.

#include <map>
#include <memory>
#include <string>

#include "ingest/sink.h"

namespace fovea::ingest {

// `paths` maps a topic to its file ("-" for standard output), which is emptied first; records of
// other topics are counted as delivered and dropped. Binary topics are not written here.
// Errors: kStop naming the path.
[[nodiscard]] Result<std::unique_ptr<Sink>> open_file_sink(
    const std::map<std::string, std::string>& paths);

}  // namespace fovea::ingest
