// Every codec gives back what it was given, for anything that its contract allows.

#include <cmath>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "ingest/keys.h"
#include "ingest/recommendation_codec.h"
#include "profile_store/profile_codec.h"
#include "scorer/learning_record_codec.h"
#include "tests/ingest/records.h"
#include "tests/support/generators.h"
#include "tests/support/property.h"

namespace fovea {
namespace {

void hash_keys(Event& event) {
  if (!event.item.id.empty()) event.item.key = ingest::item_key(event.item.id);
  for (ItemRef& item : event.items) item.key = ingest::item_key(item.id);
}

TEST(CodecLaw, AnEventComesBackAsItWas) {
  auto codec = ingest::codec_of();
  expect_holds([&codec] {
    Event event = *generate::contract_event();
    hash_keys(event);
    const std::string bytes = ingest::encode_event(event);
    const auto decoded = codec.decode(ingest::record_of(bytes));
    if (!decoded) RC_FAIL(decoded.error().message + " in " + bytes);
    RC_ASSERT(decoded->events.size() == 1U);
    Event found = decoded->events.front();
    RC_ASSERT(found.record_time == ingest::kNoRecordTime);
    found.record_time = event.record_time;
    RC_LOG() << bytes;
    RC_ASSERT(found == event);
  });
}

TEST(CodecLaw, AnItemComesBackAsItWas) {
  auto codec = ingest::ItemCodec::create({{{"image", 3}}});
  ASSERT_TRUE(codec.has_value());
  expect_holds([&codec] {
    Item item = *generate::item();
    item.item.key = ingest::item_key(item.item.id);
    const std::string bytes = ingest::encode_item(item);
    const auto decoded = codec->decode(ingest::record_of(bytes));
    if (!decoded) RC_FAIL(decoded.error().message + " in " + bytes);
    RC_LOG() << bytes;
    RC_ASSERT(!decoded->removed);
    RC_ASSERT(decoded->item == item);
  });
}

TEST(CodecLaw, AProfileComesBackAsItWas) {
  expect_holds([] {
    const Profile profile = *generate::profile();
    const auto decoded = profile_store::decode_profile(profile_store::encode_profile(profile));
    if (!decoded) RC_FAIL(decoded.error().message);
    RC_ASSERT(*decoded == profile);
  });
}

TEST(CodecLaw, ALearningRecordComesBackAsItWas) {
  expect_holds([] {
    const LearningRecord record = *generate::learning_record();
    const auto decoded = scorer::decode_learning_record(scorer::encode_learning_record(record));
    if (!decoded) RC_FAIL(decoded.error().message);
    RC_ASSERT(*decoded == record);
  });
}

void hash_keys(Recommendation& slate) {
  for (RecommendedItem& entry : slate.items) {
    entry.item.key = ingest::item_key(entry.item.id);
    if (!entry.why) continue;
    for (HistoryContribution& part : entry.why->history) {
      if (!part.item_id.empty()) part.item = ingest::item_key(part.item_id);
    }
  }
}

double sum_of(const Explanation& why) {
  double sum = why.bias + why.user + why.other_history + why.other_features;
  for (const HistoryContribution& part : why.history) sum += part.contribution;
  for (const FeatureContribution& part : why.features) sum += part.contribution;
  return sum;
}

TEST(CodecLaw, ARecommendationInFullComesBackAsItWas) {
  expect_holds([] {
    Recommendation slate = *generate::recommendation();
    hash_keys(slate);
    const std::string bytes =
        ingest::encode_recommendation(slate, ingest::RecommendationDetail::kFull);
    const auto decoded = ingest::decode_recommendation(bytes);
    if (!decoded) RC_FAIL(decoded.error().message + " in " + bytes);
    RC_LOG() << bytes;
    RC_ASSERT(*decoded == slate);
  });
}

// Its size is bounded, and what it leaves out is in the two sums.
TEST(CodecLaw, ARecommendationInBriefIsShortAndAddsUp) {
  expect_holds([] {
    Recommendation slate = *generate::recommendation();
    // Ids and titles are never cut: those of this slate are short.
    slate.user.value = "u1";
    slate.trigger.topic = slate.topology = "t";
    slate.id = slate.policy = slate.request_id = "r";
    for (std::size_t i = 0; i < slate.items.size(); ++i) {
      slate.items[i].item.id = std::to_string(i);
      slate.items[i].title.clear();
    }
    hash_keys(slate);
    const std::string bytes = ingest::encode_recommendation(slate);
    RC_ASSERT(bytes.size() <= ingest::kBriefBytesMax);
    const auto decoded = ingest::decode_recommendation(bytes);
    if (!decoded) RC_FAIL(decoded.error().message + " in " + bytes);
    RC_ASSERT(decoded->items.size() == slate.items.size());
    for (std::size_t i = 0; i < slate.items.size(); ++i) {
      const RecommendedItem& found = decoded->items[i];
      RC_ASSERT(found.item == slate.items[i].item);
      RC_ASSERT(found.score == slate.items[i].score);
      RC_ASSERT(found.why.has_value() == slate.items[i].why.has_value());
      if (found.why) RC_ASSERT(std::abs(sum_of(*found.why) - found.score) <= 1e-9);
    }
  });
}

// Truncated, or with a byte changed: refused, or read as something that comes back as it was.
TEST(CodecLaw, DamagedBytesAreRefusedOrAreSomethingElse) {
  expect_holds([] {
    std::string bytes = scorer::encode_learning_record(*generate::learning_record());
    const auto at = *rc::gen::inRange<std::size_t>(0, bytes.size());
    if (*rc::gen::arbitrary<bool>()) {
      bytes.resize(at);
    } else {
      bytes[at] = *rc::gen::arbitrary<char>();
    }
    const auto decoded = scorer::decode_learning_record(bytes);
    if (!decoded) return;
    const auto again = scorer::decode_learning_record(scorer::encode_learning_record(*decoded));
    RC_ASSERT(again.has_value());
    RC_ASSERT(*again == *decoded);
  });
}

}  // namespace
}  // namespace fovea
