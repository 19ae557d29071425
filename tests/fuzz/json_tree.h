#pragma once

// A JSON document as a second, unrelated parser reads it, kept as it was written: repeated keys,
// and the digits of numbers that no 64-bit type holds.
//
// Source    nlohmann/json's SAX interface; RFC 8259 is the rule where the two parsers differ.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fovea::fuzz {

struct JsonTree {
  enum class Kind : std::uint8_t {
    kNull,
    kFlag,
    kInteger,  // fits 64 bits with a sign
    kNatural,  // fits 64 bits without one only
    kReal,
    kText,
    kArray,
    kObject,
  };

  // The first of that name; nullptr where there is none.
  [[nodiscard]] const JsonTree* first(std::string_view name) const;
  [[nodiscard]] bool is_null() const { return kind == Kind::kNull; }

  Kind kind = Kind::kNull;
  bool flag = false;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double real = 0.0;
  std::string text;                // also the digits of a number that fits nothing
  std::vector<JsonTree> entries;   // of an array, or the values of an object
  std::vector<std::string> names;  // of an object's entries, as written: repeated ones too
};

struct JsonDocument {
  JsonTree root;
  std::size_t depth = 0;  // of containers within containers
};

// Absent for what is not one JSON document. One byte order mark is skipped.
[[nodiscard]] std::optional<JsonDocument> read_json_slowly(std::string_view bytes);

}  // namespace fovea::fuzz
