// Any bytes as a key or a small value of the state directory. What is accepted has one spelling.

#include "profile_store/state_keys.h"

#include "tests/fuzz/target.h"
#include "vocab/assert.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  using namespace fovea::profile_store;
  const std::string_view bytes = fuzz::text_of(data, size);
  const auto partition = partition_of_key(bytes);
  if (const auto key = parse_profile_key(bytes)) {
    FOVEA_ASSERT(partition == key->partition);
    FOVEA_ASSERT(profile_key(key->partition, key->user) == bytes);
    FOVEA_ASSERT(bytes != stamp_key() && bytes != positions_key(key->partition));
  }
  if (const auto positions = decode_positions(bytes)) {
    FOVEA_ASSERT(encode_positions(*positions) == bytes);
  }
  if (const auto stamp = decode_stamp(bytes)) FOVEA_ASSERT(encode_stamp(*stamp) == bytes);
  return 0;
}
