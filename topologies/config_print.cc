#include <fmt/format.h>

#include <string>
#include <string_view>

#include "topologies/config.h"
#include "topologies/config_keys.h"

namespace fovea::topologies {
namespace {

// A key as TOML writes it: bare where that is allowed.
std::string toml_key(std::string_view key) {
  const bool bare =
      !key.empty() &&
      key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
          std::string_view::npos;
  return bare ? std::string(key) : toml_string(key);
}

// A cell of a Markdown table: a bar would end it, an angle bracket would be read as HTML.
std::string cell(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '|' || c == '<' || c == '*') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string print_config(const Config& config) {
  std::string out;
  std::string_view section;
  for (const ConfigKey& key : config_keys()) {
    for (const auto& [word, value] : key.get(config)) {
      if (key.section() != section) {
        section = key.section();
        out += fmt::format("\n[{}]\n", section);
      }
      out += fmt::format("{} = {}\n", toml_key(key.open() ? std::string_view(word) : key.leaf()),
                         to_toml(value));
    }
  }
  return out;
}

std::string config_table() {
  std::string out = "| key | default | range | what |\n|---|---|---|---|\n";
  for (const ConfigKey& key : config_keys()) {
    out += fmt::format("| `{}` | {} | {} | {} |\n", key.name, cell(key.default_text),
                       cell(key.range), cell(key.meaning));
  }
  return out;
}

}  // namespace fovea::topologies
