#include "scorer/baselines/panel.h"

#include <algorithm>

namespace fovea::baselines {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kSlate = 10;

}  // namespace

Panel::Panel(const std::vector<Spec>& specs, double half_life_s) {
  for (const Spec& spec : specs) {
    members_.push_back({spec.text, spec.leaves_out_seen, make_baseline(spec, half_life_s), {}, {}});
  }
  answers_.resize(members_.size());
}

std::optional<ItemIndex> Panel::find(ItemKey item) const {
  const auto found = items_.find(item);
  if (found == items_.end()) return std::nullopt;
  return found->second;
}

Question Panel::question(UserKey user, const Behaviour& behaviour, TimeMs now) {
  const auto numbered = users_.try_emplace(user, static_cast<UserIndex>(users_.size())).first;
  history_.clear();
  for (const HistoryEntry& entry : behaviour.history) {
    if (const auto item = find(entry.item)) history_.push_back(*item);
  }
  own_.clear();
  for (auto own = behaviour.own_items.rbegin(); own != behaviour.own_items.rend(); ++own) {
    if (const auto item = find(own->item)) own_.push_back(*item);
  }
  return {numbered->second, static_cast<double>(value(now)) / 1000.0, items_.size(), history_,
          own_};
}

void Panel::observe(UserKey user, const Behaviour& before, ItemKey item, TimeMs time) {
  const auto [numbered, added] = items_.try_emplace(item, static_cast<ItemIndex>(items_.size()));
  if (added) choices_.push_back(0);
  ++choices_[numbered->second];
  ++all_choices_;
  if (members_.empty()) return;
  const Question asked = question(user, before, time);
  for (Member& member : members_) {
    const auto started = SteadyClock::now();
    member.baseline->observe(asked, numbered->second);
    member.learning += SteadyClock::now() - started;
  }
}

std::span<const Answer> Panel::ask(UserKey user, const Behaviour& behaviour, TimeMs now,
                                   ItemKey target, bool exclude_seen) {
  const auto at = find(target);
  if (!at) return {};
  const Question asked = question(user, behaviour, now);
  seen_.resize(items_.size(), 0);
  none_.resize(items_.size(), 0);
  for (const ItemIndex item : own_) seen_[item] = 1;
  const bool was_had = seen_[*at] != 0;
  seen_[*at] = 0;
  for (std::size_t i = 0; i < members_.size(); ++i) {
    Member& member = members_[i];
    Answer& answer = answers_[i];
    const auto& excluded = exclude_seen || member.leaves_out_seen ? seen_ : none_;
    const auto started = SteadyClock::now();
    scores_.begin(items_.size());
    member.baseline->score(asked, scores_);
    answer.rank = rank_of(scores_, *at, excluded);
    member.scoring += SteadyClock::now() - started;
    if (member.leaves_out_seen && was_had) answer.rank.reset();
    best_of(scores_, kSlate, excluded, answer.slate);
    member.baseline->judge(asked, *at, excluded);
  }
  for (const ItemIndex item : own_) seen_[item] = 0;
  return answers_;
}

void Panel::end_tuning() {
  for (Member& member : members_) member.baseline->end_tuning();
}

std::int32_t rank_of(const Scores& scores, ItemIndex target,
                     std::span<const std::uint8_t> excluded) {
  const double own = scores[target];
  std::ptrdiff_t ahead = 0;
  if (!scores.dense() && own > 0.0) {
    ahead = std::count_if(scores.touched().begin(), scores.touched().end(), [&](ItemIndex item) {
      return scores[item] >= own && excluded[item] == 0;
    });
  } else {
    const std::span<const double> values = scores.values();
    for (std::size_t item = 0; item < values.size(); ++item) {
      ahead += static_cast<std::ptrdiff_t>(values[item] >= own) & (excluded[item] == 0 ? 1 : 0);
    }
  }
  return static_cast<std::int32_t>(ahead - 1);  // not itself
}

void best_of(const Scores& scores, std::size_t size, std::span<const std::uint8_t> excluded,
             std::vector<ItemIndex>& best) {
  best.clear();
  const auto better = [&](ItemIndex a, ItemIndex b) {
    return scores[a] != scores[b] ? scores[a] > scores[b] : a < b;
  };
  const auto offer = [&](ItemIndex item) {
    if (best.size() == size && !better(item, best.front())) return;
    if (excluded[item] != 0) return;
    if (best.size() == size) {
      std::pop_heap(best.begin(), best.end(), better);
      best.back() = item;
    } else {
      best.push_back(item);
    }
    std::push_heap(best.begin(), best.end(), better);
  };
  if (scores.dense()) {
    for (ItemIndex item = 0; item < scores.values().size(); ++item) offer(item);
  } else {
    for (const ItemIndex item : scores.touched()) offer(item);
  }
  std::sort_heap(best.begin(), best.end(), better);
}

}  // namespace fovea::baselines
