#pragma once

// The directory that holds a store, and what to tell people when something is wrong with it.
//
// Every message is one line that names a file and what to do. Losing a state directory loses
// nothing for good: the changelog topic holds the same profiles.

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "profile_store/rocksdb_profile_store.h"
#include "vocab/result.h"

namespace fovea::profile_store {

class StateDirectory {
 public:
  // Creates it where it is missing and may be. RocksDB would take a directory whose CURRENT file
  // is gone for a new one and delete what is left, so that is refused here.
  // Errors: kStop: cannot be created or read, has files but no CURRENT; read-only and missing.
  [[nodiscard]] static Result<StateDirectory> prepare(const std::string& path, bool read_only);

  [[nodiscard]] const std::string& path() const { return path_; }

  // A directory of our own for a follower's bookkeeping, removed with this object.
  [[nodiscard]] std::string scratch() const;

  // Paths of the table files, sorted.
  [[nodiscard]] std::vector<std::string> tables() const;

  // Where a table of a partition is written before RocksDB takes it over.
  [[nodiscard]] std::string load_file(Partition partition) const;
  // What a process that died in the middle of that has left. Requires: the lock is held.
  void remove_load_files() const;

  // What RocksDB said, as one line with a file and a remedy. `status` is Status::ToString().
  [[nodiscard]] Error error(std::string_view status) const;
  [[nodiscard]] Error write_error(std::string_view status) const;
  [[nodiscard]] Error foreign(std::string_view why) const;

  // Errors: kStop if the stored stamp is not the one asked for. `lenient`: empty matches any.
  [[nodiscard]] Result<void> check_stamp(std::string_view stored, const StateStamp& asked,
                                         bool lenient) const;

 private:
  struct Scratch;
  StateDirectory(std::string path, std::shared_ptr<Scratch> scratch)
      : path_(std::move(path)), scratch_(std::move(scratch)) {}

  std::string path_;
  std::shared_ptr<Scratch> scratch_;  // shared: an incomplete type that copies of this may outlive
};

}  // namespace fovea::profile_store
