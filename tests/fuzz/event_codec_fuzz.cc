// Any bytes as a record of the event contract, against the oracle. The record's own timestamp, if
// it has one, is the line "@<ms>" in front.

#include "tests/fuzz/json_check.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  static ingest::EventCodec codec = *ingest::EventCodec::create({});
  std::string_view text = fuzz::text_of(data, size);
  ingest::SourceRecord record;
  record.record_time = fuzz::take_record_time(text);
  record.value = std::string(text);
  fuzz::check_event_record(codec, {}, record);
  return 0;
}
