#pragma once

// The users' own choices that the model view has not learned yet.
//
// Learning lags serving by a view. Without help a slate made right after a click would not know of
// that click's effect on popularity, recency and count, and the next slate of the same user would
// be the worse for it. So whoever makes an example keeps the choice here until the view that
// scores has passed its place in the learning log. That place is known only once the record is
// acknowledged: until then a choice counts as not learned.
//
// Threads   Not thread-safe: one worker owns it.

#include <cstddef>
#include <deque>
#include <span>
#include <unordered_map>
#include <vector>

#include "scorer/slate_scorer.h"
#include "vocab/ids.h"

namespace fovea::topologies {

class RecentChoices {
 public:
  void add(UserKey user, scorer::RecentChoice choice);

  // Everything added so far lies at or before `position` of the learning log.
  void settle(Offset position);

  // The view in use has learned up to `position`: what lies at or before it is forgotten.
  void forget_learned(Offset position);

  // The user's choices that are still kept, oldest first, valid until the next call that changes.
  [[nodiscard]] std::span<const scorer::RecentChoice> of(UserKey user) const;

  [[nodiscard]] std::size_t size() const { return order_.size(); }

 private:
  struct Entry {
    UserKey user{};
    Offset position = kNoOffset;  // meaningful for the first settled_ entries
  };

  std::deque<Entry> order_;  // as added
  std::size_t settled_ = 0;  // leading entries whose position is known
  std::unordered_map<std::uint64_t, std::vector<scorer::RecentChoice>> by_user_;
};

}  // namespace fovea::topologies
