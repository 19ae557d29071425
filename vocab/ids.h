#pragma once

// Identifiers and times: values that do not mix.
//
// Users and items are named by strings at the edges. Inside, an item is its 64-bit ItemKey, the
// hash of its id, which fits profiles and learning records; ingest/keys.h computes it, once, where
// an id enters. A user is a UserKey, a hash keyed per topology, wherever the id itself must not be
// kept (the learning log).

#include <compare>
#include <cstdint>
#include <functional>
#include <string>

namespace fovea {

enum class ItemKey : std::uint64_t {};
enum class UserKey : std::uint64_t {};

// Milliseconds since the Unix epoch.
enum class TimeMs : std::int64_t {};

[[nodiscard]] constexpr std::uint64_t value(ItemKey key) {
  return static_cast<std::uint64_t>(key);
}
[[nodiscard]] constexpr std::uint64_t value(UserKey key) {
  return static_cast<std::uint64_t>(key);
}
[[nodiscard]] constexpr std::int64_t value(TimeMs time) {
  return static_cast<std::int64_t>(time);
}
// Signed milliseconds from `earlier` to `later`.
[[nodiscard]] constexpr std::int64_t milliseconds_between(TimeMs earlier, TimeMs later) {
  return value(later) - value(earlier);
}

struct UserId {
  std::string value;
  auto operator<=>(const UserId&) const = default;
};

// An item as it is named outside, with the key it is known by inside.
struct ItemRef {
  ItemKey key{};
  std::string id;
  auto operator<=>(const ItemRef&) const = default;
};

using Partition = std::int32_t;
using Offset = std::int64_t;

// No offset yet: nothing applied, nothing written.
inline constexpr Offset kNoOffset = -1;

// Where an event came from. `ordinal` counts the events of one record, from 0.
struct SourceCoordinates {
  std::string topic;
  Partition partition = 0;
  Offset offset = 0;
  std::uint16_t ordinal = 0;
  auto operator<=>(const SourceCoordinates&) const = default;
};

}  // namespace fovea

template <>
struct std::hash<fovea::ItemKey> {
  // The key is a hash already.
  std::size_t operator()(fovea::ItemKey key) const noexcept { return fovea::value(key); }
};

template <>
struct std::hash<fovea::UserKey> {
  std::size_t operator()(fovea::UserKey key) const noexcept { return fovea::value(key); }
};
