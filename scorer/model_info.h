#pragma once

// What can be asked of a model without knowing how it is built.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::scorer {

class Model;

[[nodiscard]] ModelStamp stamp(const Model& model);
// What it was taken over from; absent if it began with nothing.
[[nodiscard]] std::optional<ModelStamp> parent(const Model& model);
[[nodiscard]] bool knows(const Model& model, ItemKey item);
// How often the item was chosen, as far as this model has learned. 0 if unknown.
[[nodiscard]] std::uint64_t choice_count(const Model& model, ItemKey item);
// The item's id; empty if unknown.
[[nodiscard]] std::string_view item_id(const Model& model, ItemKey item);
[[nodiscard]] std::size_t item_count(const Model& model);

// Memory by table, for `fovea model info`: name, rows, bytes.
struct TableMemory {
  std::string table;
  std::uint64_t rows = 0;
  std::uint64_t bytes = 0;
};
[[nodiscard]] std::vector<TableMemory> memory(const Model& model);

// How much each kind of content that items have had counts beside the others; the sum is 1. Of a
// learner's model: views have none.
[[nodiscard]] std::vector<std::pair<std::string, double>> content_attention(const Model& model);

}  // namespace fovea::scorer
