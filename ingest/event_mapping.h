#pragma once

// An EventMapping, checked and taken apart once, so that a record costs one walk. Private to
// ingest.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "ingest/event_codec.h"
#include "vocab/event.h"
#include "vocab/result.h"

namespace fovea::ingest {

enum class Field : std::uint8_t {
  kUser,
  kType,
  kItem,
  kTs,
  kId,
  kValue,
  kQuery,
  kSession,
  kSlate,
  kItems,
  kContext,
  kRequestId,
  kK,
  kFilter,
  kAs,
};

inline constexpr std::array<std::string_view, 15> kFieldNames = {
    "user",  "type",  "item",    "ts",         "id", "value",  "query", "session",
    "slate", "items", "context", "request_id", "k",  "filter", "as"};

[[nodiscard]] constexpr std::string_view name(Field field) {
  return kFieldNames[static_cast<std::size_t>(field)];
}

struct FieldPointer {
  bool in_entry = false;            // `@/x`: read in the entry of `each`
  std::vector<std::string> tokens;  // up to the star, if there is one
  bool star = false;                // tokens lead to an array; `tail` is read in each element
  std::vector<std::string> tail;
};

// A type's name in the record leads to one of ours, or to nothing: counted and dropped.
using TypeTarget = std::optional<EventType>;

struct CompiledMapping {
  std::array<std::vector<FieldPointer>, kFieldNames.size()> fields;
  std::optional<FieldPointer> each;
  std::vector<std::pair<std::string, TypeTarget>> types;  // by name
  std::optional<TypeTarget> other_types;                  // "*"
  TimeUnit ts_unit = TimeUnit::kMilliseconds;
  std::int64_t max_future_ms = 0;

  // The target of a name; absent if nobody knows it. A listed name wins over "*", "*" over ours.
  [[nodiscard]] std::optional<TypeTarget> target(std::string_view type) const;
};

// Errors: kStop naming the field, pointer or type at fault.
[[nodiscard]] Result<CompiledMapping> compile(const EventMapping& mapping);

}  // namespace fovea::ingest
