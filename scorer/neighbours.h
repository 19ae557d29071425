#pragma once

// Memory: what users did who were lately where this one is.
//
// A ring of the newest choices, linked by item and by user. For the newest 5 items of the history,
// each once, w_k = e^{-k/3}: that item's last 40 choices are walked, newest first, and each by
// another user v adds w_k to sim_v. The first match is v's anchor; at most 512 neighbours.
//
//   kn(i) = sum_v sim_v / (.5 + sum_v sim_v) . near_v(i)
//   near_v(i) = sum_{z=0..4} e^{-z/2} [v's (z+1)-th choice after the anchor is i]
//             + sum_{z=0..2} e^{-z/2} [the (z+1)-th before it is i]
//
// It is linear in w_k, so the k-th entry's part is exact.
//
// Shapes    `ring_size` choices, a power of two, 24 bytes each; the learner keeps its users' newest
// too. Source    Session neighbours: VSKNN, Ludewig and Jannach, 2018, arXiv:1803.09587; decay
// around
//           the anchor: STAN, Garg et al., SIGIR 2019. Here a neighbour is a user of the ring,
//           found by the stream as it is, without sessions.

#include <array>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/query.h"
#include "scorer/sparse_columns.h"

namespace fovea::scorer {

inline constexpr std::size_t kNeighbourDepth = 5;  // newest items that find neighbours

// The neighbours of one question; scratch, kept to save allocations.
class Neighbourhood {
 public:
  Neighbourhood();

 private:
  friend class Neighbours;
  struct Neighbour {
    UserKey user{};
    std::uint64_t anchor = 0;
    float similarity = 0.0F;
    std::array<float, kNeighbourDepth> by_entry{};  // what of it each entry found
  };
  static constexpr std::size_t kNeighboursMax = 512;
  static constexpr std::size_t kBuckets = 2 * kNeighboursMax;

  void clear();
  // Null when all places are taken and the user has none.
  Neighbour* find_or_add(UserKey user, std::uint64_t anchor);

  // The items near an anchor: up to 5 of what was chosen after it, nearest first, up to 3 before.
  static constexpr std::size_t kAfter = 5;
  static constexpr std::size_t kBefore = 3;
  using Near = std::array<Slot, kAfter + kBefore>;  // kNoSlot: none, or it gave way to another
  // e^{-z/2}, to the nearest float.
  static constexpr std::array<float, kAfter + kBefore> kNearWeight = {
      1.0F, 0.60653066F, 0.36787944F, 0.22313016F, 0.13533528F, 1.0F, 0.60653066F, 0.36787944F};

  std::vector<Neighbour> neighbours_;
  std::vector<Near> near_;              // by neighbour
  std::vector<std::uint16_t> buckets_;  // 1 + index, open addressing by user; 0: free
  std::vector<std::uint16_t> taken_;
  float scale_ = 0.0F;  // 1 / (.5 + sum of similarities)
};

class Neighbours {
 public:
  // Requires: ring_size is a power of two.
  explicit Neighbours(std::size_t ring_size);

  void add();             // a new item
  void reset(Slot slot);  // another item's from here on; choices of the one before lead nowhere

  // Finds the neighbours of the query's user and fills kn of every item near their anchors.
  void read(const Query& query, Neighbourhood& hood, SparseColumns& columns) const;

  // The parts of kn(i) that the newest entries explain, after read().
  [[nodiscard]] std::array<float, kNeighbourDepth> parts(const Neighbourhood& hood,
                                                         Slot item) const;

  // Puts the choice into the ring. Immediate repeats are the caller's to leave out.
  void observe(UserKey user, Slot item);

  void copy_changed(Neighbours& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  // Ordinals count from 1; 0 is none. The ring holds the last ring_size of them.
  struct Choice {
    UserKey user{};
    Slot item = kNoSlot;
    std::uint32_t item_back = 0;  // distance to the item's choice before; 0: none in the ring
    std::uint32_t user_back = 0;  // the user's choice before
    std::uint32_t user_next = 0;  // distance to the user's choice after; 0: none yet
  };

  [[nodiscard]] Choice& at(std::uint64_t ordinal) { return ring_[ordinal & (ring_.size() - 1)]; }
  [[nodiscard]] const Choice& at(std::uint64_t ordinal) const {
    return ring_[ordinal & (ring_.size() - 1)];
  }
  // Whether the ring still holds the choice `back` before `ordinal`.
  [[nodiscard]] bool holds(std::uint64_t ordinal, std::uint32_t back) const {
    return back != 0 && back < ordinal && newest_ - (ordinal - back) < ring_.size();
  }
  // The chosen item; kNoSlot if it gave way to another since.
  [[nodiscard]] Slot item_of(std::uint64_t ordinal) const {
    const Slot item = at(ordinal).item;
    const bool gone = !changed_hands_.empty() && item != kNoSlot && ordinal <= changed_hands_[item];
    return gone ? kNoSlot : item;
  }
  void fetch_choices_of(const Query& query) const;
  void put(UserKey user, Slot item);
  void find_near(Neighbourhood& hood) const;
  // From each anchor `most` steps on; what is chosen there goes into `near_` from `first` on.
  template <class Step>
  void walk_abreast(Neighbourhood& hood, std::size_t most, std::size_t first, Step&& step) const;

  std::vector<Choice> ring_;
  std::uint64_t newest_ = 0;                                 // ordinal of the newest choice
  std::vector<std::uint64_t> last_of_item_;                  // by slot
  std::unordered_map<UserKey, std::uint64_t> last_of_user_;  // the learner's; views need none
  // By slot: the newest choice when it changed hands; empty before the first did.
  std::vector<std::uint64_t> changed_hands_;
  Changes slot_changes_;                            // of changed_hands_
  std::array<std::uint64_t, kViewCount> copied_{};  // newest_ when each view was last copied
};

}  // namespace fovea::scorer
