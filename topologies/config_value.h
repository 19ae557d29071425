#pragma once

// One configured value on its way from text to a typed field, and back.

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "vocab/result.h"

namespace fovea::topologies {

using ConfigValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::string>>;

// "250ms", "10s", "5m", "1h", "100d", and "0". Fractions are allowed where they are whole
// milliseconds: "1.5h".
// Errors: kStop naming the text.
[[nodiscard]] Result<std::int64_t> parse_duration_ms(std::string_view text);

// In the largest unit that needs no fraction: 36'000'000 is "10h".
[[nodiscard]] std::string print_duration_ms(std::int64_t ms);

// "512B", "64KiB", "256MiB", "4GiB".
// Errors: kStop naming the text.
[[nodiscard]] Result<std::int64_t> parse_bytes(std::string_view text);
[[nodiscard]] std::string print_bytes(std::int64_t bytes);

// Where in the input to start: "earliest", "latest", milliseconds since the epoch, or RFC 3339
// ("2026-01-31T12:00:00Z"); the answer is one of the first three.
// Errors: kStop naming the text.
[[nodiscard]] Result<std::string> parse_start(std::string_view text);

// As TOML writes it.
[[nodiscard]] std::string to_toml(const ConfigValue& value);
[[nodiscard]] std::string toml_string(std::string_view text);

// The one of `names` that takes the fewest edits to reach, if that is close enough to be meant;
// else empty.
[[nodiscard]] std::string nearest_name(std::string_view wrong,
                                       const std::vector<std::string>& names);

}  // namespace fovea::topologies
