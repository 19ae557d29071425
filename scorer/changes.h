#pragma once

// Which rows were touched since each of the two views last had them.

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea::scorer {

using Slot = std::uint32_t;  // row of an item in every table; order of first appearance in the log
inline constexpr Slot kNoSlot = 0xFFFFFFFFU;

inline constexpr std::size_t kViewCount = 2;

class Changes {
 public:
  void mark(Slot slot) {
    if (slot >= pending_.size()) pending_.resize(slot + 1, 0);
    const std::uint8_t missing = static_cast<std::uint8_t>(~pending_[slot]) & kAllViews;
    if (missing == 0) return;
    for (std::size_t view = 0; view < kViewCount; ++view) {
      if ((missing >> view & 1U) != 0) slots_[view].push_back(slot);
    }
    pending_[slot] = kAllViews;
  }

  // Every row there is, whatever was marked before.
  void mark_all(std::size_t count) {
    pending_.assign(count, kAllViews);
    slots_ = {};
    first_.fill(count);
  }

  // Whether `view` has seen no row at all; then all are forgotten, for the caller to copy whole.
  [[nodiscard]] bool drain_whole(std::size_t view) {
    if (first_[view] == 0 || first_[view] != pending_.size()) return false;
    drain(view, [](Slot) {});
    return true;
  }

  // Calls `copy(slot)` for every row that `view` has not seen, and forgets them.
  template <class Copy>
  void drain(std::size_t view, Copy&& copy) {
    const auto done = [&](Slot slot) {
      copy(slot);
      pending_[slot] &= static_cast<std::uint8_t>(~(1U << view));
    };
    for (std::size_t slot = 0; slot < first_[view]; ++slot) done(static_cast<Slot>(slot));
    first_[view] = 0;
    for (const Slot slot : slots_[view]) done(slot);
    slots_[view].clear();
  }

 private:
  static constexpr std::uint8_t kAllViews = (1U << kViewCount) - 1;
  std::vector<std::uint8_t> pending_;                // a bit a view
  std::array<std::size_t, kViewCount> first_{};      // so many rows, all of them, and
  std::array<std::vector<Slot>, kViewCount> slots_;  // these
};

}  // namespace fovea::scorer
