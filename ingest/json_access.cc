#include "ingest/json_access.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "ingest/json_writer.h"
#include "ingest/timestamp.h"

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kDepthMax = 64;
constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Length of the JSON number that starts at text[at], 0 if none does; `integer` tells its form.
std::size_t number_length(std::string_view text, std::size_t at, bool& integer) {
  std::size_t i = at;
  const auto digits = [&] {
    const std::size_t start = i;
    while (i < text.size() && is_digit(text[i])) ++i;
    return i - start;
  };
  integer = true;
  if (i < text.size() && text[i] == '-') ++i;
  const std::size_t first = i;
  const std::size_t whole = digits();
  if (whole == 0 || (whole > 1 && text[first] == '0')) return 0;
  if (i < text.size() && text[i] == '.') {
    integer = false;
    ++i;
    if (digits() == 0) return 0;
  }
  if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
    integer = false;
    ++i;
    if (i < text.size() && (text[i] == '+' || text[i] == '-')) ++i;
    if (digits() == 0) return 0;
  }
  return i - at;
}

// Most numbers are seen to fit; of the others the parser itself is asked, so that one wide number
// changes what is read of no other.
bool too_wide(std::string_view number, bool integer, dom::parser& judge) {
  const bool may_be =
      integer ? number.size() > 18
              : number.size() > 300 || number.find_first_of("eE") != std::string_view::npos;
  return may_be && judge.parse(number.data(), number.size()).error() != simdjson::SUCCESS;
}

// The same document with its wide numbers in quotes; absent if it has none. The parser refuses a
// whole document for one such number, in a field that nobody may ever read.
std::optional<std::string> quote_wide_numbers(std::string_view text) {
  dom::parser judge;
  std::string out;
  std::size_t copied = 0;
  bool in_string = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '-' || is_digit(c)) {
      bool integer = true;
      const std::size_t length = number_length(text, i, integer);
      if (length == 0) return std::nullopt;
      const std::string_view number = text.substr(i, length);
      if (too_wide(number, integer, judge)) {
        // Quotes would make a name of it, and a document of what is none.
        const std::size_t next = text.find_first_not_of(" \t\r\n", i + length);
        if (next != std::string_view::npos && text[next] == ':') return std::nullopt;
        out.append(text, copied, i - copied).append("\"").append(number).append("\"");
        copied = i + length;
      }
      i += length - 1;
    }
  }
  if (copied == 0) return std::nullopt;
  out.append(text, copied);
  return out;
}

// At most kShownMax bytes of whole characters, and dots where something is missing.
std::string cut(std::string_view text) {
  constexpr std::size_t kShownMax = 64;
  if (text.size() <= kShownMax) return std::string(text);
  std::size_t end = kShownMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;
  return std::string(text.substr(0, end)).append("...");
}

