#pragma once

// Count blend: a weighted sum of what plain counts say, the strongest of the simple baselines.
//
//   score(i) = w . x(i), with x(i) =
//     log2(eps + share of i in the row of the last item)                        direct followers
//     log2(eps + share of i in the rows of the last `lags`, added up at 1/lag)  counts at 1/lag
//     log2 of i's choices decayed at H, and at H/8, at least -3.3
//     1 if i is the last item
//     1 and 1/lag if i is an older item of the user's own, lag counted in distinct items
//
//   share of i in a row = count / (total + smoothing), both forgetting at each update
//
// The weights are found by coordinate search for NDCG@10 on questions already answered: after 128
// of them, at every doubling, and a last time at end_tuning(). Of each question the items are kept
// that can be among the first ten: the best by each x, the user's own and the one chosen. At most
// `sample` questions, evenly thinned.
//
// Source    The shares are those of transitions.h, popularity that of popularity.h; a linear model
//           of log counts tuned directly for the metric by coordinate ascent: Metzler and Croft,
//           "Linear feature-based models for information retrieval", 2007.

#include <array>
#include <cstddef>
#include <memory>
#include <vector>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

struct CountBlendSettings {
  double half_life_s = 86'400.0;  // H
  std::size_t lags = 5;
  double forgetting = 0.02;
  double smoothing = 5.0;
  double epsilon = 1e-2;
  std::size_t sample = 2'000;
};

[[nodiscard]] std::unique_ptr<Baseline> make_count_blend(const CountBlendSettings& settings);

// The search by itself.

inline constexpr std::size_t kBlendTerms = 7;
using BlendTerms = std::array<float, kBlendTerms>;  // x(i), or w

struct BlendQuestion {
  BlendTerms chosen;
  std::vector<BlendTerms> rivals;
};

// Mean NDCG@10 of the chosen ones; ties count against.
[[nodiscard]] double blend_quality(const std::vector<BlendQuestion>& questions,
                                   const BlendTerms& weights);

// Weights at least as good as `start`: one is changed at a time, by steps that are halved when no
// change helps. The first four stay at 0 or above.
[[nodiscard]] BlendTerms search_weights(const std::vector<BlendQuestion>& questions,
                                        const BlendTerms& start);

}  // namespace fovea::baselines
