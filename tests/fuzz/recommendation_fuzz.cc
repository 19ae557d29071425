// Any bytes as a recommendation. What is accepted is written again in full, and from then on
// reading and writing change nothing: rounding settles in one step.

#include <algorithm>
#include <set>
#include <string>

#include "ingest/recommendation_codec.h"
#include "tests/fuzz/target.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

// encode_recommendation() asks for different names of an item's features.
bool names_differ(const RecommendedItem& item) {
  if (!item.why) return true;
  std::set<std::string> names;
  for (const FeatureContribution& part : item.why->features) names.insert(part.feature);
  return names.size() == item.why->features.size();
}

void check(const Recommendation& recommendation, ingest::RecommendationDetail detail) {
  const std::string once = ingest::encode_recommendation(recommendation, detail);
  const auto again = ingest::decode_recommendation(once);
  FOVEA_ASSERT(again.has_value());
  FOVEA_ASSERT(again->id == recommendation.id && again->user == recommendation.user);
  FOVEA_ASSERT(again->items.size() == recommendation.items.size());
  for (std::size_t i = 0; i < again->items.size(); ++i) {
    FOVEA_ASSERT(again->items[i].item == recommendation.items[i].item);
    FOVEA_ASSERT(again->items[i].rank == recommendation.items[i].rank);
  }
  if (detail == ingest::RecommendationDetail::kFull) {
    FOVEA_ASSERT(ingest::encode_recommendation(*again, detail) == once);
  }
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const auto decoded = ingest::decode_recommendation(fuzz::text_of(data, size));
  if (!decoded) {
    FOVEA_ASSERT(decoded.error().disposition == Disposition::kSkip);
    FOVEA_ASSERT(!decoded.error().reason.empty());
    return 0;
  }
  if (!std::all_of(decoded->items.begin(), decoded->items.end(), fuzz::names_differ)) return 0;
  fuzz::check(*decoded, ingest::RecommendationDetail::kFull);
  fuzz::check(*decoded, ingest::RecommendationDetail::kBrief);
  return 0;
}
