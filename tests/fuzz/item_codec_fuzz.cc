// Any bytes as a record of the item contract, against the oracle. "#<key>" in front is a tombstone.

#include "tests/fuzz/json_check.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  static const ingest::ItemContract contract{{{"image", 2}, {"text", 4}}};
  static ingest::ItemCodec codec = *ingest::ItemCodec::create(contract);
  std::string_view text = fuzz::text_of(data, size);
  ingest::SourceRecord record;
  if (!text.empty() && text.front() == '#') {
    record.key = std::string(text.substr(1));
  } else {
    record.value = std::string(text);
  }
  fuzz::check_item_record(codec, contract, record);
  return 0;
}
