#include "topologies/config_value.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <numeric>
#include <utility>

#include "ingest/timestamp.h"
#include "vocab/ids.h"

namespace fovea::topologies {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t factor;
};

constexpr std::array<Unit, 5> kDurations = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};
constexpr std::array<Unit, 5> kSizes = {{{"TiB", std::int64_t{1} << 40},
                                         {"GiB", std::int64_t{1} << 30},
                                         {"MiB", std::int64_t{1} << 20},
                                         {"KiB", std::int64_t{1} << 10},
                                         {"B", 1}}};

// A non-negative number and one of `units`.
template <std::size_t N>
Result<std::int64_t> parse_with_unit(std::string_view text, const std::array<Unit, N>& units,
                                     std::string_view what) {
  const std::size_t digits = text.find_first_not_of("0123456789.");
  const std::string_view number = text.substr(0, digits);
  const std::string_view unit = digits == std::string_view::npos ? "" : text.substr(digits);

  double amount = 0;
  const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), amount);
  const bool is_number =
      error == std::errc{} && end == number.data() + number.size() && !number.empty();
  if (is_number && unit.empty() && amount == 0) return std::int64_t{0};
  for (const Unit& candidate : units) {
    if (!is_number || candidate.name != unit) continue;
    const double whole = amount * static_cast<double>(candidate.factor);
    // Beyond 2^53 a double no longer tells neighbours apart.
    if (whole > 9e15 || std::floor(whole) != whole) break;
    return static_cast<std::int64_t>(whole);
  }
  return stop(fmt::format("\"{}\" is not {}", text, what));
}

template <std::size_t N>
std::string print_with_unit(std::int64_t amount, const std::array<Unit, N>& units) {
  for (const Unit& unit : units) {
    if (amount % unit.factor == 0 && amount >= unit.factor) {
      return fmt::format("{}{}", amount / unit.factor, unit.name);
    }
  }
  return fmt::format("0{}", units.back().name);
}

}  // namespace

Result<std::int64_t> parse_duration_ms(std::string_view text) {
  return parse_with_unit(text, kDurations, "a duration (like 250ms, 10s, 5m, 1h or 100d)");
}

std::string print_duration_ms(std::int64_t ms) {
  return print_with_unit(ms, kDurations);
}

Result<std::int64_t> parse_bytes(std::string_view text) {
  return parse_with_unit(text, kSizes, "a size (like 64KiB, 256MiB or 4GiB)");
}

std::string print_bytes(std::int64_t bytes) {
  return print_with_unit(bytes, kSizes);
}

Result<std::string> parse_start(std::string_view text) {
  if (text == "earliest" || text == "latest") return std::string(text);
  if (!text.empty() && text.size() <= 15 &&
      text.find_first_not_of("0123456789") == std::string_view::npos) {
    return std::string(text);
  }
  if (const auto time = ingest::time_from_rfc3339(text)) return std::to_string(value(*time));
  return stop(
      fmt::format("\"{}\" is not earliest, latest, milliseconds since the epoch or a time like "
                  "2026-01-31T12:00:00Z",
                  text));
}

std::string toml_string(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
      out += fmt::format("\\u{:04X}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string to_toml(const ConfigValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag ? "true" : "false";
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return fmt::format("{}", *integer);
  if (const double* number = std::get_if<double>(&value)) {
    std::string text = fmt::format("{}", *number);
    // TOML tells 1 from 1.0.
    if (text.find_first_of(".en") == std::string::npos) text += ".0";
    return text;
  }
  if (const auto* text = std::get_if<std::string>(&value)) return toml_string(*text);
  std::string out = "[";
  for (const std::string& entry : std::get<std::vector<std::string>>(value)) {
    if (out.size() > 1) out += ", ";
    out += toml_string(entry);
  }
  return out + "]";
}

std::string nearest_name(std::string_view wrong, const std::vector<std::string>& names) {
  std::string best;
  // A third of the letters wrong is still a slip; more is another word.
  std::size_t best_distance = std::max<std::size_t>(wrong.size() / 3, 2) + 1;
  for (const std::string& name : names) {
    std::vector<std::size_t> row(name.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= wrong.size(); ++i) {
      std::size_t diagonal = row[0];
      row[0] = i;
      for (std::size_t j = 1; j <= name.size(); ++j) {
        const std::size_t substituted = diagonal + (wrong[i - 1] == name[j - 1] ? 0 : 1);
        diagonal = row[j];
        row[j] = std::min({row[j] + 1, row[j - 1] + 1, substituted});
      }
    }
    if (row.back() < best_distance) {
      best_distance = row.back();
      best = name;
    }
  }
  return best;
}

}  // namespace fovea::topologies
