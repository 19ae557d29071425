#include "topologies/learning_log_file.h"

#include <cerrno>
#include <cstring>
#include <utility>

#include "scorer/learning_record_codec.h"

namespace fovea::topologies {
namespace {

Error file_error(const std::string& path) {
  return stop(path + ": " + std::strerror(errno));
}

}  // namespace

Result<LearningLogFile> LearningLogFile::create(const std::string& path) {
  File file(std::fopen(path.c_str(), "wb"), &std::fclose);
  if (!file) return file_error(path);
  return LearningLogFile(path, std::move(file));
}

Result<void> LearningLogFile::append(const LearningRecord& record) {
  const std::string bytes = scorer::encode_learning_record(record);
  const auto size = static_cast<std::uint32_t>(bytes.size());
  std::string framed;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    framed.push_back(static_cast<char>((size >> shift) & 0xFFU));
  }
  framed += bytes;
  if (std::fwrite(framed.data(), 1, framed.size(), file_.get()) != framed.size()) {
    return file_error(path_);
  }
  return {};
}

Result<void> LearningLogFile::close() {
  if (std::FILE* file = file_.release(); file != nullptr && std::fclose(file) != 0) {
    return file_error(path_);
  }
  return {};
}

}  // namespace fovea::topologies
