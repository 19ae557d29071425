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

float between(const std::array<Scalar, kKnots>& knots, const KnotPosition& at) {
  return knots[at.knot].value * (1.0F - at.fraction) + knots[at.knot + 1].value * at.fraction;
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
  // What the logarithms are of, all taken at once.
  constexpr std::size_t kBlock = 16;
  static_assert(kFeatureCount <= kBlock);
  std::array<float, kBlock> x = {
      kPopularityEps + shortest,
      kPopularityEps + counts.decayed[1] * decay[1],
      kPopularityEps + counts.decayed[2] * decay[2],
      1.0F + since_first,
      1.0F + since_last,
      1.0F,  // the count's is known
      kBackedOffEps + sparse.follows + backoff * shortest,
      kSparseEps + sparse.follows,
      kSparseEps + sparse.precedes,
      kSparseEps + sparse.neighbours,
      kSparseEps + sparse.pairs,
      kSparseEps + sparse.content,
      kSparseEps + sparse.content / (1.0F + static_cast<float>(counts.count))};
  for (float& value : x) value = log2_same_bits(value);
  x[index(Feature::kCount)] = counts.log_count;
  FeatureValues out;
  std::copy_n(x.begin(), kFeatureCount, out.begin());
  return out;
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
  return between(knots, knot_position(x));
}

float Linear::curve_slope(Feature feature, float x) const {
  const std::size_t f = index(feature);
  if (!kFeatures[f].sparse || !uses_[f]) return 0.0F;
  const std::size_t knot = knot_position(x).knot;
  const auto& knots = parameters_[f].knots;
  return (knots[knot + 1].value - knots[knot].value) / kKnotStep;
}

void Linear::add(const FeatureValues& x, Term a, Term b) {
  float of_a = a.sum;
  float of_b = b.sum;
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    of_a = fma_same_bits(a.slope[f], x[f], of_a);
    of_b = fma_same_bits(b.slope[f], x[f], of_b);
    if (!kFeatures[f].sparse || !a.linear.uses_[f]) continue;
    const auto& curve_a = a.linear.parameters_[f].knots;
    const auto& curve_b = b.linear.parameters_[f].knots;
    if (x[f] == kKnotStart) {
      of_a += curve_a[0].value;
      of_b += curve_b[0].value;
    } else {
      const KnotPosition at = knot_position(x[f]);
      of_a += between(curve_a, at);
      of_b += between(curve_b, at);
    }
  }
  a.sum = of_a;
  b.sum = of_b;
}

void Linear::gather(const FeatureValues& x, float gradient) {
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    gathered_slopes_[f] = fma_same_bits(gradient, x[f], gathered_slopes_[f]);
  }
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!kFeatures[f].sparse) continue;
    auto& knots = gathered_knots_[f];
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
    const float gradient = gathered_slopes_[f];
    p.base.step(settings_.rate, gradient);
    p.length[buckets.length].step(settings_.moment_rate, gradient);
    p.mass[buckets.mass].step(settings_.moment_rate, gradient);
    p.gap[buckets.gap / 2].step(settings_.moment_rate, gradient);
    if (!kFeatures[f].sparse) continue;
    for (std::size_t knot = 0; knot < kKnots; ++knot) {
      if (gathered_knots_[f][knot] != 0.0F) {
        p.knots[knot].step(settings_.rate, gathered_knots_[f][knot]);
      }
    }
  }
  gathered_slopes_ = {};
  gathered_knots_ = {};
}

void Linear::save(ByteWriter& out) const {
  out.fixed(parameters_);
}

void Linear::load(ByteReader& in) {
  parameters_ = in.fixed<decltype(parameters_)>();
}

}  // namespace fovea::scorer
