// The learning record's bytes: round trips, every way to damage them, sizes, and the file that
// fixes version 1.

#include "scorer/learning_record_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <limits>

#include "scorer/bytes.h"
#include "scorer/random.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

// Any record, with every field at random, small and large.
class RandomRecords {
 public:
  explicit RandomRecords(std::uint64_t seed) : random_(seed, 0) {}

  LearningRecord next() {
    LearningRecord record;
    const std::uint32_t kind = random_.below(8);
    if (kind == 0) {
      record.body = Mark{text(20), random_.next(), offset(), random_.next(), random_.next() >> 20U};
      return record;
    }
    record.source = {text(30), static_cast<Partition>(random_.below(1000)), offset(),
                     static_cast<std::uint16_t>(random_.next())};
    if (kind == 1) {
      record.body = item_change();
    } else {
      record.body = example();
    }
    return record;
  }

 private:
  std::string text(std::uint32_t most) {
    std::string out(random_.below(most + 1), ' ');
    for (char& c : out) c = static_cast<char>(random_.next());
    return out;
  }
  Offset offset() { return static_cast<Offset>(random_.next() >> (1 + random_.below(62))); }
  std::int64_t age() {
    return static_cast<std::int64_t>(random_.next() >> (20 + random_.below(44)));
  }
  ItemKey key() { return ItemKey{random_.next()}; }
  std::variant<double, std::string> value() {
    if (random_.below(2) == 0) return text(12);
    return static_cast<double>(random_.uniform()) * 1e6;
  }

  Example example() {
    Example out;
    out.user = UserKey{random_.next()};
    out.item = {key(), text(40)};
    out.time = TimeMs{static_cast<std::int64_t>(random_.next() >> 20U)};
    out.type = static_cast<EventType>(random_.below(16));
    out.strength = random_.uniform() * 10.0F - 5.0F;
    out.positive = random_.below(2) == 0;
    out.count_only = random_.below(2) == 0;
    for (std::uint32_t i = random_.below(4); i > 0; --i) out.context.push_back({text(8), value()});
    out.history_length = random_.below(60);
    for (std::uint32_t i = random_.below(21); i > 0; --i) out.history.push_back({key(), age()});
    for (std::uint32_t i = random_.below(31); i > 0; --i) out.older_history.push_back(key());
    // Some of the history, some of what is older, some from long ago.
    for (std::uint32_t i = random_.below(20); i > 0; --i) {
      ExampleOwnItem own{key(), static_cast<std::uint8_t>(random_.below(11)), age(),
                         random_.below(1000)};
      if (!out.history.empty() && random_.below(2) == 0) {
        const auto& entry =
            out.history[random_.below(static_cast<std::uint32_t>(out.history.size()))];
        own.item = entry.item;
        if (random_.below(2) == 0) own.age_ms = entry.age_ms;
      } else if (!out.older_history.empty() && random_.below(2) == 0) {
        own.item =
            out.older_history[random_.below(static_cast<std::uint32_t>(out.older_history.size()))];
      }
      out.own_items.push_back(own);
    }
    if (random_.below(2) == 0) out.seen_filter = text(256);
    return out;
  }

  ItemChange item_change() {
    ItemChange out;
    out.item.item = {key(), text(40)};
    out.removed = random_.below(4) == 0;
    out.item.available = random_.below(4) != 0;
    out.item.title = text(60);
    out.item.text = text(200);
    out.item.provider = text(10);
    for (std::uint32_t i = random_.below(4); i > 0; --i) out.item.categories.push_back(text(10));
    for (std::uint32_t i = random_.below(4); i > 0; --i) out.item.tags.push_back(text(10));
    for (std::uint32_t i = random_.below(4); i > 0; --i) {
      out.item.attributes.emplace_back(text(10), value());
    }
    if (random_.below(2) == 0) out.item.published_at = TimeMs{-age()};
    for (std::uint32_t i = random_.below(3); i > 0; --i) {
      std::vector<float> vector(random_.below(20));
      for (float& x : vector) x = random_.uniform() - .5F;
      out.item.vectors.emplace_back(text(5), std::move(vector));
    }
    return out;
  }

  Random random_;
};

