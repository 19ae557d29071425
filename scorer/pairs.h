#pragma once

// Memory: what follows two items together.
//
//   row(a, b)  items chosen after a, when b came just before it or one earlier
//   t2(i)      = sum over the pairs (h_n, h_{n-1}) of weight 1 and (h_n, h_{n-2}) of weight 1/2
//                of weight w_i / (total + 1)
//
// A hash table of fixed size without chains: a pair has one row that it may have. Another pair
// that meets it there halves the row's total and takes the row over once that is below 1, so
// pairs that keep coming keep their place and the rest is forgotten.
//
// Entries of a slot that another item took over are stale: passed over, removed when their row is
// next written (transitions.h says how they are told).
//
// Shapes    `row_count` rows, a power of two, of at most 16 items; the smallest gives way.
// Source    Second-order Markov transitions with aggressive ageing of rows; the halving is the
//           majority vote of Boyer and Moore (1981) on totals.

#include <array>
#include <cstdint>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/query.h"
#include "scorer/sparse_columns.h"

namespace fovea::scorer {

inline constexpr std::size_t kPairDepth = 2;  // the newest item with each of so many before it

// What a row is known by. Never 0; (a, b) is not (b, a).
[[nodiscard]] std::uint32_t pair_key(ItemKey newest, ItemKey before);

class Pairs {
 public:
  // Requires: row_count is a power of two.
  explicit Pairs(std::size_t row_count);

  // The slot is another item's from here on. `item_count`: how many slots there are.
  void reset(Slot slot, std::size_t item_count);

  // Fills t2 of every item the two rows hold.
  void read(const Query& query, SparseColumns& columns) const;

  // The part of t2(i) that the pair of the newest and the (k + 1)-th newest entry explains, k =
  // 0, 1.
  [[nodiscard]] float part(const Query& query, std::size_t k, Slot item) const;

  // Counts `item` as chosen after the query's history. Immediate repeats are the caller's to leave
  // out.
  void observe(const Query& query, Slot item);

  void copy_changed(Pairs& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);
  [[nodiscard]] std::uint64_t bytes() const {
    return rows_.capacity() * sizeof(Row) + changed_hands_.capacity() * sizeof(std::uint64_t);
  }

 private:
  static constexpr std::size_t kItemsMax = 16;
  struct Row {
    std::uint32_t key = 0;  // 0: nobody's
    float total = 0.0F;
    std::uint32_t count = 0;
    std::uint64_t written = 0;  // changes_of_hands_ then
    std::array<Slot, kItemsMax> items{};
    std::array<float, kItemsMax> weights{};
  };

  [[nodiscard]] std::size_t index_of(std::uint32_t key) const;
  // The row of the newest item with the (k + 1)-th newest, if it is theirs.
  [[nodiscard]] const Row* find(const Query& query, std::size_t k) const;
  [[nodiscard]] bool stale(const Row& row, Slot item) const {
    return row.written != changes_of_hands_ && changed_hands_[item] > row.written;
  }
  void drop_stale(Row& row) const;
  void add(std::uint32_t key, Slot item, float weight);

  std::vector<Row> rows_;
  std::uint64_t changes_of_hands_ = 0;
  std::vector<std::uint64_t> changed_hands_;  // by slot, the how manieth; empty before the first
  Changes changes_;                           // of rows
  Changes slot_changes_;                      // of changed_hands_
};

}  // namespace fovea::scorer
