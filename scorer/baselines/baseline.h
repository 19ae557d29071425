#pragma once

// A simple way to score all items, beside which the model is measured.
//
// Items and users are numbered in order of appearance; panel.h does that once for all baselines,
// ranks what they score and leaves out what may not be shown.
//
// Units     Scores order the items of one question and mean nothing across questions.
// Threads   Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <vector>

namespace fovea::baselines {

using ItemIndex = std::uint32_t;
using UserIndex = std::uint32_t;

// What is asked, and from what an answer may be made.
struct Question {
  UserIndex user = 0;
  double now_s = 0.0;
  std::size_t item_count = 0;  // items observed so far: the candidates
  std::span<const ItemIndex>
      history;                     // the user's choices, newest last; at most what a profile has
  std::span<const ItemIndex> own;  // every item the user has had, once, newest first

  // The k-th newest choice, k = 0 the newest.
  [[nodiscard]] ItemIndex newest(std::size_t k) const { return history[history.size() - 1 - k]; }
};

// One score an item. Either a few items have one and the others 0, or all have.
class Scores {
 public:
  // All 0, for so many items.
  void begin(std::size_t item_count);

  // Requires: value > 0 in the end; what cancels out to 0 counts as not scored.
  void add(ItemIndex item, double value) {
    if (values_[item] == 0.0) touched_.push_back(item);
    values_[item] += value;
  }

  // For a baseline that scores every item: it writes all of them, of any sign.
  [[nodiscard]] std::span<double> all() {
    dense_ = true;
    return values_;
  }

  [[nodiscard]] bool dense() const { return dense_; }
  [[nodiscard]] double operator[](ItemIndex item) const { return values_[item]; }
  [[nodiscard]] std::span<const ItemIndex> touched() const { return touched_; }
  [[nodiscard]] std::span<const double> values() const { return values_; }

 private:
  std::vector<double> values_;
  std::vector<ItemIndex> touched_;  // not 0, unless dense_
  bool dense_ = false;
};

class Baseline {
 public:
  Baseline() = default;
  Baseline(const Baseline&) = delete;
  Baseline& operator=(const Baseline&) = delete;
  virtual ~Baseline() = default;

  // `scores` is all 0 for question.item_count items.
  virtual void score(const Question& question, Scores& scores) = 0;

  // Learns that `item` was chosen where `before` could have been asked. The item is among the
  // before.item_count already.
  virtual void observe(const Question& before, ItemIndex item) = 0;

  // For those that tune themselves on what was asked: the answer to the last score(). Items of
  // `excluded` (1) are no candidates.
  virtual void judge(const Question& question, ItemIndex chosen,
                     std::span<const std::uint8_t> excluded);

  // No question from here on may be tuned on.
  virtual void end_tuning() {}
};

}  // namespace fovea::baselines
