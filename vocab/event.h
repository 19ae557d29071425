#pragma once

// One thing a user did or said. The contract (fields, limits, reasons) is in ingest/README.md.

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "vocab/ids.h"

namespace fovea {

// Values are stored in profiles and learning records: never renumber.
enum class EventType : std::uint8_t {
  kView = 0,
  kClick = 1,
  kLike = 2,
  kDislike = 3,
  kRate = 4,
  kPurchase = 5,
  kReturn = 6,
  kAddToCart = 7,
  kRemoveFromCart = 8,
  kPlay = 9,
  kSkip = 10,
  kSearch = 11,
  kImpression = 12,
  // Said rather than done.
  kRequest = 13,
  kIdentify = 14,
  kForget = 15,
};

inline constexpr std::array<std::string_view, 16> kEventTypeNames = {
    "view",     "click",  "like",        "dislike",          "rate",
    "purchase", "return", "add_to_cart", "remove_from_cart", "play",
    "skip",     "search", "impression",  "request",          "identify",
    "forget"};

[[nodiscard]] constexpr std::string_view name(EventType type) {
  return kEventTypeNames[static_cast<std::size_t>(type)];
}

// The type of that name, if there is one.
[[nodiscard]] constexpr std::optional<EventType> event_type(std::string_view text) {
  for (std::size_t i = 0; i < kEventTypeNames.size(); ++i) {
    if (kEventTypeNames[i] == text) return static_cast<EventType>(i);
  }
  return std::nullopt;
}

// A set of event types, as configuration names them.
class EventTypeSet {
 public:
  constexpr void insert(EventType type) { bits_ |= bit(type); }
  [[nodiscard]] constexpr bool contains(EventType type) const { return (bits_ & bit(type)) != 0; }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr std::uint32_t bits() const { return bits_; }
  constexpr bool operator==(const EventTypeSet&) const = default;

 private:
  static constexpr std::uint32_t bit(EventType type) {
    return std::uint32_t{1} << static_cast<std::uint32_t>(type);
  }
  std::uint32_t bits_ = 0;
};

// One declared fact about the circumstances: device = "mobile", hour = 7.
struct ContextField {
  std::string name;
  std::variant<double, std::string> value;
  bool operator==(const ContextField&) const = default;
};

struct Event {
  UserId user;
  EventType type = EventType::kView;
  ItemRef item;                // empty id where the type has none
  TimeMs event_time{};         // when it happened
  TimeMs record_time{};        // when the broker (or the file) had it; judges "in the future"
  std::string id;              // the producer's, for de-duplication; may be empty
  std::optional<float> value;  // strength, by type
  std::string query;
  std::string session;
  std::string slate;           // impression: id of the recommendation shown
  std::vector<ItemRef> items;  // impression: what was shown, in order
  std::vector<ContextField> context;
  std::string request_id;
  std::optional<std::int32_t> k;
  std::vector<std::pair<std::string, std::string>> filter;  // attribute or "category" = value
  std::string as;  // identify: the user that this guest turns out to be
  bool operator==(const Event&) const = default;
};

}  // namespace fovea
