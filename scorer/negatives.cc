#include "scorer/negatives.h"

#include <algorithm>

#include "scorer/same_bits.h"
#include "scorer/seen_filter.h"

namespace fovea::scorer {
namespace {

constexpr float kUniformShare = 0.5F;
constexpr float kPrecedesWeight = 0.5F;
constexpr float kNeighboursWeight = 0.5F;
constexpr std::size_t kOwnAlwaysIn = 8;

float proposal_weight(const SparseLine& line) {
  return line.follows + kPrecedesWeight * line.precedes + kNeighboursWeight * line.neighbours;
}

}  // namespace

void RecentItems::add(Slot slot, std::size_t item_count) {
  counts_.resize(item_count, 0);
  if (ring_.size() < most_) {
    ring_.push_back(slot);
  } else {
    --counts_[ring_[next_]];
    ring_[next_] = slot;
    next_ = (next_ + 1) % most_;
  }
  ++counts_[slot];
}

void RecentItems::save(ByteWriter& out) const {
  out.varint(next_);
  out.array(ring_);
}

void RecentItems::load(ByteReader& in, std::size_t item_count) {
  next_ = static_cast<std::size_t>(in.varint());
  in.array(ring_);
  counts_.assign(item_count, 0);
  if (ring_.size() > most_ || (next_ != 0 && next_ >= ring_.size())) in.fail();
  for (const Slot slot : ring_) {
    if (slot >= item_count) {
      in.fail();
      return;
    }
    ++counts_[slot];
  }
}

void ChosenItems::add(Slot slot) {
  if (contains(slot)) return;
  if (place_.size() <= slot) place_.resize(slot + 1, 0);
  slots_.push_back(slot);
  place_[slot] = static_cast<std::uint32_t>(slots_.size());
}

void ChosenItems::remove(Slot slot) {
  if (!contains(slot)) return;
  const std::uint32_t place = place_[slot];
  const Slot last = slots_.back();
  slots_[place - 1] = last;
  place_[last] = place;
  slots_.pop_back();
  place_[slot] = 0;
}

void ChosenItems::save(ByteWriter& out) const {
  out.array(slots_);
}

void ChosenItems::load(ByteReader& in, std::size_t item_count) {
  std::vector<Slot> slots;
  in.array(slots);
  *this = {};
  for (const Slot slot : slots) {
    if (slot >= item_count || contains(slot)) return in.fail();
    add(slot);
  }
}

void sample_candidates(const Model& model, const Moment& moment, const RecentItems& recent,
                       const ChosenItems& chosen, Slot target, std::string_view seen_filter,
                       Random& random, CandidateIndex& index, std::vector<Candidate>& candidates) {
  const auto& lines = moment.columns.lines();
  const auto wanted = static_cast<float>(model.settings.negatives);
  float weight_sum = 0.0F;
  for (const SparseLine& line : lines) weight_sum += proposal_weight(line);
  const float proposals = weight_sum > 0.0F ? 0.5F * wanted : 0.0F;
  const float draws = wanted - proposals;
  const auto chosen_count = static_cast<float>(chosen.size());
  const auto recent_count = static_cast<float>(recent.size());

  const auto put = [&](Slot slot) {
    candidates.emplace_back().slot = slot;
    index[slot] = static_cast<std::uint32_t>(candidates.size());
  };
  const auto put_negative = [&](Slot slot) {
    if (index[slot] == 0 && !maybe_seen(seen_filter, model.catalogue.key(slot))) put(slot);
  };

  candidates.clear();
  index.resize(model.item_count(), 0);
  put(target);
  std::size_t own_count = 0;
  bool target_is_own = false;
  for (const QueryOwnItem& own : moment.query.own_items) {
    if (own.lag_class == 0 || own_count++ == kOwnAlwaysIn) break;
    if (own.slot == target) {
      target_is_own = true;
    } else {
      put(own.slot);
    }
  }
  const std::size_t always_in = candidates.size();
  if (proposals > 0.0F) {
    const float stride = weight_sum / proposals;
    float until_next = random.uniform() * stride;
    for (const SparseLine& line : lines) {
      until_next -= proposal_weight(line);
      if (until_next >= 0.0F) continue;
      while (until_next < 0.0F) until_next += stride;
      put_negative(line.slot);
    }
  }
  for (int draw = 0; draw < static_cast<int>(draws); ++draw) {
    const bool uniform = random.uniform() < kUniformShare;
    put_negative(uniform ? chosen.at(random.below(static_cast<std::uint32_t>(chosen.size())))
                         : recent.at(random.below(static_cast<std::uint32_t>(recent.size()))));
  }

  // How likely each of them was to be missed; then what that corrects.
  each<exp_same_bits>(
      candidates.size(),
      [&](std::size_t i) {
        const Slot slot = candidates[i].slot;
        const float one_draw =
            (1.0F - kUniformShare) * static_cast<float>(recent.count(slot)) / recent_count +
            (chosen.contains(slot) ? kUniformShare / chosen_count : 0.0F);
        return -draws * one_draw;
      },
      [&](std::size_t i, float missed) {
        if (proposals > 0.0F) {
          const float weight = proposal_weight(moment.columns.find(candidates[i].slot));
          missed *= 1.0F - std::min(1.0F, proposals * weight / weight_sum);
        }
        candidates[i].log_correction = missed;
      });
  each<log_same_bits>(
      candidates.size(), [&](std::size_t i) { return 1.0F - candidates[i].log_correction + 1e-9F; },
      [&](std::size_t i, float inclusion) {
        const bool drawn = i == 0 ? !target_is_own : i >= always_in;
        candidates[i].log_correction = drawn ? -inclusion : 0.0F;
      });
}

}  // namespace fovea::scorer
