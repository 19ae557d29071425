#include "topologies/count_lines.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <vector>

namespace fovea::topologies {

std::uint64_t count_lines(const std::string& path) {
  std::error_code ignored;
  if (!std::filesystem::is_regular_file(path, ignored)) return 0;
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rb"),
                                                             &std::fclose);
  if (!file) return 0;
  std::vector<char> block(1U << 20U);
  std::uint64_t lines = 0;
  while (const std::size_t size = std::fread(block.data(), 1, block.size(), file.get())) {
    lines += static_cast<std::uint64_t>(
        std::count(block.begin(), block.begin() + static_cast<std::ptrdiff_t>(size), '\n'));
  }
  return lines;
}

}  // namespace fovea::topologies
