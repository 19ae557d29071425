#include "topologies/withdrawn_items.h"

namespace fovea::topologies {

void WithdrawnItems::note(const ItemChange& change) {
  const bool gone = change.removed || !change.item.available;
  const ItemKey item = change.item.item.key;
  const std::lock_guard lock(mutex_);
  const bool changed = gone ? items_.insert(item).second : items_.erase(item) > 0;
  if (changed) copy_.reset();
}

std::function<bool(ItemKey)> WithdrawnItems::mask() const {
  const std::lock_guard lock(mutex_);
  if (items_.empty()) return {};
  // Scoring asks for every item: it reads a copy that no lock guards.
  if (!copy_) copy_ = std::make_shared<const Items>(items_);
  return [items = copy_](ItemKey item) { return items->contains(item); };
}

}  // namespace fovea::topologies
