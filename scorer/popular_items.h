#pragma once

// The most popular items as of a moment, by the model's own counts: what a slate is held against
// while it is served.

#include <cstddef>
#include <vector>

#include "vocab/ids.h"

namespace fovea::scorer {

class Model;

// The live items with the highest decayed counts at half-life H, highest first, ties by the lower
// key; at most `count`, without items that nobody chose.
// Cost: one pass over the items.
[[nodiscard]] std::vector<ItemKey> popular_items(const Model& model, TimeMs now, std::size_t count);

}  // namespace fovea::scorer