// One of everything that the format can hold, in one example, one item and one mark.
std::vector<LearningRecord> golden_records() {
  Example example;
  example.user = UserKey{0x0123456789ABCDEF};
  example.item = {ItemKey{0xFEDCBA9876543210}, "item-1"};
  example.time = TimeMs{1'700'000'000'123};
  example.type = EventType::kPurchase;
  example.strength = 2.5F;
  example.context = {{"device", std::string("phone")}, {"hour", 7.0}};
  example.history_length = 23;
  example.history = {{ItemKey{1}, 90'000}, {ItemKey{2}, 60'000}, {ItemKey{1}, 0}};
  example.older_history = {ItemKey{9}, ItemKey{8}};
  example.own_items = {{ItemKey{1}, 1, 0, 2},          // where the history says, at its age
                       {ItemKey{2}, 2, 61'000, 1},     // another age than the history's
                       {ItemKey{8}, 9, 1'000'000, 4},  // among the older
                       {ItemKey{77}, 0, 9'000'000'000, 300}};
  example.seen_filter = std::string("\x01\x80\x00\x7F", 4);
  Example refused;
  refused.type = EventType::kDislike;
  refused.positive = false;
  refused.count_only = true;
  ItemChange change;
  change.item.item = {ItemKey{5}, "item-5"};
  change.item.title = "A title";
  change.item.text = "Words.";
  change.item.provider = "seller";
  change.item.categories = {"a", "b"};
  change.item.tags = {"t"};
  change.item.attributes = {{"price", 9.5}, {"colour", std::string("blue")}};
  change.item.published_at = TimeMs{1'600'000'000'000};
  change.item.vectors = {{"text", {0.5F, -1.0F}}};
  ItemChange removal;
  removal.item.item = {ItemKey{6}, "item-6"};
  removal.item.available = false;
  removal.removed = true;
  // One by one: GCC 12 takes a braced list of these for uninitialized.
  std::vector<LearningRecord> records(5);
  records[0].source = {"events", 3, 42, 1};
  records[0].body = example;
  records[1].source = {"events", 0, 0, 0};
  records[1].body = refused;
  records[2].source = {"items", 1, 1LL << 40, 0};
  records[2].body = change;
  records[3].source = {"items", 2, 7, 65'535};
  records[3].body = removal;
  records[4].body = Mark{"host-1", 0x1122334455667788, 999, 0xAABBCCDDEEFF0011, 12};
  return records;
}

std::string golden_path() {
  return FOVEA_SOURCE_DIR "/tests/scorer/golden/learning_record_v1.bin";
}

// The golden file: each record behind its length, 4 bytes, little-endian.
std::string framed(const std::vector<LearningRecord>& records) {
  ByteWriter out;
  for (const LearningRecord& record : records) {
    const std::string bytes = encode_learning_record(record);
    out.fixed(static_cast<std::uint32_t>(bytes.size()));
    for (const char c : bytes) out.fixed(c);
  }
  return out.take();
}

TEST(LearningRecordCodec, TheGoldenFileFixesVersionOneBothWays) {
  std::ifstream file(golden_path(), std::ios::binary);
  const std::string golden{std::istreambuf_iterator<char>(file), {}};

  EXPECT_EQ(framed(golden_records()), golden);
  std::size_t at = 0;
  for (const LearningRecord& record : golden_records()) {
    std::uint32_t size = 0;
    ASSERT_LE(at + sizeof size, golden.size());
    std::memcpy(&size, golden.data() + at, sizeof size);
    const auto decoded =
        decode_learning_record(std::string_view(golden).substr(at + sizeof size, size));
    ASSERT_TRUE(decoded) << decoded.error().message;
    EXPECT_EQ(*decoded, record);
    at += sizeof size + size;
  }
  EXPECT_EQ(at, golden.size());
}

TEST(LearningRecordCodec, DecodesWhatItEncoded) {
  RandomRecords records(1);
  for (int round = 0; round < 5000; ++round) {
    const LearningRecord record = records.next();
    const auto decoded = decode_learning_record(encode_learning_record(record));
    ASSERT_TRUE(decoded) << decoded.error().message;
    ASSERT_EQ(*decoded, record) << "round " << round;
  }
}

TEST(LearningRecordCodec, RejectsEveryTruncationOfAValidRecord) {
  RandomRecords records(2);
  std::vector<LearningRecord> some = golden_records();
  for (int round = 0; round < 100; ++round) some.push_back(records.next());
  for (const LearningRecord& record : some) {
    const std::string bytes = encode_learning_record(record);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const auto decoded = decode_learning_record(std::string_view(bytes).substr(0, size));
      ASSERT_FALSE(decoded) << size << " of " << bytes.size();
      EXPECT_EQ(decoded.error().disposition, Disposition::kSkip);
    }
    EXPECT_FALSE(decode_learning_record(bytes + '\0'));
  }
}

TEST(LearningRecordCodec, AnyBytesGiveARecordOrAnError) {
  RandomRecords records(3);
  Random random(3, 1);
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = encode_learning_record(records.next());
    for (std::uint32_t flips = 1 + random.below(4); flips > 0; --flips) {
      char& byte = bytes[random.below(static_cast<std::uint32_t>(bytes.size()))];
      byte = static_cast<char>(byte ^ (1 << random.below(8)));
    }
    const auto decoded = decode_learning_record(bytes);
    if (!decoded) continue;
    // What is taken is fit to be learned from.
    if (const auto* example = std::get_if<Example>(&decoded->body)) {
      for (const auto& entry : example->history) ASSERT_GE(entry.age_ms, 0);
      for (const auto& own : example->own_items) {
        ASSERT_GE(own.age_ms, 0);
        ASSERT_LE(own.lag_class, 10);
      }
    }
  }
}

TEST(LearningRecordCodec, RefusesAnotherVersionAndAnUnknownKindByNumber) {
  std::string bytes = encode_learning_record(golden_records()[0]);
  bytes[0] = 9;
  EXPECT_NE(decode_learning_record(bytes).error().message.find("version 9"), std::string::npos);
  EXPECT_EQ(decode_learning_record(bytes).error().disposition, Disposition::kStop);
  // Nothing of ours, ever: whoever wrote it, everybody passes it over.
  for (const std::string strayed : {"{\"user\":1}", "\xFF", "\x01", ""}) {
    EXPECT_EQ(decode_learning_record(strayed).error().disposition, Disposition::kSkip) << strayed;
  }
  bytes[0] = 1;
  bytes[1] = 77;
  EXPECT_NE(decode_learning_record(bytes).error().message.find("kind 77"), std::string::npos);
  EXPECT_FALSE(decode_learning_record(""));
}

TEST(LearningRecordCodec, RefusesASecondSpellingOfANumber) {
  LearningRecord record;
  record.body = Mark{"host", 1, 2, 3, 0};
  const std::string bytes = encode_learning_record(record);
  const std::string before(bytes.begin(), bytes.end() - 1);  // the lag is last: a single zero
  ASSERT_TRUE(decode_learning_record(bytes).has_value());

  EXPECT_FALSE(decode_learning_record(before + std::string("\x80\x00", 2)).has_value());
  EXPECT_FALSE(decode_learning_record(before + std::string("\x80\x80\x00", 3)).has_value());
  const std::string nine(9, '\xFF');
  EXPECT_TRUE(decode_learning_record(before + nine + '\x01').has_value());
  EXPECT_FALSE(decode_learning_record(before + nine + '\x03').has_value());
}

TEST(LearningRecordCodec, RefusesNumbersThatAreNotFinite) {
  LearningRecord record = golden_records()[0];
  std::get<Example>(record.body).strength = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(decode_learning_record(encode_learning_record(record)));
  record = golden_records()[0];
  std::get<Example>(record.body).context[1].value = std::numeric_limits<double>::infinity();
  EXPECT_FALSE(decode_learning_record(encode_learning_record(record)));
  record = golden_records()[2];
  std::get<ItemChange>(record.body).item.vectors[0].second[0] = INFINITY;
  EXPECT_FALSE(decode_learning_record(encode_learning_record(record)));
}

TEST(LearningRecordCodec, RefusesNegativeAges) {
  LearningRecord record = golden_records()[0];
  std::get<Example>(record.body).history[1].age_ms = -1;
  EXPECT_FALSE(decode_learning_record(encode_learning_record(record)));
  record = golden_records()[0];
  std::get<Example>(record.body).own_items[3].age_ms = -1;
  EXPECT_FALSE(decode_learning_record(encode_learning_record(record)));
}

TEST(LearningRecordCodec, RefusesAgesThatOverflow) {
  LearningRecord record;
  Example example;
  example.history = {{ItemKey{1}, 0}};
  record.body = example;
  std::string bytes = encode_learning_record(record);
  ASSERT_TRUE(decode_learning_record(bytes));
  // The last four bytes: the age, no older history, no own items, no filter.
  ASSERT_EQ(bytes.substr(bytes.size() - 4), std::string(4, '\0'));
  bytes.replace(bytes.size() - 4, 1, std::string(9, '\xFF') + '\x01');  // 0 minus -2^63
  EXPECT_FALSE(decode_learning_record(bytes));
}

// A user with a history of `length`, one item in three had before, an event a quarter of an hour.
std::size_t bytes_with_history(std::uint64_t length) {
  ModelSettings settings = small_settings();
  settings.history_max = 50;
  SmallStream stream(settings);
  Behaviour behaviour;
  Random random(1, length);
  Event event;
  event.type = EventType::kClick;
  event.context = {{"device", std::string("phone")}};
  for (std::uint64_t k = 0; k < length; ++k) {
    const bool again = k > 3 && random.below(3) == 0;
    event.item = small_item(again ? random.below(static_cast<std::uint32_t>(k)) : k + 100);
    event.event_time = TimeMs{1'700'000'000'000 + static_cast<std::int64_t>(k) * 900'000};
    stream.apply(behaviour, event);
  }
  event.item = {small_key(5), "an-id-of-twenty-four-byte"};
  LearningRecord record;
  record.source = {"shop.events", 3, 1'234'567, 0};
  record.body = make_example(settings, behaviour, event, UserKey{random.next()});
  return encode_learning_record(record).size();
}

TEST(LearningRecordCodec, AnExampleIsSmall) {
  for (const std::uint64_t length : {0U, 1U, 5U, 12U, 20U, 35U, 50U, 100U}) {
    std::cout << "history of " << length << ": " << bytes_with_history(length) << " bytes\n";
  }
  EXPECT_LT(bytes_with_history(1), 150U);
  EXPECT_LT(bytes_with_history(20), 500U);
  EXPECT_LT(bytes_with_history(50), 2048U);
  EXPECT_LT(bytes_with_history(100), 2048U);
}

}  // namespace
}  // namespace fovea::scorer
