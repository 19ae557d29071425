#include "scorer/baselines/transitions.h"

namespace fovea::baselines {
namespace {

// Far from where a float32 count would overflow.
constexpr double kIncrementMax = 1e15;

class Transitions final : public Baseline {
 public:
  explicit Transitions(const TransitionsSettings& settings) : counts_(settings) {}

  void score(const Question& question, Scores& scores) override {
    const auto by_lag = [](std::size_t lag, double) { return 1.0 / static_cast<double>(1 + lag); };
    counts_.add(question, by_lag, scores);
  }

  void observe(const Question& before, ItemIndex item) override { counts_.observe(before, item); }

 private:
  TransitionCounts counts_;
};

}  // namespace

TransitionCounts::TransitionCounts(const TransitionsSettings& settings) : settings_(settings) {}

void TransitionCounts::observe(const Question& before, ItemIndex item) {
  rows_.resize(before.item_count);
  const std::size_t n = std::min(settings_.lags, before.history.size());
  for (std::size_t lag = 0; lag < n; ++lag) {
    const ItemIndex from = before.newest(lag);
    if (from == item) continue;
    Row& row = rows_[from];
    const double count = row.increment / static_cast<double>(1 + lag);
    row.counts.at(item) += static_cast<float>(count);
    row.total += count;
    if (lag == 0) row.increment *= 1.0 + settings_.forgetting;
    if (row.increment > kIncrementMax) {
      row.counts.divide(static_cast<float>(row.increment));
      row.total /= row.increment;
      row.increment = 1.0;
    }
  }
}

std::unique_ptr<Baseline> make_transitions(const TransitionsSettings& settings) {
  return std::make_unique<Transitions>(settings);
}

}  // namespace fovea::baselines
