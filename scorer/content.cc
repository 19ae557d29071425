#include "scorer/content.h"

#include <algorithm>
#include <bit>
#include <string>
#include <string_view>
#include <utility>

#include "scorer/prefetch.h"

namespace fovea::scorer {
namespace {

// e^{-k/3}, to the nearest float.
constexpr std::array<float, kContentDepth> kEntryWeight = {1.0F, 0.71653131F, 0.51341712F,
                                                           0.36787944F, 0.26359714F};

// Nearest first, ties to the lower slot: a function of what was compared, in any order.
bool nearer(const Similar& a, const Similar& b) {
  return a.cosine != b.cosine ? a.cosine > b.cosine : a.slot < b.slot;
}

void keep_nearest(std::vector<Similar>& best, std::size_t most, const Similar& item) {
  if (best.size() == most) {
    if (!nearer(item, best.back())) return;
    best.pop_back();
  }
  best.insert(std::upper_bound(best.begin(), best.end(), item, nearer), item);
}

constexpr std::size_t kFetchAhead = 4;  // codes

}  // namespace

void Content::add() {
  ++item_count_;
  if (!fingerprints_.empty()) make_rows();
}

// For every item that has none.
void Content::make_rows() {
  links_.resize(item_count_);
  hands_.resize(item_count_);
  parts_.resize(item_count_);
  signs_.resize(item_count_);
  fingerprints_.resize(item_count_);
  if (item_count_ <= kCellItems << cell_bits_) return;
  while (item_count_ > kCellItems << cell_bits_) ++cell_bits_;
  make_cells();
}

void Content::forget_links(Slot slot) {
  if (!described(slot)) return;
  take_out_of_cell(slot);
  ++hands_[slot];
  links_[slot] = {};
  parts_[slot] = {};
  fingerprints_[slot] = 0;
  changes_.mark(slot);
}

void Content::reset(Slot slot) {
  forget_links(slot);
}

// A kind of which nothing is known (a vector of zeros) is none that the item has.
ContentParts Content::parts_of(const ItemWords& words, const Item& item) {
  ContentParts parts;
  const auto put = [&](std::string_view name, const ContentCode& code) {
    if (code.inverse_length == 0.0F) return;
    const auto kind = attention_.kind(name);
    // Of a modality named twice the first counts.
    const bool there = std::any_of(parts.begin(), parts.end(),
                                   [&](const ContentPart& part) { return part.kind == kind; });
    if (kind && !there) parts.push_back({*kind, code});
  };
  put("words", code_of_words(words.text, words_));
  put("categories", code_of_words(words.categories, words_));
  put("tags", code_of_words(words.tags, words_));
  for (const auto& [name, vector] : item.vectors) {
    put("vectors." + name, code_of_vector(name, vector));
  }
  std::sort(parts.begin(), parts.end(),
            [](const ContentPart& a, const ContentPart& b) { return a.kind < b.kind; });
  return parts;
}

bool Content::describe(Slot slot, const Item& item) {
  const ItemWords words = words_of(item);
  const std::uint64_t said = fingerprint(words, item);
  if (said == (described(slot) ? fingerprints_[slot] : 0)) return false;
  forget_links(slot);
  if (said == 0) return false;
  make_rows();
  words_.add(words);
  fingerprints_[slot] = said;
  parts_[slot] = parts_of(words, item);
  signs_[slot] = attention_.signs(parts_[slot]);
  put_into_cell(slot);
  return true;
}

void Content::take(const Content& from) {
  words_ = from.words_;
  attention_ = from.attention_;
}

void Content::take(Slot slot, const Content& from, Slot from_slot) {
  if (!from.described(from_slot)) return;
  make_rows();
  parts_[slot] = from.parts_[from_slot];
  signs_[slot] = from.signs_[from_slot];
  fingerprints_[slot] = from.fingerprints_[from_slot];
  put_into_cell(slot);
}

// ---- cells ----

std::size_t Content::cell_of(const ContentSigns& signs) const {
  return static_cast<std::size_t>(signs[0] & ((std::uint64_t{1} << cell_bits_) - 1));
}

void Content::put_into_cell(Slot slot) {
  cells_[cell_of(signs_[slot])].push_back(slot);
}

void Content::take_out_of_cell(Slot slot) {
  auto& cell = cells_[cell_of(signs_[slot])];
  const auto found = std::find(cell.begin(), cell.end(), slot);
  *found = cell.back();
  cell.pop_back();
}

void Content::make_cells() {
  cells_.assign(std::size_t{1} << cell_bits_, {});
  for (std::size_t slot = 0; slot < parts_.size(); ++slot) {
    if (fingerprints_[slot] != 0) put_into_cell(static_cast<Slot>(slot));
  }
}

// The item's cell and those one sign away.
template <class Visit>
void Content::visit_cells(Slot slot, Visit&& visit) const {
  const std::size_t own = cell_of(signs_[slot]);
  visit(cells_[own]);
  for (std::size_t bit = 0; bit < cell_bits_; ++bit) visit(cells_[own ^ std::size_t{1} << bit]);
}

// All of these cells whose signs differ from the item's by no more than is worth a comparison.
std::span<Content::Sieved> Content::sieve(Slot slot) {
  std::size_t most = 0;
  visit_cells(slot, [&](const std::vector<Slot>& cell) { most += cell.size(); });
  if (sieved_.size() < most) sieved_.resize(most);
  const ContentSigns& signs = signs_[slot];
  std::size_t count = 0;
  visit_cells(slot, [&](const std::vector<Slot>& cell) {
    for (const Slot other : cell) {
      std::uint32_t differ = 0;
      for (std::size_t w = 0; w < signs.size(); ++w) {
        differ += static_cast<std::uint32_t>(std::popcount(signs[w] ^ signs_[other][w]));
      }
      // Without a branch, which nobody could foretell.
      sieved_[count] = {other, differ};
      count += differ <= kDifferMost ? 1U : 0U;
    }
  });
  return std::span(sieved_).first(count);
}

// Those kCompared whose signs differ least from the item's, and all that differ no more than the
// last of them: no order decides who is among them.
template <class Visit>
void Content::visit_near(Slot slot, std::span<const std::uint32_t> choices, bool with_waiting,
                         Visit&& visit) {
  std::span<Sieved> near = sieve(slot);
  std::array<std::array<std::uint32_t, kDifferMost + 1>, 2> how_many{};  // chosen; waiting
  const auto waits = [&](Slot other) { return choices[other] == 0 ? 1U : 0U; };
  for (const Sieved& other : near) ++how_many[waits(other.slot)][other.differ];
  std::array<std::int64_t, 2> most{-1, -1};
  for (std::size_t waiting = 0; waiting < (with_waiting ? 2U : 1U); ++waiting) {
    std::size_t sum = 0;
    while (sum < kCompared && most[waiting] < kDifferMost) {
      sum += how_many[waiting][static_cast<std::size_t>(++most[waiting])];
    }
  }
  const auto far = std::remove_if(near.begin(), near.end(), [&](const Sieved& other) {
    return other.slot == slot || other.differ > most[waits(other.slot)];
  });
  near = near.first(static_cast<std::size_t>(far - near.begin()));
  for (std::size_t i = 0; i < near.size(); ++i) {
    if (i + kFetchAhead < near.size()) {
      const ContentParts& ahead = parts_[near[i + kFetchAhead].slot];
      prefetch(ahead.data(), ahead.size() * sizeof(ContentPart));
    }
    visit(near[i].slot, choices[near[i].slot] == 0);
  }
}

// Anew: the attention has moved on since the item was described.
void Content::find_signs(Slot slot) {
  const ContentSigns signs = attention_.signs(parts_[slot]);
  if (signs == signs_[slot]) return;
  take_out_of_cell(slot);
  signs_[slot] = signs;
  put_into_cell(slot);
}

// ---- links ----

// An item keeps its nearest: of equals those it has.
void Content::connect(Slot from, Slot to, float cosine) {
  auto& links = links_[from];
  std::erase_if(links, [&](const Link& link) { return stale(link); });
  const Link added{to, hands_[to], cosine};
  if (std::any_of(links.begin(), links.end(), [&](const Link& link) { return link.slot == to; })) {
    return;
  }
  changes_.mark(from);
  if (links.size() < kLinksMax) {
    links.push_back(added);
    return;
  }
  const auto farthest = std::min_element(
      links.begin(), links.end(), [](const Link& a, const Link& b) { return a.cosine < b.cosine; });
  if (farthest->cosine < cosine) *farthest = added;
}

std::vector<Similar> Content::link(Slot slot, std::span<const std::uint32_t> choices,
                                   bool with_waiting, const Kernels& kernels) {
  std::vector<Similar> of_chosen;
  if (!described(slot)) return of_chosen;
  find_signs(slot);
  std::vector<Similar> of_waiting;
  visit_near(slot, choices, with_waiting, [&](Slot other, bool waiting) {
    const float cosine = attention_.similarity(parts_[slot], parts_[other], kernels);
    if (cosine > kLeast) {
      keep_nearest(waiting ? of_waiting : of_chosen, kNearest, {other, cosine});
    }
  });
  for (const auto* list : {&of_chosen, &of_waiting}) {
    for (const Similar& similar : *list) {
      connect(slot, similar.slot, similar.cosine);
      connect(similar.slot, slot, similar.cosine);
    }
  }
  return of_chosen;
}

void Content::learn(Slot newest, std::span<const Slot> choices, float strength,
                    const Kernels& kernels) {
  if (parts_.empty()) return;
  std::vector<const ContentParts*> parts;
  for (const Slot choice : choices) {
    parts.push_back(&parts_[choice]);
    prefetch(parts_[choice].data(), parts_[choice].size() * sizeof(ContentPart));
  }
  attention_.learn(parts_[newest], parts, strength, kernels);
}

// ---- asking ----

void Content::read(const Query& query, SparseColumns& columns) const {
  if (links_.empty()) return;
  for (std::size_t k = 0; k < std::min(kContentDepth, query.history.size()); ++k) {
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot) continue;
    for (const Link& link : links_[slot]) {
      if (!stale(link)) {
        columns.at(link.slot).content += kEntryWeight[k] * link.cosine * link.cosine;
      }
    }
  }
}

