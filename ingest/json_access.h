#pragma once

// Reads JSON that anybody may have written: a bounded parser and the scalars of the contracts.
// Private to ingest.
//
// Answers   to what JSON leaves open: of a repeated key the first counts; a byte order mark is
//           skipped; nothing may follow the document; a number too wide for a 64-bit integer or a
//           double is taken as the string of its digits, so it can be an id and does no harm in a
//           field nobody reads; nesting beyond 64 levels is refused.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "ingest/event_codec.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace simdjson::dom {
class element;
}

namespace fovea::ingest {

inline constexpr std::size_t kRecordBytesMax = 64 * 1024;
inline constexpr std::size_t kIdBytesMax = 256;

// Absent: all is well. Smaller than Result<void> to read at a dozen call sites.
using Failure = std::optional<Error>;

class JsonParser {
 public:
  explicit JsonParser(std::size_t bytes_max);
  JsonParser(JsonParser&&) noexcept;
  JsonParser& operator=(JsonParser&&) noexcept;
  ~JsonParser();

  // The root, an object. Lifetime: until the next call.
  // Errors: kSkip: too_large, not_utf8, not_json, too_deep, not_an_object.
  [[nodiscard]] Result<const simdjson::dom::element*> parse_object(std::string_view bytes);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// `text` in quotes for a message, on one line, cut to what fits a log line.
[[nodiscard]] std::string quoted(std::string_view text);

// A value as its JSON, for a message; cut likewise.
[[nodiscard]] std::string shown(const simdjson::dom::element& from);

// 1..256 bytes; integers are taken as ids. Errors: bad_id, id_too_long.
[[nodiscard]] Failure read_id(const simdjson::dom::element& from, std::string_view field,
                              std::string& out);

// A string, or an integer as its digits. False for anything else.
[[nodiscard]] bool read_text(const simdjson::dom::element& from, std::string& out);

// A finite number, or a string that is one.
[[nodiscard]] std::optional<double> read_number(const simdjson::dom::element& from);

// The float nearest to a number, if it is finite. The shortest text of the largest float is beyond
// that float, and yet means it.
[[nodiscard]] std::optional<float> nearest_float(double number);

// An integer, or a string that is one.
[[nodiscard]] std::optional<std::int64_t> read_integer(const simdjson::dom::element& from);

// A number in `unit`, a string that is one, or RFC 3339.
[[nodiscard]] std::optional<TimeMs> read_time(const simdjson::dom::element& from, TimeUnit unit);

}  // namespace fovea::ingest
