#include "topologies/online_quality.h"

#include <algorithm>
#include <cmath>

#include "scorer/model_info.h"
#include "scorer/popular_items.h"

namespace fovea::topologies {
namespace {

constexpr std::size_t kPopularMax = 1'000;
constexpr std::size_t kTen = 10;

bool was_had(const Behaviour& behaviour, ItemKey item) {
  const auto& own = behaviour.own_items;
  return std::any_of(own.rbegin(), own.rend(),
                     [item](const OwnItem& entry) { return entry.item == item; });
}

}  // namespace

void OnlineQuality::refresh(const scorer::Model& model, TimeMs now) {
  const Offset position = scorer::stamp(model).position;
  if (position == position_) return;
  const TimePoint began = std::chrono::steady_clock::now();
  if (began < refresh_after_) return;
  popular_.clear();
  for (const ItemKey item : scorer::popular_items(model, now, kPopularMax)) {
    popular_.emplace(item, popular_.size());
  }
  position_ = position;
  const TimePoint ended = std::chrono::steady_clock::now();
  refresh_after_ =
      ended + std::max(settings_.refresh_interval,
                       std::chrono::nanoseconds((ended - began) * settings_.refresh_share));
}

void OnlineQuality::judge(const Event& event, const Profile& profile) {
  const Served& served = profile.served;
  if (served.slate_count == 0 || served.items.empty()) return;
  if (value(event.event_time) <= value(served.emitted_at) || is_judged(profile)) return;
  if (settings_.exclude_seen && was_had(profile.behaviour, event.item.key)) {
    metrics_.repeats.add();
    return;
  }

  static const double decay = std::exp2(-1.0 / kQualityHalfLife);
  metrics_.judged.add();
  metrics_.decayed_judged.set(metrics_.decayed_judged.value() * decay + 1);
  const auto at = std::find_if(
      served.items.begin(), served.items.end(),
      [&event](const ServedItem& served_item) { return served_item.item == event.item.key; });
  const auto rank = static_cast<std::size_t>(at - served.items.begin());
  const std::array<std::size_t, 2> cuts = {served.items.size(),
                                           std::min(kTen, served.items.size())};
  for (std::size_t k = 0; k < cuts.size(); ++k) {
    const std::array<bool, 2> hit = {rank < cuts[k], is_popular(event, profile.behaviour, cuts[k])};
    for (std::size_t list = 0; list < hit.size(); ++list) {
      if (hit[list]) metrics_.hits[list][k].add();
      Gauge<double>& decayed = metrics_.decayed_hits[list][k];
      decayed.set(decayed.value() * decay + (hit[list] ? 1 : 0));
    }
  }
}

// History is in the order of event time, and the trigger itself is not after itself.
bool OnlineQuality::is_judged(const Profile& profile) const {
  const auto& history = profile.behaviour.history;
  for (auto entry = history.rbegin(); entry != history.rend(); ++entry) {
    if (value(entry->time) <= value(profile.served.emitted_at)) return false;
    if (settings_.positive.contains(entry->type)) return true;
  }
  return false;
}

bool OnlineQuality::is_popular(const Event& event, const Behaviour& behaviour,
                               std::size_t k) const {
  const auto found = popular_.find(event.item.key);
  if (found == popular_.end()) return false;
  std::size_t rank = found->second;
  if (settings_.exclude_seen && rank >= k) {
    // What the user has had makes room in front.
    for (const OwnItem& own : behaviour.own_items) {
      const auto other = popular_.find(own.item);
      if (other != popular_.end() && other->second < found->second) --rank;
    }
  }
  return rank < k;
}

}  // namespace fovea::topologies
