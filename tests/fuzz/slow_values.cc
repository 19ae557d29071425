#include "tests/fuzz/slow_values.h"

#include <cfloat>
#include <cmath>
#include <cstdlib>
#include <ctime>
#include <regex>

namespace fovea::fuzz {
namespace {

using Kind = JsonTree::Kind;
__extension__ using Wide = __int128;

constexpr std::int64_t kYear10000Ms = 253'402'300'800'000;

std::optional<TimeMs> time_in_range(Wide ms) {
  if (ms < 0 || ms >= kYear10000Ms) return std::nullopt;
  return TimeMs{static_cast<std::int64_t>(ms)};
}

std::optional<TimeMs> rfc3339_of(const std::string& text, bool& unsure) {
  static const std::regex kForm(
      R"((\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.(\d+))?(?:[Zz]|([+-])(\d\d):(\d\d)))",
      std::regex::optimize);
  // The expression is matched by recursion.
  if (text.size() > 200) {
    unsure = true;
    return std::nullopt;
  }
  std::smatch parts;
  if (!std::regex_match(text, parts, kForm)) return std::nullopt;
  const auto number = [&](std::size_t part) { return std::atoi(parts.str(part).c_str()); };

  std::tm date{};
  date.tm_year = number(1) - 1900;
  date.tm_mon = number(2) - 1;
  date.tm_mday = number(3);
  std::tm normal = date;
  const std::int64_t day_s = timegm(&normal);
  // A date that the library had to normalise is none.
  if (normal.tm_year != date.tm_year || normal.tm_mon != date.tm_mon ||
      normal.tm_mday != date.tm_mday) {
    return std::nullopt;
  }
  if (number(4) > 23 || number(5) > 59 || number(6) > 60) return std::nullopt;
  std::int64_t minute = day_s / 60 + number(4) * 60 + number(5);
  if (parts.str(8) != "") {
    if (number(9) > 23 || number(10) > 59) return std::nullopt;
    minute -= (parts.str(8) == "-" ? -1 : 1) * (number(9) * 60 + number(10));
  }
  const bool leap = number(6) == 60;
  if (leap && (minute % 1440 + 1440) % 1440 != 1439) return std::nullopt;
  const std::string fraction = (parts.str(7) + "000").substr(0, 3);
  return time_in_range((Wide{minute} * 60 + number(6)) * 1000 +
                       (leap ? 0 : std::atoi(fraction.c_str())));
}

}  // namespace

std::optional<std::string> text_of(const JsonTree& from) {
  if (from.kind == Kind::kText) return from.text;
  if (from.kind == Kind::kInteger) return std::to_string(from.integer);
  if (from.kind == Kind::kNatural) return std::to_string(from.natural);
  return std::nullopt;
}

std::optional<std::int64_t> integer_of(const JsonTree& from) {
  if (from.kind == Kind::kInteger) return from.integer;
  if (from.kind != Kind::kText) return std::nullopt;
  const bool negative = !from.text.empty() && from.text[0] == '-';
  Wide number = 0;
  for (std::size_t i = negative ? 1 : 0; i < from.text.size(); ++i) {
    if (from.text[i] < '0' || from.text[i] > '9') return std::nullopt;
    number = number * 10 + (from.text[i] - '0');
    if (number > Wide{INT64_MAX} + (negative ? 1 : 0)) return std::nullopt;
  }
  if (from.text.size() == (negative ? 1U : 0U)) return std::nullopt;
  return static_cast<std::int64_t>(negative ? -number : number);
}

std::optional<double> number_of(const JsonTree& from, bool& unsure) {
  if (from.kind == Kind::kInteger) return static_cast<double>(from.integer);
  if (from.kind == Kind::kNatural) return static_cast<double>(from.natural);
  if (from.kind == Kind::kReal) return from.real;
  if (from.kind != Kind::kText || from.text.empty()) return std::nullopt;
  // strtod also takes white space, a plus and hexadecimal digits.
  if (from.text.find_first_not_of("-.0123456789eE+") != std::string::npos) return std::nullopt;
  if (from.text[0] == '+') return std::nullopt;
  char* end = nullptr;
  const double number = std::strtod(from.text.c_str(), &end);
  if (end != from.text.c_str() + from.text.size() || !std::isfinite(number)) return std::nullopt;
  const std::string mantissa = from.text.substr(0, from.text.find_first_of("eE"));
  if (std::abs(number) < DBL_MIN && mantissa.find_first_of("123456789") != std::string::npos) {
    unsure = true;
  }
  return number;
}

std::optional<TimeMs> time_of(const JsonTree& from, ingest::TimeUnit unit, bool& unsure) {
  const bool seconds = unit == ingest::TimeUnit::kSeconds;
  const bool microseconds = unit == ingest::TimeUnit::kMicroseconds;
  if (const auto integer = integer_of(from)) {
    if (*integer < 0) return std::nullopt;
    return time_in_range(Wide{*integer} * (seconds ? 1000 : 1) / (microseconds ? 1000 : 1));
  }
  if (const auto number = number_of(from, unsure)) {
    const double ms = seconds ? *number * 1000.0 : microseconds ? *number / 1000.0 : *number;
    if (!(ms >= 0 && ms < static_cast<double>(kYear10000Ms))) return std::nullopt;
    return time_in_range(std::llround(ms));
  }
  if (from.kind == Kind::kText) return rfc3339_of(from.text, unsure);
  return std::nullopt;
}

}  // namespace fovea::fuzz