template <class Number>
std::optional<Number> number_from(std::string_view text) {
  Number number{};
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  if (error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

}  // namespace

struct JsonParser::Impl {
  explicit Impl(std::size_t limit) : bytes_max(limit) {
    // Once, with room for quotes around wide numbers, so that parsing allocates nothing.
    status = parser.allocate(limit + limit / 2 + 64, kDepthMax);
  }

  std::size_t bytes_max;
  dom::parser parser;
  dom::element root;
  simdjson::error_code status;
};

JsonParser::JsonParser(std::size_t bytes_max) : impl_(std::make_unique<Impl>(bytes_max)) {
  FOVEA_ASSERT(impl_->status == simdjson::SUCCESS);
}
JsonParser::JsonParser(JsonParser&&) noexcept = default;
JsonParser& JsonParser::operator=(JsonParser&&) noexcept = default;
JsonParser::~JsonParser() = default;

Result<const dom::element*> JsonParser::parse_object(std::string_view bytes) {
  if (bytes.size() > impl_->bytes_max) {
    return skip("too_large",
                fmt::format("record is {} bytes, at most {}", bytes.size(), impl_->bytes_max));
  }
  if (bytes.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
    bytes.remove_prefix(kByteOrderMark.size());
    // Newer parsers would skip a second one.
    if (bytes.substr(0, kByteOrderMark.size()) == kByteOrderMark) {
      return skip("not_json", "record begins with two byte order marks");
    }
  }
  // An empty view may have no address, which the parser's copy does not allow.
  if (bytes.empty()) return skip("not_json", "record is empty");
  auto error = impl_->parser.parse(bytes.data(), bytes.size()).get(impl_->root);
  if (error == simdjson::UTF8_ERROR) return skip("not_utf8", "record is not UTF-8");
  if (error == simdjson::DEPTH_ERROR) {
    return skip("too_deep", fmt::format("record is nested beyond {} levels", kDepthMax));
  }
  if (error != simdjson::SUCCESS) {
    if (const auto quoted_text = quote_wide_numbers(bytes)) {
      error = impl_->parser.parse(*quoted_text).get(impl_->root);
    }
  }
  if (error != simdjson::SUCCESS) {
    return skip("not_json", fmt::format("record {} is not a JSON document", quoted(bytes)));
  }
  if (!impl_->root.is_object()) {
    return skip("not_an_object", fmt::format("record {} is not a JSON object", shown(impl_->root)));
  }
  return &impl_->root;
}

std::string quoted(std::string_view text) {
  std::string out;
  append_json_string(out, cut(text));
  return out;
}

std::string shown(const dom::element& from) {
  return cut(std::string(simdjson::minify(from)));
}

bool read_text(const dom::element& from, std::string& out) {
  if (std::string_view text; from.get(text) == simdjson::SUCCESS) {
    out.assign(text);
    return true;
  }
  // By type, not by conversion: 1.0 is no integer, though it converts to one.
  if (from.type() == dom::element_type::INT64) {
    const fmt::format_int digits(std::int64_t{from.get<std::int64_t>().value_unsafe()});
    out.assign(digits.data(), digits.size());
    return true;
  }
  if (from.type() == dom::element_type::UINT64) {
    const fmt::format_int digits(std::uint64_t{from.get<std::uint64_t>().value_unsafe()});
    out.assign(digits.data(), digits.size());
    return true;
  }
  return false;
}

Failure read_id(const dom::element& from, std::string_view field, std::string& out) {
  if (!read_text(from, out)) {
    return skip("bad_id",
                fmt::format("{} {} is neither a string nor an integer", field, shown(from)));
  }
  if (out.empty()) return skip("bad_id", fmt::format("{} is empty", field));
  if (out.size() > kIdBytesMax) {
    return skip("id_too_long",
                fmt::format("{} is {} bytes, at most {}", field, out.size(), kIdBytesMax));
  }
  return std::nullopt;
}

std::optional<double> read_number(const dom::element& from) {
  std::optional<double> number;
  if (double value = 0; from.get(value) == simdjson::SUCCESS) {
    number = value;
  } else if (std::string_view text; from.get(text) == simdjson::SUCCESS) {
    number = number_from<double>(text);
  }
  if (number && !std::isfinite(*number)) return std::nullopt;
  return number;
}

std::optional<float> nearest_float(double number) {
  constexpr double kRoundsToInfinity = 0x1.ffffffp127;  // half a step beyond the largest float
  if (!(std::abs(number) < kRoundsToInfinity)) return std::nullopt;
  return static_cast<float>(number);
}

std::optional<std::int64_t> read_integer(const dom::element& from) {
  if (std::int64_t value = 0;
      from.type() == dom::element_type::INT64 && from.get(value) == simdjson::SUCCESS) {
    return value;
  }
  if (std::string_view text; from.get(text) == simdjson::SUCCESS) {
    return number_from<std::int64_t>(text);
  }
  return std::nullopt;
}

std::optional<TimeMs> read_time(const dom::element& from, TimeUnit unit) {
  if (const auto integer = read_integer(from)) return time_from_integer(*integer, unit);
  if (const auto number = read_number(from)) return time_from_number(*number, unit);
  if (std::string_view text; from.get(text) == simdjson::SUCCESS) return time_from_rfc3339(text);
  return std::nullopt;
}

}  // namespace fovea::ingest
