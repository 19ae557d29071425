#pragma once

// In what order the items were last used: which one gives way when there is no room for another.
//
// Used is chosen or announced. Items known by their id alone, and removed ones, give way
// first, the least recently used before the others; announced ones only when there are no others.
// The order is that of the learning log, so it has no ties and is the same in every process.
//
// Cost      Constant, each call. Bytes an item: 9.
// Threads   Not thread-safe: the learner's; views go without.

#include <array>
#include <cstdint>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"

namespace fovea::scorer {

class UseOrder {
 public:
  [[nodiscard]] std::size_t size() const { return announced_.size(); }

  void add();                                // the next slot: used, and known by its id alone
  void use(Slot slot);                       // now the last to give way
  void announce(Slot slot, bool announced);  // ... of its kind
  // Requires: size() > 0.
  [[nodiscard]] Slot least_used() const;
  [[nodiscard]] bool announced(Slot slot) const { return announced_[slot] != 0; }

  // Calls visit(slot) for the items of a kind, the least recently used first.
  template <class Visit>
  void walk(bool announced, Visit&& visit) const {
    for (Slot slot = ends_[announced ? 1 : 0].first; slot != kNoSlot; slot = after_[slot]) {
      visit(slot);
    }
  }

  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  struct Ends {
    Slot first = kNoSlot;  // the least recently used
    Slot last = kNoSlot;
  };

  void append(Slot slot);
  void remove(Slot slot);

  std::array<Ends, 2> ends_;  // by announced or not
  std::vector<Slot> before_, after_;
  std::vector<std::uint8_t> announced_;
};

}  // namespace fovea::scorer
