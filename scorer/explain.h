#pragma once

// A score taken apart: the parts are the score, not an estimate of it.
//
//   bias      c_i
//   user      the lasting interest's product with the item
//   history   for each entry k: its product scale alpha_k a_k . S_i, and its share of what the
//             transition features add above "nothing known"
//   features  the linear features, the context vectors, and the transition features' level where
//             nothing is known
//
// A log feature w log2(eps + v) + g has two parts: its level at v = 0, which is the same for every
// item and belongs to the feature, and the rest, which is shared among the history entries in
// proportion to their parts of v. Both sum exactly.
//
// Numerics  Parts are float64; they add up to the float32 score within 1e-4 * (1 + |score|).

#include <cstddef>

#include "scorer/kernels.h"
#include "scorer/model.h"
#include "scorer/slate_scorer.h"
#include "vocab/recommendation.h"

namespace fovea::scorer {

// `counts` are the item's as scored (with the user's own choices overlaid).
[[nodiscard]] Explanation explain(const Model& model, const Moment& moment, Slot slot,
                                  const ItemCounts& counts);

// Keeps the strongest entries and sums the others up, in a form that a message can carry.
void shorten(Explanation& explanation, std::size_t history_max, std::size_t features_max);

[[nodiscard]] double sum_of(const Explanation& explanation);

}  // namespace fovea::scorer
