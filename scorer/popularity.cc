#include "scorer/popularity.h"

#include <algorithm>

#include "scorer/prefetch.h"

namespace fovea::scorer {

Popularity::Popularity(double half_life_s)
    : slowest_rate_(static_cast<float>(1.0 / (8.0 * half_life_s))) {}

void Popularity::add(double now_s) {
  for (auto& column : decayed_) column.push_back(0.0F);
  first_s_.push_back(now_s);
  last_s_.push_back(now_s);
  log_count_.push_back(0.0F);
  count_.push_back(0);
  changes_.mark(static_cast<Slot>(size() - 1));
}

void Popularity::reset(Slot slot, double now_s) {
  ItemCounts fresh;
  fresh.first_s = now_s;
  fresh.last_s = now_s;
  set(slot, fresh);
  changes_.mark(slot);
}

ItemCounts Popularity::counts(Slot slot) const {
  return {{decayed_[0][slot], decayed_[1][slot], decayed_[2][slot]},
          first_s_[slot],
          last_s_[slot],
          log_count_[slot],
          count_[slot]};
}

void Popularity::fetch(Slot slot) const {
  for (const auto& column : decayed_) prefetch(&column[slot], sizeof(float));
  prefetch(&first_s_[slot], sizeof(double));
  prefetch(&last_s_[slot], sizeof(double));
  prefetch(&log_count_[slot], sizeof(float));
  prefetch(&count_[slot], sizeof(std::uint32_t));
}

void Popularity::set(Slot slot, const ItemCounts& counts) {
  for (std::size_t h = 0; h < kHalfLives; ++h) decayed_[h][slot] = counts.decayed[h];
  first_s_[slot] = counts.first_s;
  last_s_[slot] = counts.last_s;
  log_count_[slot] = counts.log_count;
  count_[slot] = counts.count;
}

void Popularity::observe(ItemCounts& counts, double now_s) const {
  // A late choice counts in full at the item's own time: decay never runs backwards.
  const auto factor = decay(static_cast<float>(std::max(0.0, now_s - counts.last_s)));
  for (std::size_t h = 0; h < kHalfLives; ++h) {
    counts.decayed[h] = fma_same_bits(counts.decayed[h], factor[h], 1.0F);
  }
  // An item announced but never chosen is as old as its first choice.
  if (counts.count == 0) counts.first_s = now_s;
  counts.last_s = counts.count == 0 ? now_s : std::max(counts.last_s, now_s);
  ++counts.count;
  counts.log_count = log2_same_bits(1.0F + static_cast<float>(counts.count));
}

void Popularity::observe(Slot slot, double now_s) {
  ItemCounts row = counts(slot);
  observe(row, now_s);
  set(slot, row);
  changes_.mark(slot);
  const float passed = static_cast<float>(std::max(0.0, now_s - total_s_));
  total_ = total_ * static_cast<double>(decay(passed)[0]) + 1.0;
  total_s_ = std::max(total_s_, now_s);
}

float Popularity::total(double now_s) const {
  const float passed = static_cast<float>(std::max(0.0, now_s - total_s_));
  return std::max(1.0F, static_cast<float>(total_) * decay(passed)[0]);
}

void Popularity::copy_changed(Popularity& view, std::size_t view_index) {
  for (std::size_t h = 0; h < kHalfLives; ++h) view.decayed_[h].resize(size());
  view.first_s_.resize(size());
  view.last_s_.resize(size());
  view.log_count_.resize(size());
  view.count_.resize(size());
  view.total_ = total_;
  view.total_s_ = total_s_;
  changes_.drain(view_index, [&](Slot slot) { view.set(slot, counts(slot)); });
}

void Popularity::save(ByteWriter& out) const {
  for (const auto& column : decayed_) out.array(column);
  out.array(first_s_);
  out.array(last_s_);
  out.array(log_count_);
  out.array(count_);
  out.fixed(total_);
  out.fixed(total_s_);
}

void Popularity::load(ByteReader& in) {
  for (auto& column : decayed_) in.array(column);
  in.array(first_s_);
  in.array(last_s_);
  in.array(log_count_);
  in.array(count_);
  total_ = in.fixed<double>();
  total_s_ = in.fixed<double>();
  const std::size_t rows = last_s_.size();
  if (decayed_[0].size() != rows || decayed_[1].size() != rows || decayed_[2].size() != rows ||
      first_s_.size() != rows || log_count_.size() != rows || count_.size() != rows) {
    in.fail();
    return;
  }
  changes_.mark_all(rows);
}

std::uint64_t Popularity::bytes() const {
  return size() * (kHalfLives * sizeof(float) + 2 * sizeof(double) + 2 * sizeof(float));
}

}  // namespace fovea::scorer
