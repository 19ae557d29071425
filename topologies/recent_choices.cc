#include "topologies/recent_choices.h"

#include <algorithm>

namespace fovea::topologies {
namespace {

// A learner that stands still must not fill the memory: beyond this the oldest are given up, which
// costs a little accuracy and nothing else.
constexpr std::size_t kChoicesMax = 100'000;

}  // namespace

void RecentChoices::add(UserKey user, scorer::RecentChoice choice) {
  if (order_.size() >= kChoicesMax) {
    settled_ = std::max<std::size_t>(settled_, 1);
    order_.front().position = kNoOffset;
    forget_learned(kNoOffset);
  }
  order_.push_back({user, kNoOffset});
  by_user_[value(user)].push_back(choice);
}

void RecentChoices::settle(Offset position) {
  for (; settled_ < order_.size(); ++settled_) order_[settled_].position = position;
}

void RecentChoices::forget_learned(Offset position) {
  while (settled_ > 0 && order_.front().position <= position) {
    const auto found = by_user_.find(value(order_.front().user));
    // Both lists are in the order of arrival, so the user's oldest is the one that goes.
    found->second.erase(found->second.begin());
    if (found->second.empty()) by_user_.erase(found);
    order_.pop_front();
    --settled_;
  }
}

std::span<const scorer::RecentChoice> RecentChoices::of(UserKey user) const {
  const auto found = by_user_.find(value(user));
  if (found == by_user_.end()) return {};
  return found->second;
}

}  // namespace fovea::topologies
