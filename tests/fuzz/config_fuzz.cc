// Any text as a topology's configuration. What is accepted and printed is accepted again and prints
// the same. A line "#set key=value" is also a --set, "#env FOVEA_X=value" a variable: comments to
// TOML, so that one text says all.

#include "topologies/config.h"

#include <string>
#include <utility>

#include "tests/fuzz/target.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

topologies::ConfigSources sources_in(const std::string& toml) {
  topologies::ConfigSources sources;
  for (std::size_t at = 0; at < toml.size();) {
    const std::size_t end = std::min(toml.find('\n', at), toml.size());
    const std::string line = toml.substr(at, end - at);
    at = end + 1;
    const bool is_set = line.rfind("#set ", 0) == 0;
    const std::size_t equals = line.find('=', 5);
    if ((!is_set && line.rfind("#env ", 0) != 0) || equals == std::string::npos) continue;
    std::pair<std::string, std::string> given{line.substr(5, equals - 5), line.substr(equals + 1)};
    if (is_set) {
      sources.overrides.push_back(std::move(given));
    } else {
      sources.environment.insert(std::move(given));
    }
  }
  return sources;
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const std::string toml(fuzz::text_of(data, size));
  // Reading another file is the configuration's right; which one is this machine's business.
  if (toml.find("include") != std::string::npos || toml.find("file") != std::string::npos) return 0;
  const auto config = topologies::load_config_text(toml, "", fuzz::sources_in(toml));
  if (!config) {
    FOVEA_ASSERT(config.error().disposition == Disposition::kStop);
    FOVEA_ASSERT(!config.error().message.empty());
    return 0;
  }
  const std::string printed = topologies::print_config(*config);
  const auto again = topologies::load_config_text(printed, "");
  if (!again) {
    std::fprintf(stderr, "%s\nof:\n%s", again.error().message.c_str(), printed.c_str());
    std::abort();
  }
  FOVEA_ASSERT(topologies::print_config(*again) == printed);
  return 0;
}
