#include "topologies/demo_audience.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace fovea::topologies {
namespace {

constexpr std::size_t kHitWindow = 2'000;
constexpr std::size_t kShown = 10;
constexpr std::size_t kActsKept = 20;
constexpr std::size_t kActsTold = 5;
// Below so many there is little to explain by.
constexpr std::size_t kHistoryTold = 3;

}  // namespace

DemoAudience::DemoAudience(const Config& config)
    : config_(config),
      popularity_(*baselines::parse_specs("popularity:half_life=1"), config.model.half_life_s),
      shown_(kHitWindow),
      by_popularity_(kHitWindow) {}

void DemoAudience::act(const Event& event, TimePoint due) {
  Person& person = people_[event.user.value];
  person.acts.push_back({event.type, event.item.id, event.event_time});
  if (person.acts.size() > kActsKept) person.acts.pop_front();
  if (config_.emit.on.contains(event.type)) person.waiting.push_back({event.event_time, due});
  if (!config_.model.positive.contains(event.type) || event.item.id.empty()) return;

  const ItemKey item = event.item.key;
  if (person.was_shown && chosen_.contains(item)) {
    const auto rank =
        popularity_.ask({}, person.had, event.event_time, item, config_.model.exclude_seen)
            .front()
            .rank;
    by_popularity_.add(rank && *rank < static_cast<std::int32_t>(kShown));
    shown_.add(std::find(person.slate.begin(), person.slate.end(), item) != person.slate.end());
  }
  popularity_.observe({}, person.had, item, event.event_time);
  chosen_.insert(item);
  auto& had = person.had.own_items;
  const auto same = [item](const OwnItem& own) { return own.item == item; };
  if (std::none_of(had.begin(), had.end(), same)) had.push_back({item});
}

void DemoAudience::show(Recommendation slate, TimePoint at) {
  ++slates_;
  Person& person = people_[slate.user.value];
  while (!person.waiting.empty() && person.waiting.front().time <= slate.event_time) {
    // The others were covered, not answered.
    if (person.waiting.front().time == slate.event_time) {
      latencies_.add(at - person.waiting.front().due);
    }
    person.waiting.pop_front();
  }
  if (!person.was_shown || slate.event_time >= person.slate_time) {
    person.was_shown = true;
    person.slate_time = slate.event_time;
    person.slate.clear();
    for (const RecommendedItem& entry : slate.items) {
      if (person.slate.size() == kShown) break;
      person.slate.push_back(entry.item.key);
    }
  }
  if (slate.items.empty() || !slate.items.front().why) return;
  if (slate.items.front().why->history.size() < kHistoryTold) return;
  const auto newness = [](const Recommendation& of) {
    return std::tie(of.event_time, of.user.value);
  };
  if (!example_ || newness(*example_) < newness(slate)) example_ = std::move(slate);
}

std::vector<DemoAudience::Act> DemoAudience::lately(const UserId& user, TimeMs until) const {
  std::vector<Act> told;
  const auto person = people_.find(user.value);
  if (person == people_.end()) return told;
  const auto& acts = person->second.acts;
  for (auto act = acts.rbegin(); act != acts.rend() && told.size() < kActsTold; ++act) {
    if (act->time <= until) told.push_back(*act);
  }
  return told;
}

}  // namespace fovea::topologies
