#include "scorer/baselines.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace fovea::scorer {
namespace {

using Index = std::uint32_t;

// Items in order of appearance.
class Indexed : public Baseline {
 protected:
  Index add(ItemKey key) {
    return index_.try_emplace(key, static_cast<Index>(index_.size())).first->second;
  }
  [[nodiscard]] std::optional<Index> find(ItemKey key) const {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }
  [[nodiscard]] std::size_t item_count() const { return index_.size(); }

  // Those of `excluded` that are known, each once, without the target.
  const std::vector<Index>& left_out(const std::vector<ItemKey>& excluded, Index target) {
    left_out_.clear();
    met_.resize(index_.size(), false);
    for (const ItemKey key : excluded) {
      const auto at = find(key);
      if (!at || *at == target || met_[*at]) continue;
      met_[*at] = true;
      left_out_.push_back(*at);
    }
    for (const Index at : left_out_) met_[at] = false;
    return left_out_;
  }

 private:
  std::unordered_map<ItemKey, Index> index_;
  std::vector<Index> left_out_;  // scratch
  std::vector<bool> met_;        // scratch; all false between calls
};

class PopularityBaseline final : public Indexed {
 public:
  explicit PopularityBaseline(double half_life_s) : half_life_s_(half_life_s) {}
  std::string_view name() const override { return "popularity"; }

  std::optional<std::int32_t> rank(const Behaviour&, TimeMs, ItemKey target,
                                   const std::vector<ItemKey>& excluded) override {
    const auto at = find(target);
    if (!at) return std::nullopt;
    const double own = log_weight_[*at];
    const auto rivals =
        std::count_if(log_weight_.begin(), log_weight_.end(), [&](double w) { return w >= own; });
    const auto& out = left_out(excluded, *at);
    const auto gone =
        std::count_if(out.begin(), out.end(), [&](Index i) { return log_weight_[i] >= own; });
    return static_cast<std::int32_t>(rivals - gone - 1);  // not itself
  }

  void observe(const Behaviour&, ItemKey item, TimeMs time) override {
    const Index at = add(item);
    if (at >= log_weight_.size()) log_weight_.resize(at + 1, -1e300);
    // log2 of a sum of 2^(time / half-life): never decays, so old values stay exact.
    const double now = static_cast<double>(value(time)) / 1000.0 / half_life_s_;
    double& weight = log_weight_[at];
    const double top = std::max(weight, now);
    weight = top + std::log2(std::exp2(weight - top) + std::exp2(now - top));
  }

 private:
  double half_life_s_;
  std::vector<double> log_weight_;  // by item
};

class TransitionsBaseline final : public Indexed {
 public:
  explicit TransitionsBaseline(double forgetting) : growth_(1.0 + forgetting) {}
  std::string_view name() const override { return "transitions"; }

  // Touches what the rows hold and no more: most items score 0, and tie.
  std::optional<std::int32_t> rank(const Behaviour& behaviour, TimeMs, ItemKey target,
                                   const std::vector<ItemKey>& excluded) override {
    const auto at = find(target);
    if (!at) return std::nullopt;
    score(behaviour);
    const double own = scores_[*at];
    const auto ahead = [&](Index i) { return scores_[i] >= own; };
    const auto rivals = own > 0.0 ? std::count_if(touched_.begin(), touched_.end(), ahead)
                                  : static_cast<std::ptrdiff_t>(item_count());
    const auto& out = left_out(excluded, *at);
    const auto gone = std::count_if(out.begin(), out.end(), ahead);
    for (const Index i : touched_) scores_[i] = 0.0;
    return static_cast<std::int32_t>(rivals - gone - 1);  // not itself
  }

  void observe(const Behaviour& before, ItemKey item, TimeMs) override {
    const Index at = add(item);
    rows_.resize(item_count());
    for (std::size_t k = 0; k < std::min(kDepth, before.history.size()); ++k) {
      const auto from = find(before.history[before.history.size() - 1 - k].item);
      if (!from || *from == at) continue;
      Row& row = rows_[*from];
      row.entry(at).weight += row.increment / static_cast<double>(1 + k);
      if (k == 0) row.increment *= growth_;
      if (row.increment > 1e100) {
        for (Entry& entry : row.entries) entry.weight /= row.increment;
        row.increment = 1.0;
      }
    }
  }

 private:
  struct Entry {
    Index item;
    double weight;
  };
  // Sorted by item and contiguous: reading a row is what ranking costs.
  struct Row {
    std::vector<Entry> entries;
    double increment = 1.0;

    Entry& entry(Index item) {
      const auto place = std::lower_bound(entries.begin(), entries.end(), item,
                                          [](const Entry& e, Index i) { return e.item < i; });
      if (place != entries.end() && place->item == item) return *place;
      return *entries.insert(place, {item, 0.0});
    }
  };
  static constexpr std::size_t kDepth = 5;

  // Fills scores_ and says which are not 0.
  void score(const Behaviour& behaviour) {
    scores_.resize(item_count(), 0.0);
    touched_.clear();
    for (std::size_t k = 0; k < std::min(kDepth, behaviour.history.size()); ++k) {
      const auto from = find(behaviour.history[behaviour.history.size() - 1 - k].item);
      if (!from) continue;
      const Row& row = rows_[*from];
      const double unit = 1.0 / (static_cast<double>(1 + k) * row.increment);
      for (const auto& [item, weight] : row.entries) {
        const double part = weight * unit;
        if (part == 0.0) continue;  // forgotten beyond float64
        if (scores_[item] == 0.0) touched_.push_back(item);
        scores_[item] += part;
      }
    }
  }

  double growth_;
  std::vector<Row> rows_;
  std::vector<double> scores_;  // scratch; all 0 between calls
  std::vector<Index> touched_;  // scratch
};

}  // namespace

std::unique_ptr<Baseline> make_popularity_baseline(double half_life_s) {
  return std::make_unique<PopularityBaseline>(half_life_s);
}

std::unique_ptr<Baseline> make_transitions_baseline(double forgetting) {
  return std::make_unique<TransitionsBaseline>(forgetting);
}

}  // namespace fovea::scorer
