#pragma once

// What the sparse memories say of the few items they touch: one line an item.
//
// Threads   Not thread-safe: scratch of one scorer or of the learner.

#include <vector>

#include "scorer/changes.h"

namespace fovea::scorer {

struct SparseLine {
  Slot slot = kNoSlot;
  float follows = 0.0F;     // tw: share of what followed the history
  float precedes = 0.0F;    // rv: share of what the history followed
  float pairs = 0.0F;       // t2: share of what followed the newest items together
  float neighbours = 0.0F;  // kn: share of what users did who were lately in the same place
  float content = 0.0F;     // ct: how much alike it is to the newest items
  std::uint32_t own = 0;    // 1 + index in Query::own_items; 0: not an own item
};

class SparseColumns {
 public:
  // Requires: slot < item_count of the last clear().
  SparseLine& at(Slot slot) {
    std::uint32_t& line = line_of_[slot];
    if (line == 0) {
      lines_.push_back({slot});
      line = static_cast<std::uint32_t>(lines_.size());
    }
    return lines_[line - 1];
  }
  // All zero where nothing is known.
  [[nodiscard]] const SparseLine& find(Slot slot) const {
    static constexpr SparseLine kNothing{};
    const std::uint32_t line = line_of_[slot];
    return line == 0 ? kNothing : lines_[line - 1];
  }
  // In the order of first touch: a function of the rows' order, so the same everywhere.
  [[nodiscard]] const std::vector<SparseLine>& lines() const { return lines_; }

  void clear(std::size_t item_count) {
    for (const SparseLine& line : lines_) line_of_[line.slot] = 0;
    lines_.clear();
    if (line_of_.size() < item_count) line_of_.resize(item_count, 0);
  }

 private:
  std::vector<SparseLine> lines_;
  std::vector<std::uint32_t> line_of_;  // by slot; 0 = untouched, else index + 1
};

}  // namespace fovea::scorer
