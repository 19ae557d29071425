#include "ingest/json_writer.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "vocab/assert.h"

namespace fovea::ingest {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

// Length of the UTF-8 sequence that starts at text[i], 0 if there is none.
std::size_t sequence_length(std::string_view text, std::size_t i) {
  const auto at = [&](std::size_t k) {
    return k < text.size() ? static_cast<unsigned char>(text[k]) : 0U;
  };
  const auto continues = [&](std::size_t k) { return (at(k) & 0xC0U) == 0x80U; };
  const unsigned first = at(i);
  const unsigned second = at(i + 1);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return continues(i + 1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool overlong = first == 0xE0 && second < 0xA0;
    const bool surrogate = first == 0xED && second > 0x9F;
    return continues(i + 1) && continues(i + 2) && !overlong && !surrogate ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool overlong = first == 0xF0 && second < 0x90;
    const bool beyond = first == 0xF4 && second > 0x8F;
    return continues(i + 1) && continues(i + 2) && continues(i + 3) && !overlong && !beyond ? 4 : 0;
  }
  return 0;
}

void append_escape(std::string& out, unsigned char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      fmt::format_to(std::back_inserter(out), "\\u{:04x}", static_cast<unsigned>(c));
  }
}

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  std::size_t run = 0;  // start of what is copied as it is
  std::size_t i = 0;
  while (i < text.size()) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c >= 0x20 && c < 0x80 && c != '"' && c != '\\') {
      ++i;
      continue;
    }
    const std::size_t length = c < 0x80 ? 0 : sequence_length(text, i);
    if (length > 0) {
      i += length;
      continue;
    }
    out.append(text, run, i - run);
    if (c < 0x80) {
      append_escape(out, c);
    } else {
      out += kReplacement;
    }
    run = ++i;
  }
  out.append(text, run, text.size() - run);
  out += '"';
}

void append_json_integer(std::string& out, std::int64_t value) {
  const fmt::format_int text(value);
  out.append(text.data(), text.size());
}

void append_json_number(std::string& out, double value) {
  FOVEA_ASSERT(std::isfinite(value));
  fmt::format_to(std::back_inserter(out), "{}", value);
}

void append_json_number(std::string& out, float value) {
  FOVEA_ASSERT(std::isfinite(value));
  fmt::format_to(std::back_inserter(out), "{}", value);
}

void append_json_rounded(std::string& out, double value) {
  FOVEA_ASSERT(std::isfinite(value));
  constexpr double kScale = 1e5;
  if (std::abs(value) >= 1e12) {
    append_json_number(out, value);
    return;
  }
  const auto scaled = static_cast<std::int64_t>(std::llround(value * kScale));
  const std::uint64_t size = static_cast<std::uint64_t>(scaled < 0 ? -scaled : scaled);
  if (scaled < 0) out += '-';
  append_json_integer(out, static_cast<std::int64_t>(size / 100'000));
  std::uint64_t fraction = size % 100'000;
  if (fraction == 0) return;
  out += '.';
  for (std::uint64_t place = 10'000; fraction > 0; place /= 10) {
    out += static_cast<char>('0' + fraction / place);
    fraction %= place;
  }
}

void append_json_significant(std::string& out, double value, int digits) {
  FOVEA_ASSERT(std::isfinite(value));
  // Adding zero takes its sign from a negative one: it would read back as an integer without.
  fmt::format_to(std::back_inserter(out), "{:.{}g}", value + 0.0, digits);
}

void append_json_hex(std::string& out, std::uint64_t value) {
  fmt::format_to(std::back_inserter(out), "\"{:016x}\"", value);
}

}  // namespace fovea::ingest
