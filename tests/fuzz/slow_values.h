#pragma once

// The scalars of the contracts, read from a JsonTree. Absent where the value is none.

#include <cstdint>
#include <optional>
#include <string>

#include "ingest/event_codec.h"
#include "tests/fuzz/json_tree.h"
#include "vocab/ids.h"

namespace fovea::fuzz {

// A string, or an integer's digits.
[[nodiscard]] std::optional<std::string> text_of(const JsonTree& from);

// An integer, or a string that is one.
[[nodiscard]] std::optional<std::int64_t> integer_of(const JsonTree& from);

// A finite number, or a string that is one. `unsure`: a string whose number underflows.
[[nodiscard]] std::optional<double> number_of(const JsonTree& from, bool& unsure);

// A number in `unit`, a string that is one, or RFC 3339.
[[nodiscard]] std::optional<TimeMs> time_of(const JsonTree& from, ingest::TimeUnit unit,
                                            bool& unsure);

}  // namespace fovea::fuzz
