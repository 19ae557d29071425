#include "ingest/timestamp.h"

#include <chrono>
#include <cmath>

namespace fovea::ingest {
namespace {

constexpr std::int64_t kTimeEndMs = 253'402'300'800'000;  // 10000-01-01T00:00:00Z

std::optional<TimeMs> in_range(std::int64_t ms) {
  if (ms < 0 || ms >= kTimeEndMs) return std::nullopt;
  return TimeMs{ms};
}

// Reads the text from left to right; `ok` turns false at the first thing that does not fit.
struct Cursor {
  std::string_view rest;
  bool ok = true;

  int digits(std::size_t count) {
    if (rest.size() < count) return fail();
    int number = 0;
    for (std::size_t i = 0; i < count; ++i) {
      const char c = rest[i];
      if (c < '0' || c > '9') return fail();
      number = number * 10 + (c - '0');
    }
    rest.remove_prefix(count);
    return number;
  }

  char one_of(std::string_view allowed) {
    if (rest.empty() || allowed.find(rest.front()) == std::string_view::npos) {
      ok = false;
      return '\0';
    }
    const char c = rest.front();
    rest.remove_prefix(1);
    return c;
  }

  // The milliseconds of a fraction, if one follows.
  int fraction_ms() {
    if (rest.empty() || rest.front() != '.') return 0;
    rest.remove_prefix(1);
    int ms = 0;
    int place = 100;
    std::size_t count = 0;
    while (count < rest.size() && rest[count] >= '0' && rest[count] <= '9') {
      ms += place * (rest[count] - '0');
      place /= 10;
      ++count;
    }
    if (count == 0) ok = false;
    rest.remove_prefix(count);
    return ms;
  }

 private:
  int fail() {
    ok = false;
    return 0;
  }
};

}  // namespace

std::optional<TimeMs> time_from_rfc3339(std::string_view text) {
  namespace ch = std::chrono;
  Cursor at{text};
  const int year = at.digits(4);
  at.one_of("-");
  const int month = at.digits(2);
  at.one_of("-");
  const int day = at.digits(2);
  at.one_of("Tt ");
  const int hour = at.digits(2);
  at.one_of(":");
  const int minute = at.digits(2);
  at.one_of(":");
  const int second = at.digits(2);
  const int millisecond = at.fraction_ms();
  const char zone = at.one_of("Zz+-");
  int offset_minutes = 0;
  if (zone == '+' || zone == '-') {
    const int offset_hour = at.digits(2);
    at.one_of(":");
    const int offset_minute = at.digits(2);
    if (offset_hour > 23 || offset_minute > 59) return std::nullopt;
    offset_minutes = (zone == '-' ? -1 : 1) * (offset_hour * 60 + offset_minute);
  }
  if (!at.ok || !at.rest.empty()) return std::nullopt;
  if (hour > 23 || minute > 59 || second > 60) return std::nullopt;

  const ch::year_month_day date{ch::year{year}, ch::month{static_cast<unsigned>(month)},
                                ch::day{static_cast<unsigned>(day)}};
  if (!date.ok()) return std::nullopt;
  const std::int64_t days = ch::sys_days{date}.time_since_epoch().count();
  const std::int64_t utc_minutes = days * 1440 + hour * 60 + minute - offset_minutes;
  // A leap second ends a day in UTC, whatever the offset it is written in.
  if (second == 60 && ((utc_minutes % 1440) + 1440) % 1440 != 1439) return std::nullopt;
  return in_range((utc_minutes * 60 + second) * 1000 + (second == 60 ? 0 : millisecond));
}

std::optional<TimeMs> time_from_integer(std::int64_t number, TimeUnit unit) {
  if (number < 0) return std::nullopt;
  switch (unit) {
    case TimeUnit::kSeconds:
      if (number >= kTimeEndMs / 1000) return std::nullopt;
      return in_range(number * 1000);
    case TimeUnit::kMilliseconds:
      return in_range(number);
    case TimeUnit::kMicroseconds:
      return in_range(number / 1000);
  }
  return std::nullopt;
}

std::optional<TimeMs> time_from_number(double number, TimeUnit unit) {
  double ms = number;
  if (unit == TimeUnit::kSeconds) ms = number * 1000.0;
  if (unit == TimeUnit::kMicroseconds) ms = number / 1000.0;
  if (!(ms >= 0.0 && ms < static_cast<double>(kTimeEndMs))) return std::nullopt;
  // Rounded, not cut: 1.001 s is 1000.9999... in binary.
  return in_range(std::llround(ms));
}

}  // namespace fovea::ingest
