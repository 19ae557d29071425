#include "topologies/write_file.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace fovea::topologies {

Result<void> write_file(const std::string& path, std::string_view text) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return stop(path + ": " + std::strerror(errno));
  const bool whole = std::fwrite(text.data(), 1, text.size(), file) == text.size();
  if (std::fclose(file) != 0 || !whole) return stop(path + ": " + std::strerror(errno));
  return {};
}

}  // namespace fovea::topologies
