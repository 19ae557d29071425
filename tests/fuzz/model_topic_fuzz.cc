// Any bytes as a key, a chunk and a manifest of T.model: as they are, and once more under a right
// checksum, since no mutation finds one by chance. What is accepted is written again byte for byte.

#include <xxhash.h>

#include <cstring>
#include <string>

#include "tests/fuzz/target.h"
#include "topologies/model_topic.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

using namespace topologies;

constexpr std::size_t kChecksumAt = 4;
constexpr std::size_t kBodyAt = 12;

void check(std::string_view bytes) {
  if (const auto key = decode_model_key(bytes)) FOVEA_ASSERT(encode_model_key(*key) == bytes);
  if (const auto chunk = decode_model_chunk(bytes)) {
    FOVEA_ASSERT(encode_model_chunk(*chunk) == bytes);
    FOVEA_ASSERT(!chunk->bytes.empty() && chunk->bytes.size() <= kModelChunkBytes);
  } else {
    FOVEA_ASSERT(chunk.error().disposition == Disposition::kSkip);
  }
  if (const auto manifest = decode_model_manifest(bytes)) {
    FOVEA_ASSERT(encode_model_manifest(*manifest) == bytes);
    FOVEA_ASSERT(model_chunks(manifest->bytes) == manifest->chunks);
  } else {
    FOVEA_ASSERT(manifest.error().disposition == Disposition::kSkip);
  }
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea::fuzz;
  check(text_of(data, size));
  if (size < kBodyAt) return 0;
  std::string mended(text_of(data, size));
  const XXH64_hash_t checksum = XXH3_64bits(mended.data() + kBodyAt, mended.size() - kBodyAt);
  std::memcpy(&mended[kChecksumAt], &checksum, sizeof checksum);
  check(mended);
  return 0;
}
