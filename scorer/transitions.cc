#include "scorer/transitions.h"

#include <algorithm>

namespace fovea::scorer {
namespace {

constexpr float kForgetting = 1.02F;
constexpr float kIncrementMax = 1e6F;  // rescaled before float32 runs out of steps

}  // namespace

Transitions::Transitions(std::size_t row_max, std::size_t history_max)
    : row_max_(row_max), position_(history_max) {
  for (std::size_t l = 0; l < position_.size(); ++l) {
    position_[l].value = -log_same_bits(1.0F + static_cast<float>(l));
  }
}

void Transitions::add() {
  follows_.emplace_back();
  precedes_.emplace_back();
  changes_.mark(static_cast<Slot>(follows_.size() - 1));
}

void Transitions::reset(Slot slot) {
  if (changed_hands_.empty()) changed_hands_.resize(follows_.size(), 0);
  changed_hands_[slot] = ++changes_of_hands_;
  follows_[slot] = Row{};
  precedes_[slot] = Row{};
  changes_.mark(slot);
}

void Transitions::drop_stale(Row& row) const {
  if (row.written != changes_of_hands_) {
    std::size_t kept = 0;
    for (std::size_t e = 0; e < row.items.size(); ++e) {
      if (stale(row, row.items[e])) continue;
      row.items[kept] = row.items[e];
      row.weights[kept++] = row.weights[e];
    }
    row.items.resize(kept);
    row.weights.resize(kept);
  }
  row.written = changes_of_hands_;
}

TransitionWeights Transitions::read(const Query& query, SparseColumns& columns) const {
  TransitionWeights weights;
  weights.depth = std::min(query.history.size(), kFollowsDepth);
  if (weights.depth == 0) return weights;
  float top = -1e30F;
  for (std::size_t k = 0; k < weights.depth; ++k) {
    weights.beta[k] = position_[k].value + gap_[gap_bucket(query.newest(k).age_ms)].value;
    top = std::max(top, weights.beta[k]);
  }
  float sum = 0.0F;
  for (std::size_t k = 0; k < weights.depth; ++k) {
    weights.beta[k] = exp_same_bits(weights.beta[k] - top);
    sum += weights.beta[k];
  }
  for (std::size_t k = 0; k < weights.depth; ++k) {
    weights.beta[k] /= sum;
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot) {
      weights.backoff += weights.beta[k];
      continue;
    }
    const Row& row = follows_[slot];
    const float scale = weights.beta[k] / (row.total + kPrior * row.increment);
    weights.backoff += kPrior * row.increment * scale;
  }
  for (std::size_t k = 0; k < std::min(weights.depth, kPrecedesDepth); ++k) {
    if (const Slot slot = query.newest(k).slot; slot != kNoSlot) {
      for (const auto* rows : {&follows_, &precedes_}) (*rows)[slot].fetch();
    }
  }
  for (std::size_t k = 0; k < weights.depth; ++k) {
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot || !read_row(weights, k)) continue;
    const Row& row = follows_[slot];
    const float scale = weights.beta[k] / (row.total + kPrior * row.increment);
    for (std::size_t e = 0; e < row.items.size(); ++e) {
      if (!stale(row, row.items[e])) columns.at(row.items[e]).follows += scale * row.weights[e];
    }
  }
  for (std::size_t k = 0; k < std::min(weights.depth, kPrecedesDepth); ++k) {
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot) continue;
    const Row& row = precedes_[slot];
    const float scale = weights.beta[k] / (row.total + kPrior * row.increment);
    for (std::size_t e = 0; e < row.items.size(); ++e) {
      if (!stale(row, row.items[e])) columns.at(row.items[e]).precedes += scale * row.weights[e];
    }
  }
  return weights;
}

float Transitions::weight_of(const Row& row, Slot item) const {
  const auto found = std::find(row.items.begin(), row.items.end(), item);
  if (found == row.items.end() || stale(row, item)) return 0.0F;
  return row.weights[static_cast<std::size_t>(found - row.items.begin())];
}

float Transitions::follows(const Query& query, const TransitionWeights& weights, std::size_t k,
                           Slot item) const {
  if (k >= weights.depth || !read_row(weights, k)) return 0.0F;
  const Slot slot = query.newest(k).slot;
  if (slot == kNoSlot) return 0.0F;
  const Row& row = follows_[slot];
  return weights.beta[k] / (row.total + kPrior * row.increment) * weight_of(row, item);
}

float Transitions::precedes(const Query& query, const TransitionWeights& weights, std::size_t k,
                            Slot item) const {
  if (k >= std::min(weights.depth, kPrecedesDepth)) return 0.0F;
  const Slot slot = query.newest(k).slot;
  if (slot == kNoSlot) return 0.0F;
  const Row& row = precedes_[slot];
  return weights.beta[k] / (row.total + kPrior * row.increment) * weight_of(row, item);
}