std::array<float, kContentDepth> Content::parts(const Query& query, Slot item) const {
  std::array<float, kContentDepth> parts{};
  if (links_.empty()) return parts;
  for (std::size_t k = 0; k < std::min(kContentDepth, query.history.size()); ++k) {
    const Slot slot = query.newest(k).slot;
    if (slot == kNoSlot) continue;
    for (const Link& link : links_[slot]) {
      if (link.slot == item && !stale(link)) {
        parts[k] += kEntryWeight[k] * link.cosine * link.cosine;
      }
    }
  }
  return parts;
}

// ---- copies ----

void Content::copy_changed(Content& view, std::size_t view_index) {
  view.links_.resize(links_.size());
  view.hands_.resize(hands_.size());
  changes_.drain(view_index, [&](Slot slot) {
    view.links_[slot] = links_[slot];
    view.hands_[slot] = hands_[slot];
  });
}

void Content::save(ByteWriter& out) const {
  words_.save(out);
  attention_.save(out);
  for (std::size_t slot = 0; slot < item_count_; ++slot) {
    out.fixed(described(static_cast<Slot>(slot)) ? fingerprints_[slot] : std::uint64_t{0});
    if (!described(static_cast<Slot>(slot))) continue;
    out.varint(parts_[slot].size());
    for (const ContentPart& part : parts_[slot]) {
      out.varint(part.kind);
      out.fixed(part.code.values);
    }
    out.fixed(signs_[slot]);
    std::vector<Link> links = links_[slot];
    std::erase_if(links, [&](const Link& link) { return stale(link); });
    out.varint(links.size());
    for (const Link& link : links) {
      out.fixed(link.slot);
      out.fixed(link.cosine);
    }
  }
}

