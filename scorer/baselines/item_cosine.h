#pragma once

// Item cosine: items that the same users had as the user's last ones.
//
//   cos(i, j) = users with both / sqrt((users with i + damping) (users with j + damping))
//   score(i)  = sum over the last `last` distinct items j of cos(i, j) e^{-k/decay}, k = 0 the
//   newest
//
// Source    Sarwar, Karypis, Konstan and Riedl, "Item-based collaborative filtering recommendation
//           algorithms", 2001, on binary vectors; as one pass: Sarwar's counts are only ever added
//           to. Two items count as had by the same user where the earlier is still among the newest
//           `window` of the profile. Damping after Hidasi et al. 2016, arXiv:1511.06939 (item-KNN).

#include <cstddef>
#include <memory>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

struct ItemCosineSettings {
  std::size_t last = 20;
  std::size_t window = 20;
  double damping = 20.0;
  double decay = 5.0;
};

[[nodiscard]] std::unique_ptr<Baseline> make_item_cosine(const ItemCosineSettings& settings);

}  // namespace fovea::baselines
