#include "scorer/item_index.h"

#include <algorithm>
#include <utility>

namespace fovea::scorer {

void ItemIndex::make_table(std::size_t items) {
  table_.assign(std::bit_ceil(std::max(kSmallest, 2 * items)), kNoSlot);
}

void ItemIndex::add(ItemKey key) {
  if (2 * (size() + 1) > table_.size()) {
    // Of rows with the same key the table knows one, which stays.
    std::vector<Slot> known = std::move(table_);
    make_table(size() + 1);
    for (const Slot slot : known) {
      if (slot != kNoSlot) table_[cell_of(keys_[slot])] = slot;
    }
  }
  table_[cell_of(key)] = static_cast<Slot>(size());
  keys_.push_back(key);
}

void ItemIndex::set(Slot slot, ItemKey key) {
  const std::size_t old = cell_of(keys_[slot]);
  if (table_[old] == slot) erase(old);
  table_[cell_of(key)] = slot;
  keys_[slot] = key;
}

bool ItemIndex::assign(std::vector<ItemKey> keys) {
  keys_ = std::move(keys);
  make_table(size());
  for (std::size_t slot = 0; slot < size(); ++slot) {
    Slot& at = table_[cell_of(keys_[slot])];
    if (at != kNoSlot) {
      *this = {};
      return false;
    }
    at = static_cast<Slot>(slot);
  }
  return true;
}

// What was pushed on by the one that goes moves back, so that no search ends too early.
void ItemIndex::erase(std::size_t cell) {
  const std::size_t mask = table_.size() - 1;
  for (std::size_t next = after(cell); table_[next] != kNoSlot; next = after(next)) {
    const std::size_t home = home_of(keys_[table_[next]]);
    if (((next - home) & mask) < ((next - cell) & mask)) continue;
    table_[cell] = table_[next];
    cell = next;
  }
  table_[cell] = kNoSlot;
}

}  // namespace fovea::scorer
