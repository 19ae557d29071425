#pragma once

// Items that must not be shown, known before the model has learned it.
//
// A withdrawal travels through the learning log like everything else; that takes a moment. The
// process that consumes the change masks the item at once. The mask only removes.
//
// Threads   Safe for concurrent calls.

#include <functional>
#include <memory>
#include <mutex>
#include <unordered_set>

#include "vocab/ids.h"
#include "vocab/item.h"

namespace fovea::topologies {

class WithdrawnItems {
 public:
  // Masks an item that is removed or unavailable; unmasks one that is back.
  void note(const ItemChange& change);

  // For SlateRequest::withdrawn, as of now: empty while nothing is masked, so that nothing is
  // asked. Ask once a batch: the first call after a change copies the set.
  [[nodiscard]] std::function<bool(ItemKey)> mask() const;

 private:
  using Items = std::unordered_set<ItemKey>;

  mutable std::mutex mutex_;
  Items items_;
  mutable std::shared_ptr<const Items> copy_;  // what masks hold; absent when out of date
};

}  // namespace fovea::topologies
