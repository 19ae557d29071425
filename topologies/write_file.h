#pragma once

// A small result file, whole or an error.

#include <string>
#include <string_view>

#include "vocab/result.h"

namespace fovea::topologies {

// Replaces what is there. Errors: kStop naming the path.
[[nodiscard]] Result<void> write_file(const std::string& path, std::string_view text);

}  // namespace fovea::topologies
