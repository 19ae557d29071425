#include "scorer/baselines.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

namespace fovea::scorer {
namespace {

using Index = std::uint32_t;

// What every baseline needs: items in order of appearance, and a rank among scores.
class Ranked : public Baseline {
 public:
  std::optional<std::int32_t> rank(const Behaviour& behaviour, TimeMs now, ItemKey target,
                                   const std::vector<ItemKey>& excluded) final {
    const auto found = index_.find(target);
    if (found == index_.end()) return std::nullopt;
    scores_.assign(index_.size(), 0.0);
    score(behaviour, now, scores_);
    for (const ItemKey key : excluded) {
      const auto at = index_.find(key);
      if (at != index_.end() && key != target) scores_[at->second] = -1.0;
    }
    const double own = scores_[found->second];
    const auto ahead =
        std::count_if(scores_.begin(), scores_.end(), [&](double s) { return s >= own; });
    return static_cast<std::int32_t>(ahead) - 1;  // not itself
  }

 protected:
  // Fills a non-negative score an item.
  virtual void score(const Behaviour& behaviour, TimeMs now, std::vector<double>& scores) = 0;

  Index add(ItemKey key) {
    return index_.try_emplace(key, static_cast<Index>(index_.size())).first->second;
  }
  [[nodiscard]] std::optional<Index> find(ItemKey key) const {
    const auto found = index_.find(key);
    if (found == index_.end()) return std::nullopt;
    return found->second;
  }

 private:
  std::unordered_map<ItemKey, Index> index_;
  std::vector<double> scores_;
};

class PopularityBaseline final : public Ranked {
 public:
  explicit PopularityBaseline(double half_life_s) : half_life_s_(half_life_s) {}
  std::string_view name() const override { return "popularity"; }

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
  void score(const Behaviour&, TimeMs, std::vector<double>& scores) override {
    // An order is all that matters: shift so that every score is positive.
    const double least = *std::min_element(log_weight_.begin(), log_weight_.end());
    for (std::size_t i = 0; i < scores.size(); ++i) scores[i] = log_weight_[i] - least;
  }

  double half_life_s_;
  std::vector<double> log_weight_;
};

class TransitionsBaseline final : public Ranked {
 public:
  explicit TransitionsBaseline(double forgetting) : growth_(1.0 + forgetting) {}
  std::string_view name() const override { return "transitions"; }

  void observe(const Behaviour& before, ItemKey item, TimeMs) override {
    const Index at = add(item);
    rows_.resize(std::max<std::size_t>(rows_.size(), at + 1));
    for (std::size_t k = 0; k < std::min(kDepth, before.history.size()); ++k) {
      const auto from = find(before.history[before.history.size() - 1 - k].item);
      if (!from || *from == at) continue;
      Row& row = rows_[*from];
      row.weights[at] += row.increment / static_cast<double>(1 + k);
      row.total += row.increment / static_cast<double>(1 + k);
      if (k == 0) row.increment *= growth_;
      if (row.increment > 1e100) {
        for (auto& entry : row.weights) entry.second /= row.increment;
        row.total /= row.increment;
        row.increment = 1.0;
      }
    }
  }

 private:
  struct Row {
    std::unordered_map<Index, double> weights;
    double total = 0.0;
    double increment = 1.0;
  };
  static constexpr std::size_t kDepth = 5;

  void score(const Behaviour& behaviour, TimeMs, std::vector<double>& scores) override {
    for (std::size_t k = 0; k < std::min(kDepth, behaviour.history.size()); ++k) {
      const auto from = find(behaviour.history[behaviour.history.size() - 1 - k].item);
      if (!from || *from >= rows_.size() || rows_[*from].total <= 0.0) continue;
      const Row& row = rows_[*from];
      for (const auto& [to, weight] : row.weights) {
        scores[to] += weight / row.total / static_cast<double>(1 + k);
      }
    }
  }

  double growth_;
  std::vector<Row> rows_;
};

}  // namespace

std::unique_ptr<Baseline> make_popularity_baseline(double half_life_s) {
  return std::make_unique<PopularityBaseline>(half_life_s);
}

std::unique_ptr<Baseline> make_transitions_baseline(double forgetting) {
  return std::make_unique<TransitionsBaseline>(forgetting);
}

}  // namespace fovea::scorer
