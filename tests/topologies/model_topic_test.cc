// The bytes of T.model's records: fixed, total on any input, one spelling each.

#include "topologies/model_topic.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>

namespace fovea::topologies {
namespace {

std::string to_hex(const std::string& bytes) {
  std::string digits;
  for (const char byte : bytes) {
    constexpr const char* kDigits = "0123456789abcdef";
    digits += kDigits[static_cast<std::uint8_t>(byte) >> 4U];
    digits += kDigits[static_cast<std::uint8_t>(byte) & 15U];
  }
  return digits;
}

ModelChunk a_chunk() {
  return {1, 4'711, 2, "snapshot bytes"};
}

ModelManifest a_manifest() {
  return {{0x0123456789abcdef, 1, 4'711}, 1, 3, 2 * kModelChunkBytes + 5, 0xfeedface, 17};
}

// Another layout takes another number in the magic.
TEST(ModelTopic, AChunkHasTheBytesOfVersionOne) {
  EXPECT_EQ(to_hex(encode_model_chunk(a_chunk())),
            "46564331"          // FVC1
            "84daee93250e105b"  // checksum
            "01000000"          // lineage
            "6712000000000000"  // position
            "02000000"          // index
            "736e617073686f74206279746573");
}

TEST(ModelTopic, AManifestHasTheBytesOfVersionOne) {
  EXPECT_EQ(to_hex(encode_model_manifest(a_manifest())),
            "46565031"          // FVP1
            "0fbf054d6a308916"  // checksum
            "efcdab8967452301"  // model id
            "01000000"          // lineage
            "6712000000000000"  // position
            "01000000"          // slot
            "03000000"          // chunks
            "0500100000000000"  // bytes
            "cefaedfe00000000"  // checksum of the chunks
            "1100000000000000"  // offset of chunk 0
  );
}

TEST(ModelTopic, AChunkComesBackAsItWas) {
  const std::string record = encode_model_chunk(a_chunk());

  const auto chunk = decode_model_chunk(record);

  ASSERT_TRUE(chunk) << chunk.error().message;
  EXPECT_EQ(chunk->lineage, 1U);
  EXPECT_EQ(chunk->position, 4'711);
  EXPECT_EQ(chunk->index, 2U);
  EXPECT_EQ(chunk->bytes, "snapshot bytes");
}

TEST(ModelTopic, AManifestComesBackAsItWas) {
  const auto manifest = decode_model_manifest(encode_model_manifest(a_manifest()));

  ASSERT_TRUE(manifest) << manifest.error().message;
  EXPECT_EQ(*manifest, a_manifest());
}

TEST(ModelTopic, AChunkOfTheLargestSizeFitsARecordThatBrokersTakeByDefault) {
  const std::string bytes(kModelChunkBytes, 'x');

  const std::string record = encode_model_chunk({1, 0, 0, bytes});

  EXPECT_LT(record.size(), 1'000'000U);
  EXPECT_EQ(decode_model_chunk(record)->bytes.size(), kModelChunkBytes);
}

TEST(ModelTopic, EveryTruncationIsRefused) {
  const std::string chunk = encode_model_chunk(a_chunk());
  const std::string manifest = encode_model_manifest(a_manifest());

  for (std::size_t size = 0; size < chunk.size(); ++size) {
    EXPECT_FALSE(decode_model_chunk(chunk.substr(0, size))) << size;
  }
  for (std::size_t size = 0; size < manifest.size(); ++size) {
    EXPECT_FALSE(decode_model_manifest(manifest.substr(0, size))) << size;
  }
}

TEST(ModelTopic, EveryChangedByteIsRefused) {
  const std::string chunk = encode_model_chunk(a_chunk());
  const std::string manifest = encode_model_manifest(a_manifest());

  for (std::size_t at = 0; at < chunk.size(); ++at) {
    std::string changed = chunk;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(decode_model_chunk(changed)) << at;
  }
  for (std::size_t at = 0; at < manifest.size(); ++at) {
    std::string changed = manifest;
    changed[at] = static_cast<char>(changed[at] ^ 1);
    EXPECT_FALSE(decode_model_manifest(changed)) << at;
  }
}

TEST(ModelTopic, ANewerVersionIsRefusedAsSuch) {
  std::string record = encode_model_manifest(a_manifest());
  record[3] = '2';

  const auto decoded = decode_model_manifest(record);

  ASSERT_FALSE(decoded);
  EXPECT_EQ(decoded.error().disposition, Disposition::kSkip);
  EXPECT_EQ(decoded.error().reason, "version");
}

TEST(ModelTopic, AManifestWhoseNumbersDoNotFitEachOtherIsRefused) {
  const auto refused = [](auto change) {
    ModelManifest manifest = a_manifest();
    change(manifest);
    return !decode_model_manifest(encode_model_manifest(manifest));
  };

  EXPECT_TRUE(refused([](ModelManifest& m) { m.chunks = 4; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.bytes = 0, m.chunks = 0; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.slot = kModelSlots; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.stamp.position = -2; }));
  EXPECT_TRUE(refused([](ModelManifest& m) { m.first = -2; }));
  EXPECT_FALSE(refused([](ModelManifest& m) { m.first = kNoOffset; }));
  EXPECT_FALSE(refused([](ModelManifest& m) { m.stamp.position = kNoOffset; }));
}

TEST(ModelTopic, KeysNameModelSlotAndChunk) {
  EXPECT_EQ(encode_model_key({0xabc, 1, 7}), "0000000000000abc/1/000007");
  EXPECT_EQ(encode_model_key({0xabc, 0, {}}), "0000000000000abc/0/manifest");

  EXPECT_EQ(decode_model_key("0000000000000abc/1/000007"), (ModelKey{0xabc, 1, 7}));
  EXPECT_EQ(decode_model_key("0000000000000abc/0/manifest"), (ModelKey{0xabc, 0, {}}));
}

TEST(ModelTopic, AKeyHasOneSpelling) {
  for (const char* key :
       {"", "/", "//", "abc/1/000007", "0000000000000abc/1/7", "0000000000000abc/2/000007",
        "0000000000000ABC/1/000007", "0000000000000abc/1/", "0000000000000abc/1/000007x",
        "0000000000000abc//manifest", "0000000000000abc/0/0/manifest"}) {
    EXPECT_FALSE(decode_model_key(key)) << key;
  }
}

}  // namespace
}  // namespace fovea::topologies
