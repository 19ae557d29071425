#pragma once

// The little JSON that commands print by themselves.

#include <string>
#include <string_view>

namespace fovea::topologies {

// Quoted and escaped. Requires: UTF-8, as every id of the contract is.
[[nodiscard]] std::string json_string(std::string_view text);

}  // namespace fovea::topologies
