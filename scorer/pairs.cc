#include "scorer/pairs.h"

#include <algorithm>
#include <bit>

#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr float kPrior = 1.0F;

// Of the pair with the k-th item before the newest.
constexpr float pair_weight(std::size_t k) {
  return k == 0 ? 1.0F : 0.5F;
}

}  // namespace

// The finalizer is Stafford's variant 13 of MurmurHash3's.
std::uint32_t pair_key(ItemKey newest, ItemKey before) {
  std::uint64_t z = static_cast<std::uint64_t>(newest) * 0x9E3779B97F4A7C15U ^
                    std::rotl(static_cast<std::uint64_t>(before), 32);
  z = (z ^ z >> 30U) * 0xBF58476D1CE4E5B9U;
  z = (z ^ z >> 27U) * 0x94D049BB133111EBU;
  z ^= z >> 31U;
  return static_cast<std::uint32_t>(z >> 32U) | 1U;
}

Pairs::Pairs(std::size_t row_count) : rows_(row_count) {
  FOVEA_ASSERT(std::has_single_bit(row_count));
}

std::size_t Pairs::index_of(std::uint32_t key) const {
  return (key >> 1U) & (rows_.size() - 1);
}

const Pairs::Row* Pairs::find(const Query& query, std::size_t k) const {
  if (query.history.size() < k + 2) return nullptr;
  const std::uint32_t key = pair_key(query.newest(0).key, query.newest(k + 1).key);
  const Row& row = rows_[index_of(key)];
  return row.key == key ? &row : nullptr;
}

void Pairs::reset(Slot slot, std::size_t item_count) {
  if (changed_hands_.size() < item_count) changed_hands_.resize(item_count, 0);
  changed_hands_[slot] = ++changes_of_hands_;
  slot_changes_.mark(slot);
}

void Pairs::drop_stale(Row& row) const {
  if (row.written != changes_of_hands_) {
    std::uint32_t kept = 0;
    for (std::size_t e = 0; e < row.count; ++e) {
      if (stale(row, row.items[e])) continue;
      row.items[kept] = row.items[e];
      row.weights[kept++] = row.weights[e];
    }
    row.count = kept;
  }
  row.written = changes_of_hands_;
}

void Pairs::read(const Query& query, SparseColumns& columns) const {
  for (std::size_t k = 0; k < kPairDepth; ++k) {
    const Row* row = find(query, k);
    if (row == nullptr) continue;
    const float scale = pair_weight(k) / (row->total + kPrior);
    for (std::size_t e = 0; e < row->count; ++e) {
      if (stale(*row, row->items[e])) continue;
      columns.at(row->items[e]).pairs += row->weights[e] * scale;
    }
  }
}

float Pairs::part(const Query& query, std::size_t k, Slot item) const {
  const Row* row = find(query, k);
  if (row == nullptr) return 0.0F;
  const auto end = row->items.begin() + row->count;
  const auto found = std::find(row->items.begin(), end, item);
  if (found == end || stale(*row, item)) return 0.0F;
  const float weight = row->weights[static_cast<std::size_t>(found - row->items.begin())];
  return weight * (pair_weight(k) / (row->total + kPrior));
}

void Pairs::observe(const Query& query, Slot item) {
  for (std::size_t k = 0; k < kPairDepth && query.history.size() >= k + 2; ++k) {
    add(pair_key(query.newest(0).key, query.newest(k + 1).key), item, pair_weight(k));
  }
}

void Pairs::add(std::uint32_t key, Slot item, float weight) {
  const std::size_t index = index_of(key);
  Row& row = rows_[index];
  changes_.mark(static_cast<Slot>(index));
  if (row.key != key) {
    row.total *= 0.5F;
    if (row.total >= 1.0F) return;
    row = Row{};
    row.key = key;
  }
  drop_stale(row);
  row.total += weight;
  const auto end = row.items.begin() + row.count;
  auto found = std::find(row.items.begin(), end, item);
  if (found == end) {
    if (row.count < kItemsMax) {
      ++row.count;
    } else {
      found = row.items.begin() +
              (std::min_element(row.weights.begin(), row.weights.end()) - row.weights.begin());
    }
    *found = item;
    row.weights[static_cast<std::size_t>(found - row.items.begin())] = 0.0F;
  }
  row.weights[static_cast<std::size_t>(found - row.items.begin())] += weight;
}

void Pairs::copy_changed(Pairs& view, std::size_t view_index) {
  changes_.drain(view_index, [&](Slot index) { view.rows_[index] = rows_[index]; });
  view.changes_of_hands_ = changes_of_hands_;
  view.changed_hands_.resize(changed_hands_.size(), 0);
  slot_changes_.drain(view_index,
                      [&](Slot slot) { view.changed_hands_[slot] = changed_hands_[slot]; });
}

void Pairs::save(ByteWriter& out) const {
  const auto taken =
      std::count_if(rows_.begin(), rows_.end(), [](const Row& row) { return row.key != 0; });
  out.varint(static_cast<std::uint64_t>(taken));
  for (Row row : rows_) {
    if (row.key == 0) continue;
    drop_stale(row);
    out.fixed(row.key);
    out.fixed(row.total);
    out.varint(row.count);
    for (std::size_t e = 0; e < row.count; ++e) {
      out.fixed(row.items[e]);
      out.fixed(row.weights[e]);
    }
  }
}

void Pairs::load(ByteReader& in, std::size_t item_count) {
  std::fill(rows_.begin(), rows_.end(), Row{});
  const std::uint64_t taken = in.count();
  std::size_t next = 0;
  for (std::uint64_t r = 0; r < taken && !in.failed(); ++r) {
    const auto key = in.fixed<std::uint32_t>();
    const std::size_t index = index_of(key);
    // In the order of the table, as they were written.
    if ((key & 1U) == 0 || index < next) return in.fail();
    next = index + 1;
    Row& row = rows_[index];
    row.key = key;
    row.total = in.fixed<float>();
    row.count = static_cast<std::uint32_t>(in.count());
    if (row.count > kItemsMax) return in.fail();
    for (std::size_t e = 0; e < row.count; ++e) {
      row.items[e] = in.fixed<Slot>();
      row.weights[e] = in.fixed<float>();
      if (row.items[e] >= item_count) return in.fail();
    }
    changes_.mark(static_cast<Slot>(index));
  }
}

}  // namespace fovea::scorer
