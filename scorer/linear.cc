#include "scorer/linear.h"

#include <algorithm>

namespace fovea::scorer {
namespace {

// Knots from log2(eps), where nothing is known, past 0, where everything is.
const float kKnotStart = log2_same_bits(kSparseEps);
const float kKnotStep = (1.0F - kKnotStart) / 30.0F;

struct KnotPosition {
  std::size_t knot;
  float fraction;
};

KnotPosition knot_position(float x) {
  float t = (x - kKnotStart) / kKnotStep;
  t = std::clamp(t, 0.0F, static_cast<float>(kKnots) - 1.01F);
  const auto knot = static_cast<std::size_t>(t);
  return {knot, t - static_cast<float>(knot)};
}

// Most items are known to no memory.
float sparse_log(float memory) {
  return memory == 0.0F ? kKnotStart : log2_same_bits(kSparseEps + memory);
}

}  // namespace

float sparse_floor() {
  return kKnotStart;
}

FeatureValues feature_values(const Popularity& popularity, const ItemCounts& counts,
                             const SparseLine& sparse, double now_s, float backoff) {
  const float since_last = static_cast<float>(std::max(0.0, now_s - counts.last_s));
  const float since_first = static_cast<float>(std::max(0.0, now_s - counts.first_s));
  const auto decay = popularity.decay(since_last);
  const float shortest = counts.decayed[0] * decay[0];
  return {log2_same_bits(kPopularityEps + shortest),
          log2_same_bits(kPopularityEps + counts.decayed[1] * decay[1]),
          log2_same_bits(kPopularityEps + counts.decayed[2] * decay[2]),
          log2_same_bits(1.0F + since_first),
          log2_same_bits(1.0F + since_last),
          counts.log_count,
          log2_same_bits(kBackedOffEps + sparse.follows + backoff * shortest),
          sparse_log(sparse.follows),
          sparse_log(sparse.precedes),
          sparse_log(sparse.neighbours),
          sparse_log(sparse.pairs),
          sparse_log(sparse.content),
          sparse_log(sparse.content / (1.0F + static_cast<float>(counts.count)))};
}

Linear::Linear(const Parts& parts, const SlopeSettings& settings) : settings_(settings) {
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    uses_[f] = kFeatures[f].part == nullptr || parts.*kFeatures[f].part;
    if (settings.from_first_slopes) parameters_[f].base.value = kFeatures[f].first_slope;
  }
}

FeatureValues Linear::slopes(const MomentBuckets& buckets) const {
  FeatureValues out{};
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    const Slope& p = parameters_[f];
    if (uses_[f]) {
      out[f] = p.base.value + p.length[buckets.length].value + p.mass[buckets.mass].value +
               p.gap[buckets.gap / 2].value;
    }
  }
  return out;
}

float Linear::curve(Feature feature, float x) const {
  const std::size_t f = index(feature);
  if (!kFeatures[f].sparse || !uses_[f]) return 0.0F;
  const auto& knots = parameters_[f].knots;
  if (x == kKnotStart) return knots[0].value;
  const auto [knot, fraction] = knot_position(x);
  return knots[knot].value * (1.0F - fraction) + knots[knot + 1].value * fraction;
}

float Linear::curve_slope(Feature feature, float x) const {
  const std::size_t f = index(feature);
  if (!kFeatures[f].sparse || !uses_[f]) return 0.0F;
  const std::size_t knot = knot_position(x).knot;
  const auto& knots = parameters_[f].knots;
  return (knots[knot + 1].value - knots[knot].value) / kKnotStep;
}

void Linear::gather(const FeatureValues& x, float gradient) {
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    gathered_[f].slope = fma_same_bits(gradient, x[f], gathered_[f].slope);
    if (!kFeatures[f].sparse) continue;
    auto& knots = gathered_[f].knots;
    if (x[f] == kKnotStart) {
      knots[0] += gradient;
      continue;
    }
    const auto [knot, fraction] = knot_position(x[f]);
    knots[knot] += gradient * (1.0F - fraction);
    knots[knot + 1] += gradient * fraction;
  }
}

void Linear::step(const MomentBuckets& buckets) {
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!uses_[f]) continue;
    Slope& p = parameters_[f];
    const float gradient = gathered_[f].slope;
    p.base.step(settings_.rate, gradient);
    p.length[buckets.length].step(settings_.moment_rate, gradient);
    p.mass[buckets.mass].step(settings_.moment_rate, gradient);
    p.gap[buckets.gap / 2].step(settings_.moment_rate, gradient);
    if (!kFeatures[f].sparse) continue;
    for (std::size_t knot = 0; knot < kKnots; ++knot) {
      if (gathered_[f].knots[knot] != 0.0F) {
        p.knots[knot].step(settings_.rate, gathered_[f].knots[knot]);
      }
    }
  }
  gathered_ = {};
}

void Linear::save(ByteWriter& out) const {
  out.fixed(parameters_);
}

void Linear::load(ByteReader& in) {
  parameters_ = in.fixed<decltype(parameters_)>();
}

}  // namespace fovea::scorer