void Content::load(ByteReader& in, std::size_t item_count) {
  words_.load(in);
  attention_.load(in);
  item_count_ = item_count;
  for (std::size_t slot = 0; slot < item_count && !in.failed(); ++slot) {
    const auto said = in.fixed<std::uint64_t>();
    if (said == 0) continue;
    make_rows();
    changes_.mark(static_cast<Slot>(slot));
    fingerprints_[slot] = said;
    parts_[slot].resize(in.count(1 + kCodeDim));
    std::int64_t before = -1;
    for (ContentPart& part : parts_[slot]) {
      const std::uint64_t kind = in.varint();
      part.code.values = in.fixed<decltype(ContentCode::values)>();
      part.code.inverse_length = inverse_length(part.code.values);
      if (kind >= attention_.kinds().size() || static_cast<std::int64_t>(kind) <= before) in.fail();
      before = static_cast<std::int64_t>(kind);
      part.kind = static_cast<std::uint32_t>(kind);
    }
    signs_[slot] = in.fixed<ContentSigns>();
    links_[slot].resize(in.count(sizeof(Slot) + sizeof(float)));
    for (Link& link : links_[slot]) {
      link.slot = in.fixed<Slot>();
      link.cosine = in.fixed<float>();
      if (link.slot >= item_count || !(link.cosine > 0.0F)) in.fail();
    }
    if (links_[slot].size() > kLinksMax) in.fail();
    if (in.failed()) return;
  }
  make_cells();
}

std::uint64_t Content::bytes() const {
  std::uint64_t total =
      words_.bytes() + parts_.capacity() * sizeof(parts_[0]) +
      signs_.capacity() * sizeof(ContentSigns) + fingerprints_.capacity() * sizeof(std::uint64_t) +
      hands_.capacity() * sizeof(std::uint32_t) + links_.capacity() * sizeof(links_[0]);
  for (const auto& links : links_) total += links.capacity() * sizeof(Link);
  for (const auto& parts : parts_) total += parts.capacity() * sizeof(ContentPart);
  for (const auto& cell : cells_) total += cell.capacity() * sizeof(Slot);
  return total;
}

}  // namespace fovea::scorer
