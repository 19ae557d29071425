#include "tests/fuzz/json_tree.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

namespace fovea::fuzz {
namespace {

using nlohmann::json;

class TreeBuilder : public json::json_sax_t {
 public:
  bool null() override {
    add();
    return true;
  }
  bool boolean(bool flag) override {
    JsonTree& to = add();
    to.kind = JsonTree::Kind::kFlag;
    to.flag = flag;
    return true;
  }
  bool number_integer(json::number_integer_t number) override {
    JsonTree& to = add();
    to.kind = JsonTree::Kind::kInteger;
    to.integer = number;
    return true;
  }
  bool number_unsigned(json::number_unsigned_t number) override {
    if (number <= static_cast<std::uint64_t>(INT64_MAX)) {
      return number_integer(static_cast<std::int64_t>(number));
    }
    JsonTree& to = add();
    to.kind = JsonTree::Kind::kNatural;
    to.natural = number;
    return true;
  }
  bool number_float(json::number_float_t number, const std::string& written) override {
    JsonTree& to = add();
    // An integer arrives here when 64 bits do not hold it.
    const bool wide = written.find_first_of(".eE") == std::string::npos;
    to.kind = wide ? JsonTree::Kind::kText : JsonTree::Kind::kReal;
    if (wide) to.text = written;
    to.real = number;
    return true;
  }
  bool string(std::string& text) override {
    JsonTree& to = add();
    to.kind = JsonTree::Kind::kText;
    to.text = text;
    return true;
  }
  bool binary(json::binary_t&) override { return false; }
  bool start_object(std::size_t) override { return open(JsonTree::Kind::kObject); }
  bool start_array(std::size_t) override { return open(JsonTree::Kind::kArray); }
  bool end_object() override { return close(); }
  bool end_array() override { return close(); }
  bool key(std::string& name) override {
    key_ = name;
    return true;
  }
  bool parse_error(std::size_t position, const std::string& token,
                   const json::exception& error) override {
    if (error.id == 406) overflow = {position - token.size(), token.size()};
    return false;
  }

  JsonDocument document;
  // Where a number stands that is beyond a double: this parser refuses the document for it.
  std::optional<std::pair<std::size_t, std::size_t>> overflow;

 private:
  JsonTree& add() {
    if (open_.empty()) return document.root;
    JsonTree& parent = *open_.back();
    if (parent.kind == JsonTree::Kind::kObject) parent.names.push_back(key_);
    return parent.entries.emplace_back();
  }
  bool open(JsonTree::Kind kind) {
    JsonTree& to = add();
    to.kind = kind;
    open_.push_back(&to);
    document.depth = std::max(document.depth, open_.size());
    return true;
  }
  bool close() {
    open_.pop_back();
    return true;
  }

  std::vector<JsonTree*> open_;
  std::string key_;
};

}  // namespace

const JsonTree* JsonTree::first(std::string_view name) const {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return &entries[i];
  }
  return nullptr;
}

std::optional<JsonDocument> read_json_slowly(std::string_view bytes) {
  constexpr std::string_view kMark = "\xEF\xBB\xBF";
  if (bytes.substr(0, kMark.size()) == kMark) bytes.remove_prefix(kMark.size());
  // A second mark and a NUL end or begin a document for this parser; they do not in JSON.
  if (bytes.substr(0, kMark.size()) == kMark) return std::nullopt;
  if (bytes.find('\0') != std::string_view::npos) return std::nullopt;
  std::string text(bytes);
  for (;;) {
    TreeBuilder builder;
    if (json::sax_parse(text, &builder)) return std::move(builder.document);
    if (!builder.overflow) return std::nullopt;
    // The contract takes such a number as the string of its digits. Not as a key, which it cannot
    // be here: the parser never asks for a number where a key stands.
    const auto [at, size] = *builder.overflow;
    text.insert(at + size, 1, '"').insert(at, 1, '"');
  }
}

}  // namespace fovea::fuzz
