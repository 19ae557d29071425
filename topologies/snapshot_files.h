#pragma once

// Snapshots of the model on the local disk: written whole or not at all, the newest two kept.
//
// Layout    DIRECTORY/snapshot-<model id, 16 digits>-<lineage>-<position, 20 digits>.fvm, so that
//           one model's snapshots never push out another's: after a change of settings, or of the
//           arithmetic, positions begin lower again. Of other models the latest written is kept
//           for a week: whoever goes back to the settings before finds it. A snapshot is written
//           beside its name, synced and renamed; what a crash leaves is removed by the next write.
// Threads   Any thread; one writer at a time.

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
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

// The bytes of a snapshot, as the page cache has them.
//
// They are mapped: copied into memory of one's own, they took a third of the time that a start of a
// million items takes. A mapping is safe because a snapshot's file, once it has its name, is not
// written to; removed meanwhile, it stays until the last who maps it is done. Whoever cuts one
// short by hand in that moment ends the process (SIGBUS).
class SnapshotBytes {
 public:
  // Takes over what mmap() gave; of size 0 it is nothing.
  SnapshotBytes(void* at, std::size_t size) : at_(at), size_(size) {}
  SnapshotBytes(SnapshotBytes&& other) noexcept
      : at_(other.at_), size_(std::exchange(other.size_, 0)) {}
  SnapshotBytes& operator=(SnapshotBytes&& other) = delete;
  ~SnapshotBytes();

  [[nodiscard]] std::string_view view() const { return {static_cast<const char*>(at_), size_}; }

 private:
  void* at_;
  std::size_t size_;
};

// Whatever is in the file: its checksum is the learner's to look at.
// Errors: kStop naming the file, e.g. a disk that fails: it is read to its end.
[[nodiscard]] Result<SnapshotBytes> read_snapshot(const SnapshotFile& file);

// Restores the newest snapshot of this learner's model and answers which it was. One that is
// refused (a checksum, another model than its name says) is named with the reason, and the one
// before it is tried. Those of other models are passed over. Absent if none was usable: the
// learner is as created.
[[nodiscard]] std::optional<SnapshotFile> restore_newest(
    const std::string& directory, scorer::Learner& learner,
    const std::function<void(const std::string&)>& say);

}  // namespace fovea::topologies
