// A mapping and a record, both of anybody's making, against the oracle. The input is lines up to an
// empty one, then the record:
//
//   user=/properties/id     a pointer of a field, in order; `item=` alone reads it nowhere
//   each=/products          the array
//   type=Order Placed>purchase
//   unit=s                  or ms, us
//   rekeyed                 the user may stand in the entry
//   @1700000000000          the record's timestamp

#include "ingest/file_source.h"
#include "tests/fuzz/json_check.h"
#include "tests/fuzz/target.h"

namespace fovea::fuzz {
namespace {

void read_line(std::string_view line, ingest::EventMapping& mapping) {
  if (line == "rekeyed") mapping.user_in_entry = true;
  const std::size_t equals = line.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view name = line.substr(0, equals);
  const std::string given(line.substr(equals + 1));
  if (name == "each") {
    mapping.each = given;
  } else if (name == "unit") {
    mapping.ts_unit = given == "s"    ? ingest::TimeUnit::kSeconds
                      : given == "us" ? ingest::TimeUnit::kMicroseconds
                                      : ingest::TimeUnit::kMilliseconds;
  } else if (const std::size_t arrow = given.find('>');
             name == "type" && arrow != std::string::npos) {
    mapping.types[given.substr(0, arrow)] = given.substr(arrow + 1);
  } else {
    auto& pointers = mapping.fields[std::string(name)];
    if (!given.empty()) pointers.push_back(given);
  }
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  std::string_view text = fuzz::text_of(data, size);
  ingest::EventMapping mapping;
  ingest::SourceRecord record;
  record.record_time = ingest::kNoRecordTime;
  while (!text.empty()) {
    if (text.front() == '@') {
      record.record_time = fuzz::take_record_time(text);
      continue;
    }
    const std::string_view line = fuzz::take_line(text);
    if (line.empty()) break;
    fuzz::read_line(line, mapping);
  }
  auto codec = ingest::EventCodec::create(mapping);
  if (!codec) return 0;
  record.value = std::string(text);
  fuzz::check_event_record(*codec, mapping, record);
  return 0;
}
