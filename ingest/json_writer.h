#pragma once

// Appends JSON values to a string. Private to ingest.

#include <cstdint>
#include <string>
#include <string_view>

namespace fovea::ingest {

// Quoted and escaped. Bytes that are not UTF-8 become U+FFFD, so the output is always JSON.
void append_json_string(std::string& out, std::string_view text);

void append_json_integer(std::string& out, std::int64_t value);

// The shortest text that reads back as the same number. Requires: finite.
void append_json_number(std::string& out, double value);
void append_json_number(std::string& out, float value);

// Rounded to five decimals, trailing zeros left out. Requires: finite.
void append_json_rounded(std::string& out, double value);

// Rounded to `digits` significant digits: small shares stay above zero. Requires: finite.
void append_json_significant(std::string& out, double value, int digits);

// Sixteen hexadecimal digits, quoted: JSON numbers lose bits beyond 53.
void append_json_hex(std::string& out, std::uint64_t value);

}  // namespace fovea::ingest
