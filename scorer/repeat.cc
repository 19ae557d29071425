#include "scorer/repeat.h"

#include <algorithm>

namespace fovea::scorer {
namespace {

constexpr float kTableRate = 0.05F;
constexpr float kMeanRate = 0.0005F;
constexpr std::uint32_t kCountMax = 30;

// What d_f is: an own item that no memory knows adds nothing.
float origin(std::size_t f) {
  return kFeatures[f].sparse ? sparse_floor() : 0.0F;
}

float recency_of(const QueryOwnItem& own) {
  return 1.0F + log2_same_bits(1.0F + static_cast<float>(own.age_ms) / 1000.0F);
}

float count_of(const QueryOwnItem& own) {
  return static_cast<float>(std::min(own.count, kCountMax));
}

}  // namespace

RepeatBuckets repeat_buckets(const Query& query, const MomentBuckets& buckets) {
  RepeatBuckets out;
  out.length = buckets.length;
  out.gap = buckets.gap / 2;
  const std::size_t n = query.history.size();
  if (n >= 2 && query.newest(0).key == query.newest(1).key) {
    out.pair = 1;
  } else if (n >= 3 && query.newest(0).key == query.newest(2).key) {
    out.pair = 2;
  }
  const auto distinct = static_cast<std::uint32_t>(
      std::count_if(query.own_items.begin(), query.own_items.end(),
                    [](const QueryOwnItem& own) { return own.lag_class != 0; }));
  if (query.history_length > distinct) {
    out.share =
        std::min<std::size_t>(7, 8 * (query.history_length - distinct) / query.history_length);
  }
  return out;
}

// ---- curves on unit steps from 0 ----

float Repeat::Curve::at(float x) const {
  const float t = std::min(x, static_cast<float>(kKnots) - 1.01F);
  const auto knot = static_cast<std::size_t>(t);
  const float fraction = t - static_cast<float>(knot);
  return knots[knot].value * (1.0F - fraction) + knots[knot + 1].value * fraction;
}

void Repeat::Curve::gather(float x, float gradient) {
  const float t = std::min(x, static_cast<float>(kKnots) - 1.01F);
  const auto knot = static_cast<std::size_t>(t);
  const float fraction = t - static_cast<float>(knot);
  gathered[knot] += gradient * (1.0F - fraction);
  gathered[knot + 1] += gradient * fraction;
}

void Repeat::Curve::step(float rate) {
  for (std::size_t knot = 0; knot < kKnots; ++knot) {
    if (gathered[knot] != 0.0F) knots[knot].step(rate, gathered[knot]);
  }
  gathered = {};
}

// ---- the model ----

void Repeat::observe(Slot slot, bool had_before) {
  if (had_before) {
    repeats_[slot] += 1.0F;
    changes_.mark(slot);
  }
  mean_ += kMeanRate * ((had_before ? 1.0F : 0.0F) - mean_);
}

float Repeat::rate_feature(Slot slot, std::uint32_t item_choices) const {
  return log2_same_bits((repeats_[slot] + 2.0F * mean_) /
                        ((static_cast<float>(item_choices) + 2.0F) * mean_));
}

RepeatParts Repeat::parts(const QueryOwnItem& own, const RepeatBuckets& buckets,
                          std::uint32_t item_choices, const FeatureValues& x,
                          const Linear& linear) const {
  RepeatParts out;
  out.recency = recency_.at(recency_of(own));
  out.count = count_.at(count_of(own));
  if (own.lag_class == 0) return out;
  out.tables = tables_.sum(own, buckets);
  out.rate = rate_[own.lag_class].value * rate_feature(own.slot, item_choices);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!linear.uses(static_cast<Feature>(f))) continue;
    out.features = fma_same_bits(features_[f].value, x[f] - origin(f), out.features);
  }
  return out;
}

void Repeat::gather(const QueryOwnItem& own, const RepeatBuckets& buckets,
                    std::uint32_t item_choices, const FeatureValues& x, float gradient,
                    float match_gradient) {
  recency_.gather(recency_of(own), gradient);
  count_.gather(count_of(own), gradient);
  if (own.lag_class == 0) return;
  tables_.step(own, buckets, kTableRate, gradient, match_gradient);
  rate_[own.lag_class].step(kTableRate, gradient * rate_feature(own.slot, item_choices));
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    features_gathered_[f] = fma_same_bits(gradient, x[f] - origin(f), features_gathered_[f]);
  }
}

void Repeat::step(const Linear& linear) {
  recency_.step(kTableRate);
  count_.step(kTableRate);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (linear.uses(static_cast<Feature>(f)) && features_gathered_[f] != 0.0F) {
      features_[f].step(kTableRate, features_gathered_[f]);
    }
  }
  features_gathered_ = {};
}

void Repeat::copy_changed(Repeat& view, std::size_t view_index) {
  view.tables_ = tables_;
  view.rate_ = rate_;
  view.features_ = features_;
  view.recency_ = recency_;
  view.count_ = count_;
  view.mean_ = mean_;
  view.repeats_.resize(repeats_.size());
  changes_.drain(view_index, [&](Slot slot) { view.repeats_[slot] = repeats_[slot]; });
}

void Repeat::save(ByteWriter& out) const {
  out.fixed(tables_);
  out.fixed(rate_);
  out.fixed(features_);
  out.fixed(recency_);
  out.fixed(count_);
  out.fixed(mean_);
  out.array(repeats_);
}

void Repeat::load(ByteReader& in, std::size_t item_count) {
  tables_ = in.fixed<decltype(tables_)>();
  rate_ = in.fixed<decltype(rate_)>();
  features_ = in.fixed<decltype(features_)>();
  recency_ = in.fixed<Curve>();
  count_ = in.fixed<Curve>();
  mean_ = in.fixed<float>();
  in.array(repeats_);
  if (repeats_.size() != item_count) {
    in.fail();
    return;
  }
  changes_.mark_all(item_count);
}

}  // namespace fovea::scorer
