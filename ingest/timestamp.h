#pragma once

// Event times as producers write them. Private to ingest.
//
// Source    RFC 3339 (Klyne and Newman, 2002), section 5.6, with a space allowed for the `T`.
//           Fractions beyond milliseconds are cut off. A leap second is the first of the next
//           minute. Times outside 1970..9999 are refused: nobody watched a film in 1969.

#include <cstdint>
#include <optional>
#include <string_view>

#include "ingest/event_codec.h"
#include "vocab/ids.h"

namespace fovea::ingest {

[[nodiscard]] std::optional<TimeMs> time_from_rfc3339(std::string_view text);

[[nodiscard]] std::optional<TimeMs> time_from_integer(std::int64_t number, TimeUnit unit);
[[nodiscard]] std::optional<TimeMs> time_from_number(double number, TimeUnit unit);

}  // namespace fovea::ingest
