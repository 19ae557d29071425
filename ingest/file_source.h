#pragma once

// Newline-delimited JSON as a source: one partition, the line's number, from 0, as the offset.
//
// An empty line is no record, but counts as one in the offsets, so that an editor's line number is
// the offset plus one. The last line may lack its newline. A line beyond 1 MiB is handed on cut to
// that length, which is still long enough for the codec to call it too_large.

#include <memory>
#include <string>

#include "ingest/source.h"

namespace fovea::ingest {

// Files carry no timestamp of their own: "in the future" is not judged, and `ts` is not defaulted.
inline constexpr TimeMs kNoRecordTime{-1};

// `path` may be "-" for standard input. The topic is named `topic`, its one partition 0.
// commit() does nothing: the next start reads the file from its beginning.
// Errors: kStop naming the path.
[[nodiscard]] Result<std::unique_ptr<Source>> open_file_source(const std::string& path,
                                                               const std::string& topic);

}  // namespace fovea::ingest
