// What a model takes over from its parent: another model of the same topology.

#include <algorithm>
#include <vector>

#include "scorer/learner.h"
#include "scorer/model.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

// By its bytes: a table keeps the settings it was made with.
template <class Table, class... ItemCount>
void carry(const Table& from, Table& to, ItemCount... item_count) {
  ByteWriter out;
  from.save(out);
  ByteReader in(out.bytes());
  to.load(in, item_count...);
  FOVEA_ASSERT(in.at_end());
}

// The same numbers mean the same in both.
bool agree(const ModelSettings& a, const ModelSettings& b) {
  return a.dim == b.dim && a.parts == b.parts && a.exclude_seen == b.exclude_seen &&
         a.positive == b.positive && a.negative == b.negative;
}

// The slots that there is room for, in the order of use.
std::vector<Slot> used_last(const UseOrder& use, std::size_t most) {
  std::vector<Slot> slots;
  for (const bool announced : {false, true}) {
    use.walk(announced, [&](Slot slot) { slots.push_back(slot); });
  }
  slots.erase(slots.begin(),
              slots.end() - static_cast<std::ptrdiff_t>(std::min(most, slots.size())));
  return slots;
}

}  // namespace

Inheritance Model::take_over(const Model& from) {
  FOVEA_ASSERT(item_count() == 0);
  parent = from.stamp;
  const ModelSettings& theirs = from.settings;
  const std::size_t count = from.item_count();
  if (count > static_cast<std::size_t>(settings.items_max) || !agree(settings, theirs)) {
    if (settings.parts.content) content.take(from.content);
    for (const Slot slot : used_last(from.use, static_cast<std::size_t>(settings.items_max))) {
      const Slot ours = add_item({from.catalogue.key(slot), from.catalogue.info(slot).id}, 0.0);
      catalogue.take(ours, from.catalogue, slot);
      if (settings.parts.content) content.take(ours, from.content, slot);
      use.announce(ours, from.use.announced(slot));
    }
    return Inheritance::kCatalogue;
  }
  stamp.position = from.stamp.position;
  carry(from.catalogue, catalogue);
  carry(from.use, use, count);
  carry(from.content, content, count);
  carry(from.items, items);
  carry(from.linear, linear);
  carry(from.repeat, repeat, count);
  carry(from.head, head);
  const bool same_past = settings.history_max == theirs.history_max;
  if (settings.half_life_s == theirs.half_life_s) {
    carry(from.popularity, popularity);
  } else {
    for (std::size_t i = 0; i < count; ++i) popularity.add(0.0);
  }
  if (same_past && settings.transition_row_max >= theirs.transition_row_max) {
    carry(from.transitions, transitions, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) transitions.add();
  }
  if (settings.pair_rows == theirs.pair_rows) carry(from.pairs, pairs, count);
  if (settings.neighbour_ring == theirs.neighbour_ring) {
    carry(from.neighbours, neighbours, count);
  } else {
    for (std::size_t i = 0; i < count; ++i) neighbours.add();
  }
  if (same_past && settings.context_fields == theirs.context_fields) {
    carry(from.attention, attention);
  }
  return Inheritance::kRows;
}

}  // namespace fovea::scorer
