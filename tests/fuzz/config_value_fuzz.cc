// Any text as a duration, a size, a start or a time. What is accepted has a printed form that means
// the same.

#include "topologies/config_value.h"

#include <string>
#include <vector>

#include "ingest/timestamp.h"
#include "tests/fuzz/target.h"
#include "vocab/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const std::string_view text = fuzz::text_of(data, size);
  if (const auto ms = topologies::parse_duration_ms(text)) {
    FOVEA_ASSERT(*ms >= 0);
    const auto again = topologies::parse_duration_ms(topologies::print_duration_ms(*ms));
    FOVEA_ASSERT(again.has_value() && *again == *ms);
  }
  if (const auto bytes = topologies::parse_bytes(text)) {
    FOVEA_ASSERT(*bytes >= 0);
    const auto again = topologies::parse_bytes(topologies::print_bytes(*bytes));
    FOVEA_ASSERT(again.has_value() && *again == *bytes);
  }
  if (const auto start = topologies::parse_start(text)) {
    const auto again = topologies::parse_start(*start);
    FOVEA_ASSERT(again.has_value() && *again == *start);
  }
  if (const auto time = ingest::time_from_rfc3339(text)) FOVEA_ASSERT(value(*time) >= 0);
  const std::string nearest = topologies::nearest_name(text, {"slate.size", "slate.explain"});
  FOVEA_ASSERT(nearest.empty() || nearest[0] == 's');
  return 0;
}
