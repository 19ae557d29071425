#include "scorer/explain.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <string>
#include <utility>

namespace fovea::scorer {
namespace {

double dot(const float* a, const float* b, std::size_t n) {
  double sum = 0.0;
  for (std::size_t d = 0; d < n; ++d) sum += static_cast<double>(a[d]) * static_cast<double>(b[d]);
  return sum;
}

// What a sparse log feature adds to a score: its level where nothing is known, and the rest.
struct SplitFeature {
  double level;
  double rest;
};

SplitFeature split(const Model& model, double slope, Feature feature, float x, float floor) {
  const auto at = [&](float value) {
    return slope * static_cast<double>(value) +
           static_cast<double>(whole_curve(model, feature, value));
  };
  return {at(floor), at(x) - at(floor)};
}

// What the k-th newest entry adds to each column of the sparse memories.
struct EntryParts {
  using Shares = std::array<double, kFollowsDepth>;
  Shares follows{}, precedes{}, pairs{}, neighbours{}, content{};

  // Null for a feature that no entry has a part in.
  [[nodiscard]] const Shares* of(Feature feature) const {
    switch (feature) {
      case Feature::kBackedOff:
      case Feature::kFollows:
        return &follows;
      case Feature::kPrecedes:
        return &precedes;
      case Feature::kPairs:
        return &pairs;
      case Feature::kNeighbours:
        return &neighbours;
      case Feature::kContent:
      case Feature::kContentOfNew:
        return &content;
      default:
        return nullptr;
    }
  }
};

EntryParts entry_parts(const Model& model, const Moment& moment, Slot slot) {
  const Query& query = moment.query;
  const SparseLine& sparse = moment.columns.find(slot);
  EntryParts out;
  for (std::size_t k = 0; k < moment.transition.depth; ++k) {
    out.follows[k] =
        static_cast<double>(model.transitions.follows(query, moment.transition, k, slot));
    out.precedes[k] =
        static_cast<double>(model.transitions.precedes(query, moment.transition, k, slot));
  }
  if (sparse.pairs > 0.0F) {
    // A pair is the newest entry's and its partner's, half and half.
    for (std::size_t k = 0; k < kPairDepth; ++k) {
      const double half = 0.5 * static_cast<double>(model.pairs.part(query, k, slot));
      out.pairs[0] += half;
      out.pairs[k + 1] += half;
    }
  }
  if (sparse.neighbours > 0.0F) {
    const auto parts = model.neighbours.parts(moment.neighbourhood, slot);
    std::copy(parts.begin(), parts.end(), out.neighbours.begin());
  }
  if (sparse.content > 0.0F) {
    const auto parts = model.content.parts(query, slot);
    std::copy(parts.begin(), parts.end(), out.content.begin());
  }
  return out;
}

}  // namespace

Explanation explain(const Model& model, const Moment& moment, Slot slot, const ItemCounts& counts) {
  const Query& query = moment.query;
  const Attended& attended = moment.attended;
  const std::size_t n = query.history.size();
  const std::size_t stride = model.items.stride();
  const float* out = model.items.out(slot);
  const SparseLine& sparse = moment.columns.find(slot);
  const QueryOwnItem* own = sparse.own == 0 ? nullptr : &query.own_items[sparse.own - 1];
  const bool attends = model.settings.parts.attention;
  const double scale = attends ? static_cast<double>(whole_gate(model, moment, own)) : 0.0;
  const FeatureValues slope = whole_slopes(moment);
  const FeatureValues x =
      feature_values(model.popularity, counts, sparse, query.now_s, moment.backoff);
  const FeatureValues nothing_known =
      feature_values(model.popularity, counts, SparseLine{}, query.now_s, moment.backoff);

  Explanation why;
  why.bias = static_cast<double>(model.items.bias(slot));

  why.history.resize(n);
  for (std::size_t k = 0; k < n; ++k) {
    const QueryEntry& entry = query.history[k];
    HistoryContribution& part = why.history[k];
    part.item = entry.key;
    if (entry.slot != kNoSlot) part.item_id = model.catalogue.info(entry.slot).id;
    part.type = entry.type;
    part.age_ms = entry.age_ms;
    part.attention = attends ? attended.alpha[k] : 0.0F;
    part.contribution =
        scale * static_cast<double>(attended.alpha[k]) * dot(attended.entries[k], out, stride);
  }

  const auto add_feature = [&](std::string name, double contribution) {
    why.features.push_back({std::move(name), contribution});
  };
  if (n > 0 && scale != 0.0) {
    why.user = scale * dot(attended.lasting.data(), out, stride);
    add_feature("time_since_last",
                scale * dot(model.attention.gap_vector(moment.buckets.gap), out, stride));
    add_feature("history_length",
                scale * dot(model.attention.length_vector(moment.buckets.length), out, stride));
    for (const std::uint32_t row : query.context_rows) {
      add_feature("context:" + model.settings.context_fields[row / kContextRows],
                  scale * dot(model.attention.context_vector(row), out, stride));
    }
  }

  if (own != nullptr) {
    const RepeatParts repeat =
        model.repeat.parts(*own, moment.repeat, counts.count, x, model.linear);
    add_feature("had_before", static_cast<double>(repeat.tables) +
                                  static_cast<double>(model.head.had_before(own, moment.repeat)));
    add_feature("repeat_rate", static_cast<double>(repeat.rate));
    add_feature("had_before_features", static_cast<double>(repeat.features));
    add_feature("had_before_recency", static_cast<double>(repeat.recency));
    add_feature("had_before_count", static_cast<double>(repeat.count));
  }

  const EntryParts parts = entry_parts(model, moment, slot);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    const auto feature = static_cast<Feature>(f);
    if (!model.linear.uses(feature)) continue;
    const std::string name(kFeatures[f].name);
    const auto* shares = parts.of(feature);
    if (shares == nullptr) {
      add_feature(name, static_cast<double>(slope[f]) * static_cast<double>(x[f]));
      continue;
    }
    const auto [level, rest] =
        split(model, static_cast<double>(slope[f]), feature, x[f], nothing_known[f]);
    const double sum = std::accumulate(shares->begin(), shares->end(), 0.0);
    add_feature(name, sum > 0.0 ? level : level + rest);
    for (std::size_t k = 0; sum > 0.0 && k < shares->size(); ++k) {
      if ((*shares)[k] != 0.0) why.history[n - 1 - k].contribution += rest * (*shares)[k] / sum;
    }
  }

  std::reverse(why.history.begin(), why.history.end());  // newest first among equals
  const auto stronger = [](const auto& a, const auto& b) {
    return std::fabs(a.contribution) > std::fabs(b.contribution);
  };
  std::stable_sort(why.history.begin(), why.history.end(), stronger);
  std::stable_sort(why.features.begin(), why.features.end(), stronger);
  return why;
}

void shorten(Explanation& explanation, std::size_t history_max, std::size_t features_max) {
  while (explanation.history.size() > history_max) {
    explanation.other_history += explanation.history.back().contribution;
    explanation.history.pop_back();
  }
  while (explanation.features.size() > features_max) {
    explanation.other_features += explanation.features.back().contribution;
    explanation.features.pop_back();
  }
}

double sum_of(const Explanation& explanation) {
  double sum =
      explanation.bias + explanation.user + explanation.other_history + explanation.other_features;
  for (const auto& part : explanation.history) sum += part.contribution;
  for (const auto& part : explanation.features) sum += part.contribution;
  return sum;
}

}  // namespace fovea::scorer
