#pragma once

// Which items an example is compared with: half from the model's own proposals, half drawn.
//
//   proposals  one systematic sample of NEG/2 over the items that the memories touch, with weight
//              v_i = tw_i + .5 rv_i; inclusion probability min(1, n v_i / sum v)
//   own        the user's latest 8 own items, always in (where repeats are allowed)
//   draws      NEG/2 independent ones, half from the items of the last choices, half uniform over
//              all items ever chosen; q_i the probability of one draw
//
// Duplicates are dropped, and so is what the user has had where seen items are excluded. Each
// candidate carries -ln(inclusion probability), which makes the sampled softmax an estimate of the
// full one: without it popularity is unlearned.
//
// Source    Sampled softmax with logQ correction: Bengio and Senecal 2008; Yi et al. 2019 (RecSys).

#include <cstdint>
#include <string_view>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/model.h"
#include "scorer/random.h"

namespace fovea::scorer {

// The items of the last choices, by everybody.
class RecentItems {
 public:
  explicit RecentItems(std::size_t most) : most_(most) {}
  void add(Slot slot, std::size_t item_count);
  [[nodiscard]] std::size_t size() const { return ring_.size(); }
  [[nodiscard]] Slot at(std::size_t index) const { return ring_[index]; }
  [[nodiscard]] std::uint32_t count(Slot slot) const {
    return slot < counts_.size() ? counts_[slot] : 0;
  }
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);

 private:
  std::size_t most_;
  std::size_t next_ = 0;
  std::vector<Slot> ring_;
  std::vector<std::uint32_t> counts_;
};

// The items that have been chosen and have a row, by anybody at any time.
class ChosenItems {
 public:
  void add(Slot slot);     // nothing happens if it is in already
  void remove(Slot slot);  // or is not in
  [[nodiscard]] std::size_t size() const { return slots_.size(); }
  [[nodiscard]] Slot at(std::size_t index) const { return slots_[index]; }
  [[nodiscard]] bool contains(Slot slot) const { return slot < place_.size() && place_[slot] != 0; }
  void save(ByteWriter& out) const;
  void load(ByteReader& in, std::size_t item_count);

 private:
  std::vector<Slot> slots_;           // the order of draws, which nobody else need know
  std::vector<std::uint32_t> place_;  // 1 + index among slots_; 0: not in
};

struct Candidate {
  Slot slot = kNoSlot;
  float log_correction = 0.0F;  // -ln(inclusion probability)
  ItemTerms terms;
  float gradient = 0.0F;       // d loss / d score
  float head_gradient = 0.0F;  // of the head's loss
};

// Index of an item among the candidates; 0 = none. Scratch that is all zeros between examples.
using CandidateIndex = std::vector<std::uint32_t>;

// Fills `candidates`: `target` first. `index` answers for the slots put in.
void sample_candidates(const Model& model, const Moment& moment, const RecentItems& recent,
                       const ChosenItems& chosen, Slot target, std::string_view seen_filter,
                       Random& random, CandidateIndex& index, std::vector<Candidate>& candidates);

}  // namespace fovea::scorer
