#include "scorer/baselines/popularity.h"

#include <algorithm>
#include <cmath>

namespace fovea::baselines {
namespace {

class Popularity final : public Baseline {
 public:
  explicit Popularity(double half_life_s) : counts_(half_life_s) {}

  void score(const Question& question, Scores& scores) override {
    const std::span<double> all = scores.all();
    const double offset = counts_.offset(question.now_s);
    for (ItemIndex item = 0; item < all.size(); ++item) {
      all[item] = counts_.log2_count(item) - offset;
    }
  }

  void observe(const Question& before, ItemIndex item) override {
    counts_.observe(item, before.now_s);
  }

 private:
  DecayedCounts counts_;
};

}  // namespace

void DecayedCounts::observe(ItemIndex item, double now_s) {
  if (item >= log2_.size()) log2_.resize(item + 1, -std::numeric_limits<double>::infinity());
  const double now = now_s * per_second_;
  double& log2 = log2_[item];
  const double top = std::max(log2, now);
  log2 = top + std::log2(std::exp2(log2 - top) + std::exp2(now - top));
}

std::unique_ptr<Baseline> make_popularity(double half_life_s) {
  return std::make_unique<Popularity>(half_life_s);
}

}  // namespace fovea::baselines
