#include "scorer/neighbours.h"

#include <algorithm>
#include <bit>

#include "scorer/prefetch.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kChoicesAnItem = 40;
constexpr float kPrior = 0.5F;

// e^{-k/3}, to the nearest float.
constexpr std::array<float, kNeighbourDepth> kEntryWeight = {1.0F, 0.71653131F, 0.51341712F,
                                                             0.36787944F, 0.26359714F};
// No stream gets there; a snapshot that claims to is none.
constexpr std::uint64_t kOrdinalMax = std::uint64_t{1} << 62U;

}  // namespace

Neighbourhood::Neighbourhood() : buckets_(kBuckets, 0) {
  neighbours_.reserve(kNeighboursMax);
}

void Neighbourhood::clear() {
  for (const std::uint16_t bucket : taken_) buckets_[bucket] = 0;
  taken_.clear();
  neighbours_.clear();
  scale_ = 0.0F;
}

Neighbourhood::Neighbour* Neighbourhood::find_or_add(UserKey user, std::uint64_t anchor) {
  // The key is a hash already.
  std::size_t bucket = value(user) & (kBuckets - 1);
  while (buckets_[bucket] != 0) {
    Neighbour& neighbour = neighbours_[buckets_[bucket] - 1U];
    if (neighbour.user == user) return &neighbour;
    bucket = (bucket + 1) & (kBuckets - 1);
  }
  if (neighbours_.size() == kNeighboursMax) return nullptr;
  neighbours_.push_back({user, anchor});
  buckets_[bucket] = static_cast<std::uint16_t>(neighbours_.size());
  taken_.push_back(static_cast<std::uint16_t>(bucket));
  return &neighbours_.back();
}

Neighbours::Neighbours(std::size_t ring_size) : ring_(ring_size) {
  FOVEA_ASSERT(std::has_single_bit(ring_size));
}

void Neighbours::add() {
  last_of_item_.push_back(0);
}

void Neighbours::reset(Slot slot) {
  if (changed_hands_.empty()) changed_hands_.resize(last_of_item_.size(), 0);
  changed_hands_[slot] = newest_;
  last_of_item_[slot] = 0;
  slot_changes_.mark(slot);
}

// All abreast, as each choice names the next: of one alone there is a wait for each.
template <class Step>
void Neighbours::walk_abreast(Neighbourhood& hood, std::size_t most, std::size_t first,
                              Step&& step) const {
  const std::size_t n = hood.neighbours_.size();
  std::array<std::uint64_t, Neighbourhood::kNeighboursMax> ordinals;  // 0: at its end
  for (std::size_t i = 0; i < n; ++i) ordinals[i] = hood.neighbours_[i].anchor;
  for (std::size_t z = 0; z <= most; ++z) {
    for (std::size_t i = 0; i < n; ++i) {
      std::uint64_t& ordinal = ordinals[i];
      if (ordinal == 0) continue;
      if (z > 0) hood.near_[i][first + z - 1] = item_of(ordinal);
      if (z == most) continue;
      ordinal = step(ordinal);
      if (ordinal != 0) prefetch(&at(ordinal), sizeof(Choice));
    }
  }
}

void Neighbours::find_near(Neighbourhood& hood) const {
  hood.near_.resize(hood.neighbours_.size());
  for (auto& near : hood.near_) near.fill(kNoSlot);
  walk_abreast(hood, Neighbourhood::kAfter, 0, [&](std::uint64_t ordinal) {
    const std::uint32_t next = at(ordinal).user_next;
    return next == 0 ? 0 : ordinal + next;
  });
  walk_abreast(hood, Neighbourhood::kBefore, Neighbourhood::kAfter, [&](std::uint64_t ordinal) {
    const std::uint32_t back = at(ordinal).user_back;
    return holds(ordinal, back) ? ordinal - back : 0;
  });
}

// The choices of the newest entries, all abreast: each names the one before, so that of one entry
// alone there is a wait for each.
void Neighbours::fetch_choices_of(const Query& query) const {
  std::array<std::uint64_t, kNeighbourDepth> ordinals{};  // 0: at its end
  const std::size_t depth = std::min(kNeighbourDepth, query.history.size());
  for (std::size_t k = 0; k < depth; ++k) {
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot) continue;
    const std::uint64_t ordinal = last_of_item_[slot];
    if (ordinal == 0 || newest_ - ordinal >= ring_.size()) continue;
    ordinals[k] = ordinal;
    prefetch(&at(ordinal), sizeof(Choice));
  }
  for (std::size_t walked = 1; walked < kChoicesAnItem; ++walked) {
    for (std::uint64_t& ordinal : ordinals) {
      if (ordinal == 0) continue;
      const std::uint32_t back = at(ordinal).item_back;
      ordinal = holds(ordinal, back) ? ordinal - back : 0;
      if (ordinal != 0) prefetch(&at(ordinal), sizeof(Choice));
    }
  }
}

