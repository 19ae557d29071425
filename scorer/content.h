#pragma once

// Memory: which items are about the same. It makes an item known before anyone has chosen it.
//
// An item is linked with the nearest 10 by content (cosine of content_attention.h above .2) of
// those that have been chosen: when it is described, and once more when it is first chosen; then
// also with the nearest 10 among those that wait to be. A link holds both ways; an item keeps its
// nearest 30.
//
//   ct(i)   = sum over the newest 5 of e^{-k/3} cos(h_k, i)^2, over the links of h_k
//   start:    a_i = first vector + sum cos^2 a_nb / sum cos^2, over the 5 nearest that were chosen,
//             for as long as nothing was learned of i
//
// It is linear in e^{-k/3}, so the k-th entry's part is exact.
//
// Search    All described items up to 8,192 slots; beyond, items are laid out in cells by the
//           signs of their first few numbers, twice as many with each doubling of the slots, and
//           the item's cell and those one sign away are searched: some 4,096 to 8,192 items each.
//           The 256 whose signs differ least are compared in full.
// Memory    There are no rows before the first item is described.
// Cost      A search is four words an item met; asking walks 150 links at most.

#include <array>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/content_attention.h"
#include "scorer/content_code.h"
#include "scorer/kernels.h"
#include "scorer/query.h"
#include "scorer/sparse_columns.h"
#include "vocab/item.h"

namespace fovea::scorer {

inline constexpr std::size_t kContentDepth = 5;  // newest items whose links are walked

struct Similar {
  Slot slot = kNoSlot;
  float cosine = 0.0F;
};

class Content {
 public:
  void add();             // a new item's row
  void reset(Slot slot);  // another item's from here on

  // What the catalogue says of the item. False if it says nothing new; else its links are gone.
  bool describe(Slot slot, const Item& item);

  // What another memory knows: of all items, then of the same item, which has no links yet.
  void take(const Content& from);
  void take(Slot slot, const Content& from, Slot from_slot);

  // Links the item with the nearest ones that were chosen and, `with_waiting`, with the nearest
  // others. Returns the nearest chosen, nearest first. `choices` is by slot, of all items.
  std::vector<Similar> link(Slot slot, std::span<const std::uint32_t> choices, bool with_waiting,
                            const Kernels& kernels);

  // What followed `newest` is the first of `choices`; the others did not.
  void learn(Slot newest, std::span<const Slot> choices, float strength, const Kernels& kernels);
  [[nodiscard]] const ContentAttention& attention() const { return attention_; }

  // Fills ct of every item that is linked with the newest entries.
  void read(const Query& query, SparseColumns& columns) const;

  // The parts of ct(i) that the newest entries explain.
  [[nodiscard]] std::array<float, kContentDepth> parts(const Query& query, Slot item) const;

  void copy_changed(Content& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  static constexpr std::size_t kNearest = 10;
  static constexpr std::size_t kLinksMax = 30;
  static constexpr float kLeast = .2F;
  static constexpr std::size_t kCompared = 256;      // in full
  static constexpr std::uint32_t kDifferMost = 120;  // of 256: beyond, an angle is as good as right
  static constexpr std::size_t kCellItems = 8192;

  struct Link {
    Slot slot = kNoSlot;
    std::uint32_t hand = 0;  // hands_[slot] then: else the slot is another item's, or content
    float cosine = 0.0F;
  };
  struct Sieved {
    Slot slot = kNoSlot;
    std::uint32_t differ = 0;  // signs
  };

  [[nodiscard]] bool described(Slot slot) const {
    return !fingerprints_.empty() && fingerprints_[slot] != 0;
  }
  void make_rows();
  [[nodiscard]] bool stale(const Link& link) const { return link.hand != hands_[link.slot]; }
  void connect(Slot from, Slot to, float cosine);
  void forget_links(Slot slot);
  [[nodiscard]] std::size_t cell_of(const ContentSigns& signs) const;
  [[nodiscard]] ContentParts parts_of(const ItemWords& words, const Item& item);
  void find_signs(Slot slot);
  void put_into_cell(Slot slot);
  void take_out_of_cell(Slot slot);
  void make_cells();
  template <class Visit>
  void visit_cells(Slot slot, Visit&& visit) const;
  std::span<Sieved> sieve(Slot slot);
  template <class Visit>
  void visit_near(Slot slot, std::span<const std::uint32_t> choices, bool with_waiting,
                  Visit&& visit);

  std::size_t item_count_ = 0;

  // A row an item, or none at all. What a view reads:
  std::vector<std::vector<Link>> links_;
  std::vector<std::uint32_t> hands_;  // how often the slot's content was forgotten
  // The learner's alone:
  std::vector<ContentParts> parts_;
  std::vector<ContentSigns> signs_;          // by the attention when it was last linked
  std::vector<std::uint64_t> fingerprints_;  // of what the code was made of; 0: not described
  WordCounts words_;
  ContentAttention attention_;
  std::size_t cell_bits_ = 0;
  std::vector<std::vector<Slot>> cells_{1};
  Changes changes_;
  std::vector<Sieved> sieved_;  // scratch
};

}  // namespace fovea::scorer
