#pragma once

// A slate and its reasons as people read them: one line a part, with a bar as long as the part is
// large. Parts add up to the score, so the bars of an item do, too.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "vocab/ids.h"
#include "vocab/recommendation.h"

namespace fovea::topologies {

struct SlateTextOptions {
  std::size_t parts_max = 1'000;  // of an item; the rest is summed in one line
  std::size_t bar_width = 24;     // columns of the largest part of the slate
  // A title for an item of the history; may be empty, then its id is shown.
  std::function<std::string(const std::string& item_id)> title;
};

[[nodiscard]] std::string draw_slate(const std::vector<RecommendedItem>& slate,
                                     const SlateTextOptions& options);

// "3 s", "5 min", "2 h", "14 d": as long ago as people say it.
[[nodiscard]] std::string age_text(std::int64_t age_ms);

// "2026-01-31 12:00:00": UTC, of a time that fits.
[[nodiscard]] std::string time_text(TimeMs time);

}  // namespace fovea::topologies
