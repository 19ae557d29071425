// The message consumers read: round trip, sums, size, escapes. The slate has ids, titles and
// numbers as the film data have them.

#include "ingest/recommendation_codec.h"

#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "ingest/keys.h"

namespace fovea::ingest {
namespace {

using nlohmann::json;

constexpr std::array<std::string_view, 5> kFeatures = {"popularity", "transitions", "recency",
                                                       "popularity_short", "count"};

Explanation explanation_of(std::size_t item) {
  Explanation why;
  const auto wave = [&](std::size_t part) {
    return std::sin(static_cast<double>(item * 31 + part * 7 + 1));
  };
  why.bias = 0.3 * wave(0);
  why.user = 0.05 * wave(1);
  for (std::size_t i = 0; i < 5; ++i) {
    HistoryContribution part;
    const std::size_t event = (item + i * 5) % 12;  // twelve events matter to somebody in the slate
    part.item_id = std::to_string(1200 + event * 731);
    part.item = item_key(part.item_id);
    part.type = event % 3 == 0 ? EventType::kRate : EventType::kView;
    part.age_ms = static_cast<std::int64_t>(1'000 + event * event * 7'345'000);
    part.attention = static_cast<float>(0.4 / static_cast<double>(1 + event));
    part.contribution = wave(2 + i) / static_cast<double>(1 + i);
    why.history.push_back(part);
  }
  for (std::size_t i = 0; i < kFeatures.size(); ++i) {
    why.features.push_back(
        {std::string(kFeatures[i]), 2.0 * wave(10 + i) / static_cast<double>(1 + i)});
  }
  why.other_history = 0.02 * wave(20);
  why.other_features = 0.1 * wave(21);
  return why;
}

double sum_of(const Explanation& why) {
  double sum = why.bias + why.user + why.other_history + why.other_features;
  for (const HistoryContribution& part : why.history) sum += part.contribution;
  for (const FeatureContribution& part : why.features) sum += part.contribution;
  return sum;
}

Recommendation slate_of(std::size_t item_count, bool titles) {
  Recommendation r;
  r.id = "9c2f04d1a7b3e865";
  r.user = {"user-204817"};
  r.trigger = {"video.events", 3, 1'234'567, 0};
  r.covers = 2;
  r.event_time = TimeMs{1700000000123};
  r.emitted_at = TimeMs{1700000000131};
  r.topology = "video";
  r.model = {0x00f3c2d4e5a69788U, 1, 1'234'321};
  for (std::size_t i = 0; i < item_count; ++i) {
    RecommendedItem& item = r.items.emplace_back();
    item.item.id = std::to_string(58'559 + i * 977);
    item.item.key = item_key(item.item.id);
    if (titles) item.title = "Dark Knight, The (20" + std::to_string(10 + i) + ")";
    item.rank = static_cast<std::int32_t>(i) + 1;
    item.attention = 1.0F / static_cast<float>(item_count);
    item.probability = 0.0123F / static_cast<float>(item_count);
    item.why = explanation_of(i);
    item.score = sum_of(*item.why);
  }
  return r;
}

TEST(RecommendationCodec, ReadsBackWhatItWroteInFull) {
  Recommendation r = slate_of(3, true);
  r.trigger.ordinal = 7;
  r.request_id = "r \"1\"";
  r.items[1].title.clear();
  r.items[1].propensity = 1.25e-7F;
  r.items[2].why.reset();
  r.items[0].why->history[0].item_id.clear();  // known by its key alone
  r.items[0].why->history[0].item = ItemKey{0xfedcba9876543210U};

  const std::string bytes = encode_recommendation(r, RecommendationDetail::kFull);
  const auto back = decode_recommendation(bytes);

  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(encode_recommendation(*back, RecommendationDetail::kFull), bytes);
  EXPECT_EQ(back->id, r.id);
  EXPECT_EQ(back->user, r.user);
  EXPECT_EQ(back->trigger, r.trigger);
  EXPECT_EQ(back->covers, r.covers);
  EXPECT_EQ(back->event_time, r.event_time);
  EXPECT_EQ(back->emitted_at, r.emitted_at);
  EXPECT_EQ(back->topology, r.topology);
  EXPECT_EQ(back->model, r.model);
  EXPECT_EQ(back->policy, r.policy);
  EXPECT_EQ(back->request_id, r.request_id);
  ASSERT_EQ(back->items.size(), r.items.size());
  for (std::size_t i = 0; i < r.items.size(); ++i) {
    EXPECT_EQ(back->items[i].item, r.items[i].item);
    EXPECT_EQ(back->items[i].title, r.items[i].title);
    EXPECT_EQ(back->items[i].rank, r.items[i].rank);
    EXPECT_NEAR(back->items[i].score, r.items[i].score, 1e-5);
    EXPECT_NEAR(back->items[i].attention, r.items[i].attention, 1e-4);
    EXPECT_NEAR(back->items[i].probability, r.items[i].probability, 1e-3F * r.items[i].probability);
    EXPECT_FLOAT_EQ(back->items[i].propensity, r.items[i].propensity);
    ASSERT_EQ(back->items[i].why.has_value(), r.items[i].why.has_value());
    if (!r.items[i].why) continue;
    ASSERT_EQ(back->items[i].why->history.size(), r.items[i].why->history.size());
    for (std::size_t k = 0; k < r.items[i].why->history.size(); ++k) {
      const HistoryContribution& expected = r.items[i].why->history[k];
      const HistoryContribution& found = back->items[i].why->history[k];
      EXPECT_EQ(found.item, expected.item);
      EXPECT_EQ(found.item_id, expected.item_id);
      EXPECT_EQ(found.type, expected.type);
      EXPECT_EQ(found.age_ms, expected.age_ms / 1000 * 1000);
      EXPECT_NEAR(found.attention, expected.attention, 1e-4);
      EXPECT_NEAR(found.contribution, expected.contribution, 1e-5);
    }
    ASSERT_EQ(back->items[i].why->features.size(), r.items[i].why->features.size());
    for (std::size_t k = 0; k < r.items[i].why->features.size(); ++k) {
      EXPECT_EQ(back->items[i].why->features[k].feature, r.items[i].why->features[k].feature);
    }
  }
}

TEST(RecommendationCodec, ABriefSlateOfTwentyStaysWithinSixKilobytes) {
  for (const bool titles : {false, true}) {
    const Recommendation r = slate_of(20, titles);
    const std::string bytes = encode_recommendation(r);
    const auto back = decode_recommendation(bytes);
    ASSERT_TRUE(back.has_value());
    std::size_t parts = 0;
    for (const RecommendedItem& item : back->items) {
      EXPECT_GE(item.why->history.size(), 1U) << item.rank;
      // With titles the last of twenty items may have room for one part only.
      EXPECT_GE(item.why->features.size(), titles && item.rank > 15 ? 0U : 1U) << item.rank;
      parts += item.why->history.size() + item.why->features.size();
    }

    EXPECT_LE(bytes.size(), kBriefBytesMax);
    EXPECT_GT(bytes.size(), kBriefBytesMax - 64) << "room is left for another part";
    std::printf("titles %d: %zu bytes, %zu parts listed; in full %zu bytes\n", titles ? 1 : 0,
                bytes.size(), parts, encode_recommendation(r, RecommendationDetail::kFull).size());
  }
}

TEST(RecommendationCodec, ALongBriefSlateHasNoProbabilities) {
  for (const std::size_t size : {10U, 11U}) {
    const Recommendation r = slate_of(size, false);
    const auto brief = decode_recommendation(encode_recommendation(r));
    const auto full = decode_recommendation(encode_recommendation(r, RecommendationDetail::kFull));
    ASSERT_TRUE(brief.has_value() && full.has_value());
    EXPECT_EQ(brief->items[0].probability > 0.0F, size == 10);
    EXPECT_GT(full->items[0].probability, 0.0F);
  }
}

TEST(RecommendationCodec, ABriefSlateOfTenListsEveryPart) {
  const auto back = decode_recommendation(encode_recommendation(slate_of(10, true)));
  ASSERT_TRUE(back.has_value());
  for (const RecommendedItem& item : back->items) {
    EXPECT_EQ(item.why->history.size(), 5U);
    EXPECT_EQ(item.why->features.size(), 5U);
  }
}

TEST(RecommendationCodec, EventsThatLookAlikeKeepTheirOwnParts) {
  Recommendation r = slate_of(2, false);
  for (RecommendedItem& item : r.items) {
    HistoryContribution twin = item.why->history[0];
    twin.contribution = 0.25;
    item.why->history.push_back(twin);
  }

  const auto back = decode_recommendation(encode_recommendation(r, RecommendationDetail::kFull));

  ASSERT_TRUE(back.has_value());
  for (std::size_t i = 0; i < 2; ++i) {
    ASSERT_EQ(back->items[i].why->history.size(), 6U);
    EXPECT_EQ(back->items[i].why->history[5].item, r.items[i].why->history[0].item);
    EXPECT_EQ(back->items[i].why->history[5].contribution, 0.25);
    EXPECT_NEAR(back->items[i].why->history[0].contribution,
                r.items[i].why->history[0].contribution, 1e-5);
  }
  const json message = json::parse(encode_recommendation(r, RecommendationDetail::kFull));
  EXPECT_EQ(message["items"][0]["why"]["history"].size(), 6U);
}

TEST(RecommendationCodec, VeryLongIdsAreNeverCut) {
  Recommendation r = slate_of(20, true);
  for (RecommendedItem& item : r.items) item.item.id.insert(0, std::string(240, 'x'));

  const auto back = decode_recommendation(encode_recommendation(r));

  ASSERT_TRUE(back.has_value());
  EXPECT_EQ(back->items[7].item.id, r.items[7].item.id);
  EXPECT_TRUE(back->items[7].why->history.empty());
}

TEST(RecommendationCodec, PartsAddUpToTheScoreWhateverIsListed) {
  for (const auto detail : {RecommendationDetail::kBrief, RecommendationDetail::kFull}) {
    const auto back = decode_recommendation(encode_recommendation(slate_of(20, true), detail));
    ASSERT_TRUE(back.has_value());
    for (const RecommendedItem& item : back->items) {
      EXPECT_NEAR(sum_of(*item.why), item.score, 1e-4 * (1 + std::abs(item.score)));
    }
  }
}

TEST(RecommendationCodec, IsJsonWhateverTheStringsHold) {
  Recommendation r = slate_of(1, false);
  r.user.value = std::string("\0\x1f\"\\/\x7f\xE2\x82\xAC", 9);
  r.items[0].title = "broken \xE2\x82 bytes \xFF\xC0\xAF\xED\xA0\x80";
  r.items[0].why->features[0].feature = "tag=\"x\"\n";

  const json message = json::parse(encode_recommendation(r));

  EXPECT_EQ(message["user"].get<std::string>(), r.user.value);
  EXPECT_EQ(message["items"][0]["why"]["features"].contains("tag=\"x\"\n"), true);
  EXPECT_TRUE(message["items"][0]["title"].get<std::string>().starts_with("broken \xEF\xBF\xBD"));
}

TEST(RecommendationCodec, ASlateWithoutExplanationsHasNoWhyAndNoHistory) {
  Recommendation r = slate_of(2, false);
  for (RecommendedItem& item : r.items) item.why.reset();

  const json message = json::parse(encode_recommendation(r));

  EXPECT_FALSE(message.contains("history"));
  EXPECT_FALSE(message["items"][0].contains("why"));
}

TEST(RecommendationCodec, RejectsEveryTruncationAndSurvivesEveryByteChange) {
  const std::string bytes = encode_recommendation(slate_of(1, true));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    EXPECT_FALSE(decode_recommendation(bytes.substr(0, length)).has_value());
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    for (const char byte : {'\0', '"', '{', '0', '9', '-', 'x', '\xFF'}) {
      std::string changed = bytes;
      changed[i] = byte;
      const auto back = decode_recommendation(changed);
      if (!back) {
        EXPECT_FALSE(back.error().reason.empty());
      }
    }
  }
}

TEST(RecommendationCodec, NamesTheFieldAtFault) {
  json message = json::parse(encode_recommendation(slate_of(1, true)));
  const auto message_without = [&](const json::json_pointer& at) {
    json changed = message;
    changed[at.parent_pointer()].erase(at.back());
    return decode_recommendation(changed.dump()).error().message;
  };
  EXPECT_EQ(message_without(json::json_pointer("/user")), "user is missing or of another kind");
  EXPECT_EQ(message_without(json::json_pointer("/model/id")),
            "model.id is missing or of another kind");
  EXPECT_EQ(message_without(json::json_pointer("/items/0/why/bias")),
            "items.why.bias is missing or of another kind");
  message["v"] = 2;
  EXPECT_EQ(decode_recommendation(message.dump()).error().reason, "bad_recommendation");
}

TEST(RecommendationCodec, WritesZeroWithoutASign) {
  Recommendation slate = slate_of(1, true);
  slate.items[0].propensity = -0.0F;

  const std::string bytes = encode_recommendation(slate, RecommendationDetail::kFull);

  EXPECT_NE(bytes.find("\"propensity\":0,"), std::string::npos) << bytes;
  EXPECT_EQ(encode_recommendation(*decode_recommendation(bytes), RecommendationDetail::kFull),
            bytes);
}

TEST(RecommendationCodec, RefusesAShareBeyondWhatAFloatHolds) {
  json message = json::parse(encode_recommendation(slate_of(1, true)));
  message["items"][0]["attention"] = 1e39;

  const auto decoded = decode_recommendation(message.dump());

  ASSERT_FALSE(decoded.has_value());
  EXPECT_EQ(decoded.error().message, "items.attention is missing or of another kind");
}

}  // namespace
}  // namespace fovea::ingest
