#include "ingest/keys.h"

#include <xxhash.h>

#include "vocab/assert.h"

namespace fovea::ingest {
namespace {

// Kafka's Utils.murmur2, in unsigned arithmetic; the seed and constants are the Java client's.
std::uint32_t murmur2(std::string_view key) {
  constexpr std::uint32_t kMultiplier = 0x5bd1e995;
  constexpr std::uint32_t kSeed = 0x9747b28c;
  const auto byte = [&](std::size_t i) {
    return static_cast<std::uint32_t>(static_cast<unsigned char>(key[i]));
  };

  std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(key.size());
  std::size_t i = 0;
  for (; i + 4 <= key.size(); i += 4) {
    std::uint32_t word = byte(i) | byte(i + 1) << 8U | byte(i + 2) << 16U | byte(i + 3) << 24U;
    word *= kMultiplier;
    word ^= word >> 24U;
    word *= kMultiplier;
    hash *= kMultiplier;
    hash ^= word;
  }
  const std::size_t rest = key.size() - i;
  if (rest == 3) hash ^= byte(i + 2) << 16U;
  if (rest >= 2) hash ^= byte(i + 1) << 8U;
  if (rest >= 1) {
    hash ^= byte(i);
    hash *= kMultiplier;
  }
  hash ^= hash >> 13U;
  hash *= kMultiplier;
  hash ^= hash >> 15U;
  return hash;
}

}  // namespace

std::uint64_t hash64(std::string_view bytes, std::uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

ItemKey item_key(std::string_view id) {
  return ItemKey{hash64(id)};
}

UserKey user_key(std::string_view topology, std::string_view user) {
  return UserKey{hash64(user, hash64(topology))};
}

Partition murmur2_partition(std::string_view key, std::int32_t partition_count) {
  FOVEA_ASSERT(partition_count > 0);
  return static_cast<Partition>((murmur2(key) & 0x7fffffffU) %
                                static_cast<std::uint32_t>(partition_count));
}

}  // namespace fovea::ingest
