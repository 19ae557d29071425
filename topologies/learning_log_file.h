#pragma once

// A learning log kept in a file: what replay and dry runs learned from, in order.
//
// Format    Per record: length of the bytes (32 bits, little endian), then the bytes of
//           scorer/learning_record_codec.h.

#include <cstdio>
#include <memory>
#include <string>

#include "vocab/learning_record.h"
#include "vocab/result.h"

namespace fovea::topologies {

class LearningLogFile {
 public:
  // Replaces what is there. Errors: kStop naming the path.
  [[nodiscard]] static Result<LearningLogFile> create(const std::string& path);

  // Errors: kStop naming the path, e.g. a full disk.
  Result<void> append(const LearningRecord& record);

  // Errors: as append().
  Result<void> close();

 private:
  using File = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;
  LearningLogFile(std::string path, File file) : path_(std::move(path)), file_(std::move(file)) {}

  std::string path_;
  File file_;
};

}  // namespace fovea::topologies
