// ItemCodec against its header. What is refused for which reason is contract_test.cc.

#include "ingest/item_codec.h"

#include <gtest/gtest.h>

#include <set>

#include "ingest/keys.h"
#include "tests/ingest/records.h"

namespace fovea::ingest {
namespace {

Item full_item() {
  Item item;
  item.item = {item_key("i1"), "i1"};
  item.title = "A \"film\"\n";
  item.text = "about \xE2\x82\xAC";
  item.categories = {"drama", "crime"};
  item.tags = {"1994"};
  item.attributes = {{"year", 1994.0}, {"color", std::string("blue")}, {"price", 0.1}};
  item.provider = "studio";
  item.published_at = TimeMs{779155200000};
  item.available = false;
  item.vectors = {{"image", {0.1F, -3e-20F, 1e30F}}};
  return item;
}

ItemCodec codec_with_image() {
  ItemContract contract;
  contract.vector_dims["image"] = 3;
  auto codec = ItemCodec::create(contract);
  FOVEA_ASSERT(codec.has_value());
  return *std::move(codec);
}

TEST(ItemCodec, ReadsBackWhatEncodeWrote) {
  ItemCodec codec = codec_with_image();
  Item bare;
  bare.item = {item_key("i2"), "i2"};
  for (const Item& item : {full_item(), bare}) {
    const auto change = codec.decode(record_of(encode_item(item)));
    ASSERT_TRUE(change.has_value()) << change.error().message;
    EXPECT_EQ(change->item, item);
    EXPECT_FALSE(change->removed);
  }
}

TEST(ItemCodec, ATombstoneRemovesTheItemOfItsKey) {
  ItemCodec codec = codec_with_image();
  SourceRecord record = record_of(std::nullopt);
  record.key = "i1";

  const auto change = codec.decode(record);

  ASSERT_TRUE(change.has_value());
  EXPECT_TRUE(change->removed);
  EXPECT_EQ(change->item.item, (ItemRef{item_key("i1"), "i1"}));
}

TEST(ItemCodec, AnswersEveryTruncationAndByteChangeWithAnItemOrAListedReason) {
  std::set<std::string> known;
  for (const Reason& reason : item_reasons()) known.insert(std::string(reason.name));
  ItemCodec codec = codec_with_image();
  const std::string bytes = encode_item(full_item());
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    const auto change = codec.decode(record_of(bytes.substr(0, length)));
    ASSERT_FALSE(change.has_value());
    EXPECT_EQ(change.error().reason, "not_json");
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = bytes;
      changed[i] = static_cast<char>(byte);
      const auto change = codec.decode(record_of(changed));
      if (!change) {
        EXPECT_TRUE(known.contains(change.error().reason)) << i << " " << byte;
      }
    }
  }
}

TEST(ItemCodec, CreateRefusesADimensionOutsideItsRange) {
  for (const std::int32_t dim : {0, -1, 4097}) {
    ItemContract contract;
    contract.vector_dims["image"] = dim;
    const auto codec = ItemCodec::create(contract);
    ASSERT_FALSE(codec.has_value());
    EXPECT_EQ(codec.error().disposition, Disposition::kStop);
  }
}

}  // namespace
}  // namespace fovea::ingest
