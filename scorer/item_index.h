#pragma once

// Which item is in which row, and back: keys by slot, and a table of slots by key.
//
// Source    Linear probing with deletion by shifting back: Knuth, The Art of Computer Programming,
//           volume 3, 6.4, algorithm R. At most half of the table is taken.
// Cost      Bytes an item: 8, and 8 to 16 of the table. Nothing is allocated item by item, and a
//           copy is two blocks of memory.

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "scorer/changes.h"
#include "vocab/ids.h"

namespace fovea::scorer {

class ItemIndex {
 public:
  [[nodiscard]] std::size_t size() const { return keys_.size(); }
  [[nodiscard]] ItemKey key(Slot slot) const { return keys_[slot]; }
  [[nodiscard]] const std::vector<ItemKey>& keys() const { return keys_; }

  [[nodiscard]] Slot find(ItemKey key) const {
    return table_.empty() ? kNoSlot : table_[cell_of(key)];
  }

  // The next row's item, wherever it was before.
  void add(ItemKey key);
  // The row is this item's from here on, wherever the item was before. That other row's key stays,
  // found by nobody, until the row is given in its turn.
  void set(Slot slot, ItemKey key);
  // All anew; false if a key is there twice: then nothing is in it.
  [[nodiscard]] bool assign(std::vector<ItemKey> keys);

  [[nodiscard]] std::uint64_t bytes() const {
    return keys_.capacity() * sizeof(ItemKey) + table_.capacity() * sizeof(Slot);
  }

 private:
  static constexpr std::size_t kSmallest = 16;

  [[nodiscard]] std::size_t home_of(ItemKey key) const {
    // Fibonacci hashing: the high bits of the product, whichever bits the keys differ in.
    return static_cast<std::size_t>(value(key) * 0x9E3779B97F4A7C15U >>
                                    (64 - std::bit_width(table_.size() - 1)));
  }
  [[nodiscard]] std::size_t after(std::size_t cell) const {
    return (cell + 1) & (table_.size() - 1);
  }
  // Where the key is, or would be. Requires: a table.
  [[nodiscard]] std::size_t cell_of(ItemKey key) const {
    std::size_t cell = home_of(key);
    while (table_[cell] != kNoSlot && keys_[table_[cell]] != key) cell = after(cell);
    return cell;
  }
  void make_table(std::size_t items);
  void erase(std::size_t cell);

  std::vector<ItemKey> keys_;
  std::vector<Slot> table_;  // a power of two; kNoSlot where nothing is
};

}  // namespace fovea::scorer
