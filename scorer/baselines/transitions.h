#pragma once

// Transitions: what followed the last items, weights 1/lag both when counting and when asking.
//
//   at a choice of i:  row(h_{n-l})[i] += inc / (1 + l), l = 0..lags-1;  then, for l = 0,
//                      inc *= 1 + forgetting of that row
//   score(i)         = sum_l row(h_{n-l})[i] / inc / (1 + l), l = 0..asked-1
//
// Counts, not shares of a row: shares trust rows that were met once. On ml-latest-small they reach
// NDCG@10 .0673 without forgetting and .0749 with .02, counts .0672 and .0774.
//
// Source    A first-order Markov chain of items with more distant lags at 1/lag, as the sequential
//           rules of Ludewig and Jannach, "Evaluation of session-based recommendation algorithms",
//           2018, arXiv:1803.09587 (SR). Forgetting is ours.

#include <algorithm>
#include <cstddef>
#include <memory>
#include <vector>

#include "scorer/baselines/baseline.h"
#include "scorer/baselines/count_row.h"

namespace fovea::baselines {

struct TransitionsSettings {
  std::size_t lags = 5;  // counted
  std::size_t asked = 5;
  double forgetting = 0.0;
};

// The rows, for those that make other scores of them.
class TransitionCounts {
 public:
  explicit TransitionCounts(const TransitionsSettings& settings);

  void observe(const Question& before, ItemIndex item);

  // Calls visit(l, total of row(h_{n-l}) / inc) for each lag.
  template <class Visit>
  void each_row(const Question& question, Visit&& visit) const {
    const std::size_t n = std::min(settings_.asked, question.history.size());
    for (std::size_t lag = 0; lag < n; ++lag) {
      const ItemIndex from = question.newest(lag);
      if (from < rows_.size()) visit(lag, rows_[from].total / rows_[from].increment);
    }
  }

  // Adds weight(l, total as above) / inc times the counts of row(h_{n-l}) for each lag.
  template <class Weight>
  void add(const Question& question, Weight&& weight, Scores& scores) const {
    each_row(question, [&](std::size_t lag, double total) {
      const Row& row = rows_[question.newest(lag)];
      const double unit = weight(lag, total) / row.increment;
      row.counts.each([&](ItemIndex item, float count) {
        const double part = unit * static_cast<double>(count);
        if (part > 0.0) scores.add(item, part);
      });
    });
  }

 private:
  struct Row {
    CountRow counts;
    double increment = 1.0;
    double total = 0.0;
  };

  TransitionsSettings settings_;
  std::vector<Row> rows_;
};

[[nodiscard]] std::unique_ptr<Baseline> make_transitions(const TransitionsSettings& settings);

}  // namespace fovea::baselines
