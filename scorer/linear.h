#pragma once

// The linear part: the list of features, their slopes and their curves.
//
//   sum_f slope_f x_f(i) + g_f(x_f(i)),   slope_f = w_f + w_f[B(n)] + w_f[M] + w_f[G(gap)/2]
//
// g_f is piecewise linear on 34 knots starting at 0, on the sparse features.
//
// A new feature is one new line in kFeatures and one in feature_values(); scoring, learning,
// explanation, snapshots and --without walk this list.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "scorer/attention.h"
#include "scorer/bytes.h"
#include "scorer/model_settings.h"
#include "scorer/popularity.h"
#include "scorer/scalar.h"
#include "scorer/sparse_columns.h"

namespace fovea::scorer {

enum class Feature : std::uint8_t {
  kPopularityShort,
  kPopularity,
  kPopularityLong,
  kAge,
  kRecency,
  kCount,
  kBackedOff,
  kFollows,
  kPrecedes,
  kNeighbours,
  kPairs,
  kContent,
  kContentOfNew,
};
inline constexpr std::size_t kFeatureCount = 13;

struct FeatureSpec {
  std::string_view name;  // as explanations call it
  float first_slope;
  bool sparse;        // log2(eps + what a memory says of few items); has a curve
  bool Parts::*part;  // absent where this is switched off; null: always there
};

inline constexpr std::array<FeatureSpec, kFeatureCount> kFeatures = {{
    {"popularity_short", .1F, false, nullptr},        // log2(.1 + count decayed at H/8)
    {"popularity", .3F, false, nullptr},              // ... at H
    {"popularity_long", .1F, false, nullptr},         // ... at 8H
    {"age", 0.0F, false, nullptr},                    // log2(1 + s since first seen)
    {"recency", 0.0F, false, nullptr},                // log2(1 + s since last chosen)
    {"count", 0.0F, false, nullptr},                  // log2(1 + times chosen)
    {"backed_off", 0.0F, false, &Parts::memory},      // log2(1e-6 + tw + backoff * H/8 count)
    {"follows", .2F, true, &Parts::memory},           // log2(eps + tw)
    {"precedes", 0.0F, true, &Parts::memory},         // log2(eps + rv)
    {"neighbours", 0.0F, true, &Parts::neighbours},   // log2(eps + kn)
    {"pairs", 0.0F, true, &Parts::pairs},             // log2(eps + t2)
    {"content", 0.0F, true, &Parts::content},         // log2(eps + ct)
    {"content_of_new", 0.0F, true, &Parts::content},  // log2(eps + ct / (1 + times chosen))
}};

inline constexpr float kSparseEps = 5e-4F;
inline constexpr float kBackedOffEps = 1e-6F;
inline constexpr float kPopularityEps = .1F;

using FeatureValues = std::array<float, kFeatureCount>;

[[nodiscard]] constexpr std::size_t index(Feature feature) {
  return static_cast<std::size_t>(feature);
}

// x_f of one item. `backoff` is per unit of decayed count: TransitionWeights::backoff / total.
[[nodiscard]] FeatureValues feature_values(const Popularity& popularity, const ItemCounts& counts,
                                           const SparseLine& sparse, double now_s, float backoff);

// What a sparse log feature is where nothing is known: log2(eps).
[[nodiscard]] float sparse_floor();

inline constexpr std::size_t kKnots = 34;

// How slopes and curves begin and move.
struct SlopeSettings {
  bool from_first_slopes;  // else from 0
  float rate;
  float moment_rate;  // of w_f[B], w_f[M] and w_f[G]
};
inline constexpr SlopeSettings kScoreSlopes{true, .05F, .025F};
inline constexpr SlopeSettings kHeadSlopes{false, .03F, .015F};

class Linear {
 public:
  // Features of parts that are switched off are left out.
  explicit Linear(const Parts& parts, const SlopeSettings& settings = kScoreSlopes);

  [[nodiscard]] bool uses(Feature feature) const { return uses_[index(feature)]; }
  [[nodiscard]] FeatureValues slopes(const MomentBuckets& buckets) const;
  // g_f(x); 0 where f has no curve.
  [[nodiscard]] float curve(Feature feature, float x) const;
  // d g_f / d x.
  [[nodiscard]] float curve_slope(Feature feature, float x) const;

  // Adds what two of them say of one item: slopes and curves. Where x lies among the knots is
  // looked up once for both. Requires: they are of the same parts.
  struct Term {
    const Linear& linear;
    const FeatureValues& slope;
    float& sum;
  };
  static void add(const FeatureValues& x, Term a, Term b);

  // Gathers the gradient of one candidate: d loss / d score times the feature's value.
  void gather(const FeatureValues& x, float gradient);
  // One step on what was gathered; starts the next gathering.
  void step(const MomentBuckets& buckets);

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  struct Slope {
    Scalar base;
    std::array<Scalar, kLengthBuckets> length;
    std::array<Scalar, kMassBuckets> mass;
    std::array<Scalar, kCoarseGapBuckets> gap;
    std::array<Scalar, kKnots> knots;
  };
  SlopeSettings settings_;
  std::array<bool, kFeatureCount> uses_{};
  std::array<Slope, kFeatureCount> parameters_;
  FeatureValues gathered_slopes_{};
  std::array<std::array<float, kKnots>, kFeatureCount> gathered_knots_{};
};

}  // namespace fovea::scorer
