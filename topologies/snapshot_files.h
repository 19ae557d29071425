#pragma once

// Snapshots of the model on the local disk: written whole or not at all, the newest two kept.
//
// Layout    DIRECTORY/snapshot-<position, 20 digits>.fvm. A snapshot is written beside its name,
//           synced and renamed; what a crash leaves behind is a file that nobody reads.
// Threads   Any thread; one writer at a time.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scorer/learner.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct SnapshotFile {
  std::string path;
  Offset position = kNoOffset;  // of the learning log, as its name says
};

// Newest first; empty where there is no directory.
// Errors: kStop naming the directory that cannot be read.
[[nodiscard]] Result<std::vector<SnapshotFile>> list_snapshots(const std::string& directory);

// The newest one's path, if there is any.
[[nodiscard]] std::optional<SnapshotFile> newest_snapshot(const std::string& directory);

// Errors: kStop naming the file, e.g. a full disk; the snapshots before are as they were.
[[nodiscard]] Result<void> write_snapshot(const std::string& directory, Offset position,
                                          std::string_view bytes);

// Errors: kStop naming the file.
[[nodiscard]] Result<std::string> read_snapshot(const SnapshotFile& file);

// Restores the newest snapshot that this learner accepts and answers which it was. One that is
// refused (another model, another lineage, a checksum) is named with the reason, and the one before
// it is tried. Absent if none was usable: the learner is as created.
[[nodiscard]] std::optional<SnapshotFile> restore_newest(
    const std::string& directory, scorer::Learner& learner,
    const std::function<void(const std::string&)>& say);

}  // namespace fovea::topologies
