#pragma once

// Snapshots of the model on the local disk: written whole or not at all, the newest two kept.
//
// Layout    DIRECTORY/snapshot-<model id, 16 digits>-<lineage>-<position, 20 digits>.fvm, so that
//           one model's snapshots never push out another's: after a change of settings, or of the
//           arithmetic, positions begin lower again. Of other models the latest written is kept
//           for a week: whoever goes back to the settings before finds it. A snapshot is written
//           beside its name, synced and renamed; what a crash leaves is removed by the next write.
// Threads   Any thread; one writer at a time.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "scorer/learner.h"
#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct SnapshotFile {
  std::string path;
  ModelStamp stamp;  // as its name says
};

// By position, highest first; empty where there is no directory.
// Errors: kStop naming the directory that cannot be read.
[[nodiscard]] Result<std::vector<SnapshotFile>> list_snapshots(const std::string& directory);

// The one of the highest position, if there is any.
[[nodiscard]] std::optional<SnapshotFile> newest_snapshot(const std::string& directory);

// Errors: kStop naming the file, e.g. a full disk; the snapshots before are as they were.
[[nodiscard]] Result<SnapshotFile> write_snapshot(const std::string& directory,
                                                  const ModelStamp& stamp, std::string_view bytes);

// Those of this model, whatever their position.
// Errors: kStop naming the directory that cannot be read or the file that cannot be removed.
[[nodiscard]] Result<void> remove_snapshots(const std::string& directory, const ModelStamp& model);

// Errors: kStop naming the file.
[[nodiscard]] Result<std::string> read_snapshot(const SnapshotFile& file);

// Restores the newest snapshot of this learner's model and answers which it was. One that is
// refused (a checksum, another model than its name says) is named with the reason, and the one
// before it is tried. Those of other models are passed over. Absent if none was usable: the
// learner is as created.
[[nodiscard]] std::optional<SnapshotFile> restore_newest(
    const std::string& directory, scorer::Learner& learner,
    const std::function<void(const std::string&)>& say);

}  // namespace fovea::topologies