void Neighbours::read(const Query& query, Neighbourhood& hood, SparseColumns& columns) const {
  hood.clear();
  fetch_choices_of(query);
  float sum = 0.0F;
  const std::size_t depth = std::min(kNeighbourDepth, query.history.size());
  for (std::size_t k = 0; k < depth; ++k) {
    const QueryEntry& entry = query.newest(k);
    if (entry.slot == kNoSlot) continue;
    const auto newer = [&](std::size_t z) { return query.newest(z).slot == entry.slot; };
    bool met = false;
    for (std::size_t z = 0; z < k && !met; ++z) met = newer(z);
    if (met) continue;
    std::uint64_t ordinal = last_of_item_[entry.slot];
    if (ordinal == 0 || newest_ - ordinal >= ring_.size()) continue;
    for (std::size_t walked = 0; walked < kChoicesAnItem; ++walked) {
      const Choice& choice = at(ordinal);
      if (choice.user != query.user) {
        if (auto* neighbour = hood.find_or_add(choice.user, ordinal)) {
          neighbour->similarity += kEntryWeight[k];
          neighbour->by_entry[k] += kEntryWeight[k];
          sum += kEntryWeight[k];
        }
      }
      if (!holds(ordinal, choice.item_back)) break;
      ordinal -= choice.item_back;
    }
  }
  hood.scale_ = 1.0F / (kPrior + sum);
  find_near(hood);
  for (std::size_t i = 0; i < hood.neighbours_.size(); ++i) {
    const float share = hood.neighbours_[i].similarity * hood.scale_;
    for (std::size_t z = 0; z < Neighbourhood::kNearWeight.size(); ++z) {
      const Slot item = hood.near_[i][z];
      if (item != kNoSlot) columns.at(item).neighbours += share * Neighbourhood::kNearWeight[z];
    }
  }
}

std::array<float, kNeighbourDepth> Neighbours::parts(const Neighbourhood& hood, Slot item) const {
  std::array<float, kNeighbourDepth> parts{};
  for (std::size_t i = 0; i < hood.neighbours_.size(); ++i) {
    const auto& neighbour = hood.neighbours_[i];
    float near = 0.0F;
    for (std::size_t z = 0; z < Neighbourhood::kNearWeight.size(); ++z) {
      if (hood.near_[i][z] == item) near += Neighbourhood::kNearWeight[z];
    }
    if (near == 0.0F) continue;
    for (std::size_t k = 0; k < kNeighbourDepth; ++k) {
      parts[k] += neighbour.by_entry[k] * hood.scale_ * near;
    }
  }
  return parts;
}

void Neighbours::observe(UserKey user, Slot item) {
  put(user, item);
}

// `item` may be kNoSlot: a choice of what gave way to another.
void Neighbours::put(UserKey user, Slot item) {
  const std::uint64_t ordinal = newest_ + 1;
  Choice& place = at(ordinal);
  if (newest_ >= ring_.size()) {
    // The oldest leaves; a user whose newest choice it was is forgotten with it.
    const auto old = last_of_user_.find(place.user);
    if (old != last_of_user_.end() && old->second == ordinal - ring_.size()) {
      last_of_user_.erase(old);
    }
  }
  newest_ = ordinal;
  place = Choice{user, item};
  const auto back = [&](std::uint64_t before) {
    const std::uint64_t distance = ordinal - before;
    return before == 0 || distance >= ring_.size() ? 0U : static_cast<std::uint32_t>(distance);
  };
  if (item != kNoSlot) {
    place.item_back = back(last_of_item_[item]);
    last_of_item_[item] = ordinal;
  }
  std::uint64_t& last = last_of_user_[user];
  place.user_back = back(last);
  if (place.user_back != 0) at(last).user_next = place.user_back;
  last = ordinal;
}

void Neighbours::copy_changed(Neighbours& view, std::size_t view_index) {
  view.last_of_item_.resize(last_of_item_.size(), 0);
  view.changed_hands_.resize(changed_hands_.size(), 0);
  slot_changes_.drain(view_index, [&](Slot slot) {
    view.changed_hands_[slot] = changed_hands_[slot];
    view.last_of_item_[slot] = last_of_item_[slot];
  });
  if (newest_ - copied_[view_index] >= ring_.size()) {
    view.ring_ = ring_;
    view.last_of_item_ = last_of_item_;
  } else {
    for (std::uint64_t ordinal = copied_[view_index] + 1; ordinal <= newest_; ++ordinal) {
      const Choice& choice = at(ordinal);
      view.at(ordinal) = choice;
      if (choice.item != kNoSlot) view.last_of_item_[choice.item] = last_of_item_[choice.item];
      // The one before has learned of its successor.
      if (holds(ordinal, choice.user_back)) {
        view.at(ordinal - choice.user_back) = at(ordinal - choice.user_back);
      }
    }
  }
  view.newest_ = newest_;
  copied_[view_index] = newest_;
}

void Neighbours::save(ByteWriter& out) const {
  // The links follow from users and items in their order.
  const std::uint64_t held = std::min<std::uint64_t>(newest_, ring_.size());
  out.fixed(newest_);
  out.varint(held);
  for (std::uint64_t ordinal = newest_ - held + 1; ordinal <= newest_; ++ordinal) {
    out.fixed(at(ordinal).user);
    out.fixed(item_of(ordinal));
  }
}

void Neighbours::load(ByteReader& in, std::size_t item_count) {
  std::fill(ring_.begin(), ring_.end(), Choice{});
  last_of_item_.assign(item_count, 0);
  last_of_user_.clear();
  const auto newest = in.fixed<std::uint64_t>();
  const std::uint64_t held = in.count();
  if (newest > kOrdinalMax || held > ring_.size() ||
      held != std::min<std::uint64_t>(newest, ring_.size()))
    in.fail();
  if (in.failed()) return;
  newest_ = newest - held;
  for (std::uint64_t i = 0; i < held; ++i) {
    const auto user = in.fixed<UserKey>();
    const auto item = in.fixed<Slot>();
    if (item >= item_count && item != kNoSlot) in.fail();
    if (in.failed()) return;
    put(user, item);
  }
  copied_ = {};
}

std::uint64_t Neighbours::bytes() const {
  return ring_.capacity() * sizeof(Choice) +
         (last_of_item_.capacity() + changed_hands_.capacity()) * sizeof(std::uint64_t) +
         last_of_user_.size() * (sizeof(std::pair<UserKey, std::uint64_t>) + 2 * sizeof(void*));
}

}  // namespace fovea::scorer
