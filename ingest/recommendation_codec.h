#pragma once

// A recommendation as the JSON that consumers read ("v": 1; fields are only ever added).
//
// One softmax over the user's history serves all candidates, so the history events that the
// explanations name stand once in the message, with their attention, and each item's `why.history`
// gives its contributions by their index:
//
//   {"v":1, "id":"...", "user":"u1", "topology":"video",
//    "trigger":{"topic":"video.events","partition":0,"offset":17}, "covers":1,
//    "event_time":1700000000000, "emitted_at":1700000000012,
//    "model":{"id":"00f3...","lineage":1,"position":8123}, "policy":"greedy",
//    "history":[{"item":"318","type":"rate","age_s":3600,"attention":0.62}],
//    "items":[{"rank":1,"id":"296","title":"Pulp Fiction","score":4.81,"probability":0.043,
//              "attention":0.21,"propensity":1,
//              "why":{"bias":0.31,"user":0.02,"history":{"0":1.93},"features":{"popularity":2.1},
//                     "other_history":0.2,"other_features":0.25}}]}
//
// `probability` is left out of a brief slate of more than kBriefProbabilities items.
//
// Law       bias + user + all of history + all of features + other_history + other_features = score
//           within 1e-4 * (1 + |score|). What is not listed is in the two sums.
// Numerics  Scores and contributions are rounded to 5 decimals, shares and probabilities to 4 and
//           propensities to 6 significant digits; times are integer milliseconds, ages whole
//           seconds.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "vocab/recommendation.h"
#include "vocab/result.h"

namespace fovea::ingest {

enum class RecommendationDetail : std::uint8_t {
  kBrief,  // as many of the strongest parts as fit 6 KiB (for up to 20 items, then in proportion)
  kFull,   // every part the explanation lists
};

inline constexpr std::size_t kBriefBytesMax = 6 * 1024;
inline constexpr std::size_t kBriefItems = 20;
// Up to so many items have their probabilities in brief: of more, the reasons need the room.
inline constexpr std::size_t kBriefProbabilities = 10;

// One line without a newline. In brief, parts that do not fit move into the two sums; ids and
// titles are never cut, so a slate of very long ones is longer than 6 KiB and lists no parts.
// Requires: numbers are finite; the features of an item have different names.
[[nodiscard]] std::string encode_recommendation(
    const Recommendation& recommendation,
    RecommendationDetail detail = RecommendationDetail::kBrief);

// Reads back what encode_recommendation() wrote, up to its rounding. Unknown fields are passed
// over. Errors: kSkip: bad_recommendation, naming the field, or what the parser says (not_json,
// ...).
[[nodiscard]] Result<Recommendation> decode_recommendation(std::string_view bytes);

}  // namespace fovea::ingest