float Transitions::mass(Slot slot) const {
  if (slot == kNoSlot) return 0.0F;
  return follows_[slot].total / follows_[slot].increment;
}

void Transitions::step(const Query& query, const TransitionWeights& weights, float rate,
                       const std::array<float, kFollowsDepth>& slope) {
  float mean = 0.0F;
  for (std::size_t k = 0; k < weights.depth; ++k) mean += weights.beta[k] * slope[k];
  for (std::size_t k = 0; k < weights.depth; ++k) {
    const float gradient = weights.beta[k] * (slope[k] - mean);  // through the softmax
    position_[k].step(rate, gradient);
    gap_[gap_bucket(query.newest(k).age_ms)].step(rate, gradient);
  }
}

void Transitions::add_to(Row& row, Slot item, float weight) const {
  drop_stale(row);
  const float scaled = weight * row.increment;
  row.total += scaled;
  const auto found = std::find(row.items.begin(), row.items.end(), item);
  if (found != row.items.end()) {
    row.weights[static_cast<std::size_t>(found - row.items.begin())] += scaled;
  } else if (row.items.size() < row_max_) {
    row.items.push_back(item);
    row.weights.push_back(scaled);
  } else {
    const auto smallest = static_cast<std::size_t>(
        std::min_element(row.weights.begin(), row.weights.end()) - row.weights.begin());
    row.items[smallest] = item;
    row.weights[smallest] = scaled;
  }
}

void Transitions::observe(const Query& query, Slot item) {
  for (std::size_t k = 0; k < std::min(query.history.size(), kCountDepth); ++k) {
    const Slot before = query.newest(k).slot;
    if (before == kNoSlot || before == item) continue;
    const float weight = 1.0F / static_cast<float>(1 + k);
    Row& row = follows_[before];
    add_to(row, item, weight);
    if (k == 0) {
      row.increment *= kForgetting;
      if (row.increment > kIncrementMax) {
        const float scale = 1.0F / row.increment;
        for (float& entry : row.weights) entry *= scale;
        row.total *= scale;
        row.increment = 1.0F;
      }
    }
    add_to(precedes_[item], before, weight);
    changes_.mark(before);
  }
  changes_.mark(item);
}

void Transitions::copy_changed(Transitions& view, std::size_t view_index) {
  view.follows_.resize(follows_.size());
  view.precedes_.resize(precedes_.size());
  view.position_ = position_;
  view.gap_ = gap_;
  view.changes_of_hands_ = changes_of_hands_;
  view.changed_hands_.resize(changed_hands_.size(), 0);
  changes_.drain(view_index, [&](Slot slot) {
    view.follows_[slot] = follows_[slot];
    view.precedes_[slot] = precedes_[slot];
    if (!changed_hands_.empty()) view.changed_hands_[slot] = changed_hands_[slot];
  });
}

void Transitions::save(ByteWriter& out) const {
  for (const auto* rows : {&follows_, &precedes_}) {
    for (Row row : *rows) {
      drop_stale(row);
      out.fixed(row.total);
      out.fixed(row.increment);
      out.array(row.items);
      out.array(row.weights);
    }
  }
  out.array(position_);
  out.fixed(gap_);
}

void Transitions::load(ByteReader& in, std::size_t item_count) {
  for (auto* rows : {&follows_, &precedes_}) {
    rows->assign(item_count, Row{});
    for (Row& row : *rows) {
      row.total = in.fixed<float>();
      row.increment = in.fixed<float>();
      in.array(row.items);
      in.array(row.weights);
      const bool known = std::all_of(row.items.begin(), row.items.end(),
                                     [&](Slot slot) { return slot < item_count; });
      if (!known || row.items.size() != row.weights.size() || row.items.size() > row_max_) {
        in.fail();
      }
      if (in.failed()) return;
    }
  }
  const std::size_t positions = position_.size();
  in.array(position_);
  if (position_.size() != positions) in.fail();
  gap_ = in.fixed<decltype(gap_)>();
  changes_.mark_all(item_count);
}

void Transitions::skip(ByteReader& in, std::size_t item_count) const {
  for (std::size_t row = 0; row < 2 * item_count && !in.failed(); ++row) {
    in.skip<decltype(Row::total)>();
    in.skip<decltype(Row::increment)>();
    (void)in.array_apart<Slot>();
    (void)in.array_apart<float>();
  }
  (void)in.array_apart<Scalar>();
  in.skip<decltype(gap_)>();
}

std::uint64_t Transitions::bytes() const {
  std::uint64_t total = changed_hands_.capacity() * sizeof(std::uint64_t);
  for (const auto* rows : {&follows_, &precedes_}) {
    for (const Row& row : *rows) {
      total +=
          sizeof row + row.items.capacity() * sizeof(Slot) + row.weights.capacity() * sizeof(float);
    }
  }
  return total;
}

}  // namespace fovea::scorer
