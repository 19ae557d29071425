#pragma once

// Every key that a topology may set, in one table: it drives parsing, range errors, suggestions,
// --print-config and the documentation.

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "topologies/config.h"
#include "topologies/config_value.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct ConfigKey {
  // "slate.size"; "kafka.*" where the last part is the team's own word.
  std::string name;
  std::string default_text;  // as the documentation shows it; derived ones in words
  std::string range;         // with the unit
  std::string meaning;

  // `word` is what stands for the star; empty for other keys.
  // Errors: kStop, the clause that follows the key's name: "= 0 is outside 1..200".
  std::function<Result<void>(Config&, const std::string& word, const ConfigValue&)> set;

  // A value from the environment or the command line, which know only text.
  std::function<Result<ConfigValue>(const std::string&)> parse;

  // What is in force, as (word, value) pairs; one pair with an empty word for a plain key.
  std::function<std::vector<std::pair<std::string, ConfigValue>>(const Config&)> get;

  [[nodiscard]] bool open() const { return name.back() == '*'; }
  [[nodiscard]] std::string_view section() const;  // "slate"; empty outside a section
  [[nodiscard]] std::string_view leaf() const;     // "size"; "*"
};

// In the order in which people read them.
[[nodiscard]] const std::vector<ConfigKey>& config_keys();

struct FoundKey {
  const ConfigKey* key = nullptr;
  std::string word;
};

// Errors: kStop "unknown key, did you mean ...".
[[nodiscard]] Result<FoundKey> find_config_key(const std::string& path);

// True for a librdkafka property whose value must not be shown.
[[nodiscard]] bool is_secret(std::string_view property);

}  // namespace fovea::topologies
