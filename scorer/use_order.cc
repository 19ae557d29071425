#include "scorer/use_order.h"

#include "vocab/assert.h"

namespace fovea::scorer {

void UseOrder::add() {
  before_.push_back(kNoSlot);
  after_.push_back(kNoSlot);
  announced_.push_back(0);
  append(static_cast<Slot>(size() - 1));
}

void UseOrder::use(Slot slot) {
  remove(slot);
  append(slot);
}

void UseOrder::announce(Slot slot, bool announced) {
  remove(slot);
  announced_[slot] = announced ? 1 : 0;
  append(slot);
}

Slot UseOrder::least_used() const {
  const Slot slot = ends_[0].first != kNoSlot ? ends_[0].first : ends_[1].first;
  FOVEA_ASSERT(slot != kNoSlot);
  return slot;
}

void UseOrder::append(Slot slot) {
  Ends& ends = ends_[announced_[slot]];
  before_[slot] = ends.last;
  after_[slot] = kNoSlot;
  (ends.last == kNoSlot ? ends.first : after_[ends.last]) = slot;
  ends.last = slot;
}

void UseOrder::remove(Slot slot) {
  Ends& ends = ends_[announced_[slot]];
  (before_[slot] == kNoSlot ? ends.first : after_[before_[slot]]) = after_[slot];
  (after_[slot] == kNoSlot ? ends.last : before_[after_[slot]]) = before_[slot];
}

void UseOrder::save(ByteWriter& out) const {
  for (const bool announced : {false, true}) {
    std::vector<Slot> slots;
    walk(announced, [&](Slot slot) { slots.push_back(slot); });
    out.array(slots);
  }
}

void UseOrder::load(ByteReader& in, std::size_t item_count) {
  std::array<std::vector<Slot>, 2> lists;
  for (auto& list : lists) in.array(list);
  ends_ = {};
  before_.assign(item_count, kNoSlot);
  after_.assign(item_count, kNoSlot);
  announced_.assign(item_count, 2);
  if (lists[0].size() + lists[1].size() != item_count) return in.fail();
  for (std::uint8_t announced = 0; announced < 2; ++announced) {
    for (const Slot slot : lists[announced]) {
      if (slot >= item_count || announced_[slot] != 2) return in.fail();
      announced_[slot] = announced;
      append(slot);
    }
  }
}

std::uint64_t UseOrder::bytes() const {
  return (before_.capacity() + after_.capacity()) * sizeof(Slot) + announced_.capacity();
}

}  // namespace fovea::scorer
