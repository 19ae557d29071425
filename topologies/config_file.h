#pragma once

// TOML in, a flat list of settings out, each with the place where it was said.

#include <string>
#include <vector>

#include "topologies/config_value.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct ConfigSetting {
  std::string path;  // "slate.size"
  ConfigValue value;
  std::string origin;  // "video.toml:12", for messages
};

// In order: what is included first, so that a later setting wins over an earlier one.
// Errors: kStop naming file, line and what is wrong with it.
[[nodiscard]] Result<std::vector<ConfigSetting>> read_toml_file(const std::string& path);
[[nodiscard]] Result<std::vector<ConfigSetting>> read_toml_text(const std::string& toml,
                                                                const std::string& name,
                                                                const std::string& directory);

}  // namespace fovea::topologies
