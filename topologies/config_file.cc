#include "topologies/config_file.h"

#include <fmt/format.h>

// One translation unit parses TOML, so the header-only library is compiled once, and its errors are
// values here.
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// What the parser asserts of its input it checks, too: "[!" is an error with a line, and must
// neither stop a debug build nor be assumed away by clang where NDEBUG is set.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <toml++/toml.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

namespace fovea::topologies {
namespace {

constexpr int kIncludeDepthMax = 4;

Result<std::string> read_text(const std::string& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    return stop(fmt::format("{}: is a directory", path));
  }
  std::ifstream in(path, std::ios::binary);
  if (!in) return stop(fmt::format("{}: {}", path, std::strerror(errno)));
  return std::string(std::istreambuf_iterator<char>(in), {});
}

// `{ file = "..." }` or `{ env = "..." }`: a secret that is kept elsewhere.
Result<std::optional<std::string>> indirect(const toml::table& table) {
  if (table.size() != 1) return std::optional<std::string>{};
  if (const auto path = table["file"].value<std::string>()) {
    auto text = read_text(*path);
    if (!text) return text.error();
    // An editor's newline at the end is not part of a password.
    while (!text->empty() && (text->back() == '\n' || text->back() == '\r')) text->pop_back();
    return std::optional<std::string>(*std::move(text));
  }
  if (const auto variable = table["env"].value<std::string>()) {
    const char* text = std::getenv(variable->c_str());
    if (text == nullptr) return stop(fmt::format("environment variable {} is not set", *variable));
    return std::optional<std::string>(text);
  }
  return std::optional<std::string>{};
}

class Flattener {
 public:
  Flattener(std::string file, std::string directory, int depth)
      : file_(std::move(file)), directory_(std::move(directory)), depth_(depth) {}

  Result<std::vector<ConfigSetting>> flatten(const toml::table& root) {
    if (auto done = include(root); !done) return done.error();
    if (auto done = walk(root, ""); !done) return done.error();
    return std::move(settings_);
  }

 private:
  [[nodiscard]] std::string place(const toml::node& node) const {
    return fmt::format("{}:{}", file_, node.source().begin.line);
  }

  Result<void> include(const toml::table& root);
  Result<void> walk(const toml::table& table, const std::string& prefix);
  Result<ConfigValue> scalar(const toml::node& node, const std::string& path) const;

  std::string file_;
  std::string directory_;
  int depth_;
  std::vector<ConfigSetting> settings_;
};

Result<std::vector<ConfigSetting>> parse(const std::string& toml, const std::string& name,
                                         const std::string& directory, int depth) {
  const toml::parse_result result = toml::parse(std::string_view(toml), std::string_view(name));
  if (!result) {
    const auto& error = result.error();
    return stop(fmt::format("{}:{}: not valid TOML: {}", name, error.source().begin.line,
                            std::string_view(error.description())));
  }
  return Flattener(name, directory, depth).flatten(result.table());
}

Result<std::vector<ConfigSetting>> read_file(const std::string& path, int depth) {
  const auto text = read_text(path);
  if (!text) return text.error();
  return parse(*text, path, std::filesystem::path(path).parent_path().string(), depth);
}

Result<void> Flattener::include(const toml::table& root) {
  const toml::node* node = root.get("include");
  if (node == nullptr) return {};
  if (depth_ == kIncludeDepthMax) {
    return stop(
        fmt::format("{}: include goes deeper than {} files", place(*node), kIncludeDepthMax));
  }
  const auto value = scalar(*node, "include");
  if (!value) return value.error();
  std::vector<std::string> paths;
  if (const auto* one = std::get_if<std::string>(&*value)) {
    paths.push_back(*one);
  } else if (const auto* many = std::get_if<std::vector<std::string>>(&*value)) {
    paths = *many;
  } else {
    return stop(fmt::format("{}: include = {} is not a file", place(*node), to_toml(*value)));
  }
  for (const std::string& path : paths) {
    auto settings = read_file((std::filesystem::path(directory_) / path).string(), depth_ + 1);
    if (!settings)
      return stop(fmt::format("{}: include: {}", place(*node), settings.error().message));
    settings_.insert(settings_.end(), std::make_move_iterator(settings->begin()),
                     std::make_move_iterator(settings->end()));
  }
  return {};
}

Result<void> Flattener::walk(const toml::table& table, const std::string& prefix) {
  for (const auto& [key, node] : table) {
    const std::string path =
        prefix.empty() ? std::string(key.str()) : fmt::format("{}.{}", prefix, key.str());
    if (path == "include") continue;
    if (const toml::table* inner = node.as_table()) {
      if (path.compare(0, 6, "kafka.") == 0) {
        auto text = indirect(*inner);
        if (!text) return stop(fmt::format("{}: {}: {}", place(node), path, text.error().message));
        if (text->has_value()) {
          settings_.push_back({path, ConfigValue{**text}, place(node)});
          continue;
        }
      }
      if (auto done = walk(*inner, path); !done) return done;
      continue;
    }
    auto value = scalar(node, path);
    if (!value) return value.error();
    settings_.push_back({path, *std::move(value), place(node)});
  }
  return {};
}

Result<ConfigValue> Flattener::scalar(const toml::node& node, const std::string& path) const {
  if (const auto* text = node.as_string()) return ConfigValue{text->get()};
  if (const auto* number = node.as_integer()) return ConfigValue{number->get()};
  if (const auto* number = node.as_floating_point()) return ConfigValue{number->get()};
  if (const auto* flag = node.as_boolean()) return ConfigValue{flag->get()};
  if (const auto* array = node.as_array()) {
    std::vector<std::string> list;
    for (const auto& entry : *array) {
      const auto* text = entry.as_string();
      if (text == nullptr) {
        return stop(fmt::format("{}: {} is not a list of texts", place(node), path));
      }
      list.push_back(text->get());
    }
    return ConfigValue{std::move(list)};
  }
  return stop(fmt::format("{}: {} is a date; write it as a text in quotes", place(node), path));
}

}  // namespace

Result<std::vector<ConfigSetting>> read_toml_file(const std::string& path) {
  return read_file(path, 0);
}

Result<std::vector<ConfigSetting>> read_toml_text(const std::string& toml, const std::string& name,
                                                  const std::string& directory) {
  return parse(toml, name, directory, 0);
}

}  // namespace fovea::topologies
