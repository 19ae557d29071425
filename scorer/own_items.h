#pragma once

// What the user has had, as a question and as an example carry it.

#include <cstdint>
#include <vector>

#include "scorer/model_settings.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"

namespace fovea::scorer {

// Own items older than the history that an example carries, and that a slate is asked with.
inline constexpr std::size_t kOlderOwnItems = 32;
inline constexpr std::size_t kOlderOwnItemsScored = 1024;

// Class of the distance from the newest entry to the item's latest occurrence: 0..5, 6-8, 9-13,
// 14-23, 24 and more are 1..10. 0 is kept for "older than the history".
inline constexpr std::size_t kLagClasses = 11;
[[nodiscard]] constexpr std::uint8_t lag_class(std::size_t distance) {
  if (distance < 6) return static_cast<std::uint8_t>(1 + distance);
  if (distance < 9) return 7;
  if (distance < 14) return 8;
  return distance < 24 ? 9 : 10;
}

// The entries of a history that the model attends over: of positive types, at most history_max,
// newest first.
[[nodiscard]] std::vector<const HistoryEntry*> attended_entries(const ModelSettings& settings,
                                                                const Behaviour& behaviour);

// Most recent first: every item of the attended entries, then at most `older_max` older ones.
[[nodiscard]] std::vector<ExampleOwnItem> own_items_at(
    const Behaviour& behaviour, const std::vector<const HistoryEntry*>& newest_first, TimeMs now,
    std::size_t older_max);

}  // namespace fovea::scorer
