#pragma once

// Memory: how often and how lately each item was chosen, by everybody.
//
// Dense: every item has a value. Counts decay lazily, value and last time, at three half-lives
// H/8, H and 8H. Because they are powers of one another, one exp2 decays all three.
//
//   x_pop   = log2(.1 + decayed count)      for each half-life
//   x_age   = log2(1 + seconds since first seen)
//   x_rec   = log2(1 + seconds since last chosen)
//   x_count = log2(1 + times chosen)
//
// Shapes    Columns over items. Times are seconds since the epoch as float64: exact to the
//           millisecond, and a difference of two is rounded once.

#include <array>
#include <cstdint>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/same_bits.h"

namespace fovea::scorer {

inline constexpr std::size_t kHalfLives = 3;

// What the features need of one item; overlaid when a user's own choices are not learned yet.
struct ItemCounts {
  std::array<float, kHalfLives> decayed{};  // at H/8, H, 8H, as of last_s
  double first_s = 0.0;
  double last_s = 0.0;
  float log_count = 0.0F;  // log2(1 + count)
  std::uint32_t count = 0;
};

class Popularity {
 public:
  explicit Popularity(double half_life_s);

  [[nodiscard]] std::size_t size() const { return last_s_.size(); }
  void add(double now_s);               // a new item's row
  void reset(Slot slot, double now_s);  // another item's from here on
  void observe(Slot slot, double now_s);
  // The same on one item's copy; nobody else sees it.
  void observe(ItemCounts& counts, double now_s) const;

  [[nodiscard]] ItemCounts counts(Slot slot) const;
  [[nodiscard]] std::uint32_t count(Slot slot) const { return count_[slot]; }

  [[nodiscard]] bool empty() const { return total_ == 0.0; }  // nothing was ever chosen

  // All choices, decayed at H/8: what a share is a share of. At least 1.
  [[nodiscard]] float total(double now_s) const;

  // Decay factors at H/8, H, 8H over dt seconds.
  [[nodiscard]] std::array<float, kHalfLives> decay(float dt) const {
    const float slow = exp2_same_bits(-dt * slowest_rate_);
    const float s2 = slow * slow;
    const float s4 = s2 * s2;
    const float mid = s4 * s4;  // slow^8
    const float m2 = mid * mid;
    const float m4 = m2 * m2;
    return {m4 * m4, mid, slow};
  }

  void fetch(Slot slot) const;  // ahead of counts()

  // Whole columns, for scoring everything.
  [[nodiscard]] const std::array<std::vector<float>, kHalfLives>& decayed() const {
    return decayed_;
  }
  [[nodiscard]] const std::vector<double>& first_s() const { return first_s_; }
  [[nodiscard]] const std::vector<double>& last_s() const { return last_s_; }
  [[nodiscard]] const std::vector<float>& log_count() const { return log_count_; }
  [[nodiscard]] const std::vector<std::uint32_t>& choices() const { return count_; }

  void copy_changed(Popularity& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  void set(Slot slot, const ItemCounts& counts);

  float slowest_rate_;  // 1 / (8 H)
  std::array<std::vector<float>, kHalfLives> decayed_;
  std::vector<double> first_s_, last_s_;
  std::vector<float> log_count_;
  std::vector<std::uint32_t> count_;
  double total_ = 0.0;
  double total_s_ = 0.0;
  Changes changes_;
};

}  // namespace fovea::scorer
