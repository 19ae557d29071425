#pragma once

// Weights by item, for rows that are added to one at a time and read whole.
//
// An open-addressed table with linear probing: both costs are those of contiguous memory, where a
// sorted row moves half of itself at each new item.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

class CountRow {
 public:
  // The item's weight, 0 if it is new. Valid until the next call.
  [[nodiscard]] float& at(ItemIndex item) {
    if (4 * (used_ + 1) > 3 * cells_.size()) grow();
    Cell& cell = cells_[place(item)];
    if (cell.item == kNone) {
      cell.item = item;
      ++used_;
    }
    return cell.weight;
  }

  [[nodiscard]] std::size_t size() const { return used_; }

  // Calls visit(item, weight) for each, in no order that means anything.
  template <class Visit>
  void each(Visit&& visit) const {
    for (const Cell& cell : cells_) {
      if (cell.item != kNone) visit(cell.item, cell.weight);
    }
  }

  void divide(float by) {
    for (Cell& cell : cells_) cell.weight /= by;
  }

 private:
  static constexpr ItemIndex kNone = std::numeric_limits<ItemIndex>::max();
  struct Cell {
    ItemIndex item = kNone;
    float weight = 0.0F;
  };

  // Where the item is, or would be.
  [[nodiscard]] std::size_t place(ItemIndex item) const {
    const std::size_t mask = cells_.size() - 1;
    std::size_t at = (item * 0x9E3779B1U) & mask;
    while (cells_[at].item != kNone && cells_[at].item != item) at = (at + 1) & mask;
    return at;
  }

  void grow() {
    std::vector<Cell> old(cells_.empty() ? 4 : 2 * cells_.size());
    old.swap(cells_);
    for (const Cell& cell : old) {
      if (cell.item != kNone) cells_[place(cell.item)] = cell;
    }
  }

  std::vector<Cell> cells_;  // a power of two
  std::size_t used_ = 0;
};

}  // namespace fovea::baselines
