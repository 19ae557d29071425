#include "scorer/explain.h"

#include <algorithm>
#include <cmath>
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

SplitFeature split(const Model& model, const Moment& moment, Feature feature, float x,
                   float floor) {
  const double slope = static_cast<double>(moment.slope[index(feature)]);
  const double level =
      slope * static_cast<double>(floor) + static_cast<double>(model.linear.curve(feature, floor));
  const double whole =
      slope * static_cast<double>(x) + static_cast<double>(model.linear.curve(feature, x));
  return {level, whole - level};
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
  const float gate = own == nullptr ? 1.0F : model.repeat.gate(*own);
  const double scale = static_cast<double>(attended.scale) * static_cast<double>(gate);
  const FeatureValues x =
      feature_values(model.popularity, counts, sparse, query.now_s, moment.backoff);

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
    part.attention = attended.scale == 0.0F ? 0.0F : attended.alpha[k];
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
    add_feature("had_before", static_cast<double>(repeat.tables));
    add_feature("repeat_rate", static_cast<double>(repeat.rate));
    add_feature("had_before_features", static_cast<double>(repeat.features));
    add_feature("had_before_recency", static_cast<double>(repeat.recency));
    add_feature("had_before_count", static_cast<double>(repeat.count));
  }

  // The k-th newest entry's part of tw and of rv; sums that the shares are shares of.
  const std::size_t depth = moment.transition.depth;
  std::array<double, kFollowsDepth> follows{};
  std::array<double, kFollowsDepth> precedes{};
  double follows_sum = 0.0;
  double precedes_sum = 0.0;
  for (std::size_t k = 0; k < depth; ++k) {
    follows[k] = static_cast<double>(model.transitions.follows(query, moment.transition, k, slot));
    precedes[k] =
        static_cast<double>(model.transitions.precedes(query, moment.transition, k, slot));
    follows_sum += follows[k];
    precedes_sum += precedes[k];
  }
  const auto share_out = [&](double rest, const std::array<double, kFollowsDepth>& parts,
                             double sum) {
    for (std::size_t k = 0; k < depth; ++k) {
      if (parts[k] != 0.0) why.history[n - 1 - k].contribution += rest * parts[k] / sum;
    }
  };

  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    const auto feature = static_cast<Feature>(f);
    if (!model.linear.uses(feature)) continue;
    const std::string name(kFeatures[f].name);
    float floor = sparse_floor();
    double sum = follows_sum;
    const auto* parts = &follows;
    if (feature == Feature::kBackedOff) {
      SparseLine nothing;
      floor = feature_values(model.popularity, counts, nothing, query.now_s, moment.backoff)[f];
    } else if (feature == Feature::kPrecedes) {
      parts = &precedes;
      sum = precedes_sum;
    } else if (feature != Feature::kFollows) {
      add_feature(name, static_cast<double>(moment.slope[f]) * static_cast<double>(x[f]));
      continue;
    }
    const auto [level, rest] = split(model, moment, feature, x[f], floor);
    add_feature(name, sum > 0.0 ? level : level + rest);
    if (sum > 0.0) share_out(rest, *parts, sum);
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
