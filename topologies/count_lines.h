#pragma once

// How many lines a file has, for the length of a progress bar.

#include <cstdint>
#include <string>

namespace fovea::topologies {

// 0 for a pipe, which can be read only once, and for what cannot be read: whoever opens it next
// says why.
[[nodiscard]] std::uint64_t count_lines(const std::string& path);

}  // namespace fovea::topologies
