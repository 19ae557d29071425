#pragma once

// One message holding a ranked slate, with the reason for every item of it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea {

// The exact part of a score that one history event explains.
struct HistoryContribution {
  ItemKey item{};
  std::string item_id;  // empty if the model does not know the item yet
  EventType type = EventType::kView;
  std::int64_t age_ms = 0;  // before the trigger
  float attention = 0.0F;   // softmax weight over the history
  double contribution = 0.0;
  bool operator==(const HistoryContribution&) const = default;
};

// The exact part of a score that one linear feature explains.
struct FeatureContribution {
  std::string feature;
  double contribution = 0.0;
  bool operator==(const FeatureContribution&) const = default;
};

// A score taken apart. bias + user + all contributions + the two sums = score.
struct Explanation {
  double bias = 0.0;
  double user = 0.0;                          // lasting interest
  std::vector<HistoryContribution> history;   // strongest first
  std::vector<FeatureContribution> features;  // strongest first
  double other_history = 0.0;                 // what is not listed, summed
  double other_features = 0.0;
  bool operator==(const Explanation&) const = default;
};

struct RecommendedItem {
  ItemRef item;
  std::string title;      // if the catalogue has one
  std::int32_t rank = 0;  // from 1
  double score = 0.0;
  // That it is the user's next choice, given that this is among what the slate could have shown: a
  // request's filter leaves less. 0 until somebody has chosen something.
  float probability = 0.0F;
  // Share of the slate's attention, sums to 1 over the slate. By likelihood: the order is by score,
  // which also knows where ranks are won, so that a share may be larger than the one before it.
  float attention = 0.0F;
  float propensity = 1.0F;
  std::optional<Explanation> why;  // absent where explain = "off"
  bool operator==(const RecommendedItem&) const = default;
};

struct Recommendation {
  std::string id;  // hash of topology and trigger
  UserId user;
  SourceCoordinates trigger;
  std::uint32_t covers = 1;  // scorable events of the user since the trigger before
  TimeMs event_time{};
  TimeMs emitted_at{};
  std::string topology;
  ModelStamp model;
  std::string policy = "greedy";
  std::string request_id;
  std::vector<RecommendedItem> items;
  bool operator==(const Recommendation&) const = default;
};

}  // namespace fovea
