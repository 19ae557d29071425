// Hashes that are stored or shared with other clients: their values are fixed.

#include "ingest/keys.h"

#include <gtest/gtest.h>

namespace fovea::ingest {
namespace {

Partition partition_of_hash(std::int32_t hash, std::int32_t partition_count) {
  return (hash & 0x7fffffff) % partition_count;
}

TEST(Keys, PartitionsAreThoseOfTheJavaClient) {
  // Hashes from Apache Kafka's own UtilsTest.
  const std::pair<std::string_view, std::int32_t> kKnown[] = {
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107},
  };
  for (const auto& [key, hash] : kKnown) {
    for (const std::int32_t count : {1, 2, 3, 12, 100, 0x7fffffff}) {
      EXPECT_EQ(murmur2_partition(key, count), partition_of_hash(hash, count)) << key << count;
    }
  }
}

TEST(Keys, HashesAreTheStoredOnes) {
  // XXH3 of nothing is a published constant; the others fix our use of it.
  EXPECT_EQ(hash64(""), 0x2d06800538d394c2U);
  EXPECT_EQ(value(item_key("i1")), hash64("i1"));
  EXPECT_EQ(value(item_key("item-31337")), 4543881618764950279U);
  EXPECT_EQ(value(user_key("video", "u1")), 11224354633159815053U);
}

TEST(Keys, OneUserHasAnotherKeyInAnotherTopology) {
  EXPECT_NE(user_key("video", "u1"), user_key("news", "u1"));
  EXPECT_NE(user_key("video", "u1"), user_key("video", "u2"));
}

}  // namespace
}  // namespace fovea::ingest
