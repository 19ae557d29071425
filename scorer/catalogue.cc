#include "scorer/catalogue.h"

#include <algorithm>
#include <utility>
#include <variant>

#include <fmt/format.h>

namespace fovea::scorer {
namespace {

std::string as_text(const std::variant<double, std::string>& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return fmt::format("{}", std::get<double>(value));
}

void load(ByteReader& in, ItemInfo& info) {
  in.text(info.id);
  in.text(info.title);
  in.text(info.provider);
  info.categories.resize(in.count());
  for (auto& category : info.categories) in.text(category);
  info.attributes.resize(in.count(2));
  for (auto& [name, value] : info.attributes) {
    in.text(name);
    in.text(value);
  }
  info.published_ms = in.fixed<std::int64_t>();
  const auto available = in.fixed<std::uint8_t>();
  if (available > 1) in.fail();
  info.available = available == 1;
}

// What load() reads.
void skip(ByteReader& in) {
  for (int text = 0; text < 3; ++text) in.skip_text();
  const std::size_t categories = in.count();
  for (std::size_t c = 0; c < categories && !in.failed(); ++c) in.skip_text();
  const std::size_t attributes = in.count(2);
  for (std::size_t a = 0; a < 2 * attributes && !in.failed(); ++a) in.skip_text();
  in.skip<decltype(ItemInfo::published_ms)>();
  in.skip<std::uint8_t>();
}

}  // namespace

bool ItemInfo::matches(const std::string& attribute, const std::string& value) const {
  if (attribute == "category") {
    return std::find(categories.begin(), categories.end(), value) != categories.end();
  }
  if (attribute == "provider") return provider == value;
  return std::any_of(attributes.begin(), attributes.end(), [&](const auto& entry) {
    return entry.first == attribute && entry.second == value;
  });
}

Slot Catalogue::add(const ItemRef& item) {
  const Slot known = items_.find(item.key);
  if (known != kNoSlot) return known;
  const auto slot = static_cast<Slot>(size());
  items_.add(item.key);
  infos_.push_back(nullptr);
  live_.push_back(0);
  name(slot, item.id);
  return slot;
}

void Catalogue::replace(Slot slot, const ItemRef& item) {
  items_.set(slot, item.key);
  name(slot, item.id);
}

void Catalogue::name(Slot slot, const std::string& id) {
  ItemInfo info;
  info.id = id;
  infos_[slot] = std::make_shared<const ItemInfo>(std::move(info));
  live_[slot] = 1;
  changes_.mark(slot);
}

Slot Catalogue::change(const ItemChange& change) {
  const Item& item = change.item;
  const Slot slot = add(item.item);
  ItemInfo info;
  info.id = item.item.id;
  info.available = !change.removed && item.available;
  if (!change.removed) {
    info.title = item.title;
    info.provider = item.provider;
    info.categories = item.categories;
    for (const auto& [name, value] : item.attributes) {
      info.attributes.emplace_back(name, as_text(value));
    }
    if (item.published_at) info.published_ms = value(*item.published_at);
  }
  live_[slot] = info.available ? 1 : 0;
  infos_[slot] = std::make_shared<const ItemInfo>(std::move(info));
  changes_.mark(slot);
  return slot;
}

void Catalogue::take(Slot slot, const Catalogue& from, Slot from_slot) {
  infos_[slot] = from.infos_[from_slot];
  live_[slot] = from.live_[from_slot];
  changes_.mark(slot);
}

void Catalogue::copy_changed(Catalogue& view, std::size_t view_index) {
  if (changes_.drain_whole(view_index)) {
    view.items_ = items_;
    view.infos_ = infos_;
    view.live_ = live_;
    return;
  }
  for (std::size_t slot = view.size(); slot < size(); ++slot) {
    view.items_.add(items_.key(static_cast<Slot>(slot)));
  }
  view.infos_.resize(size());
  view.live_.resize(size());
  changes_.drain(view_index, [&](Slot slot) {
    // Rows may be copied in another order than items moved between them.
    if (view.items_.key(slot) != items_.key(slot)) view.items_.set(slot, items_.key(slot));
    view.infos_[slot] = infos_[slot];
    view.live_[slot] = live_[slot];
  });
}

void Catalogue::save(ByteWriter& out) const {
  out.array(items_.keys());
  for (const auto& info : infos_) {
    out.text(info->id);
    out.text(info->title);
    out.text(info->provider);
    out.varint(info->categories.size());
    for (const auto& category : info->categories) out.text(category);
    out.varint(info->attributes.size());
    for (const auto& [name, value] : info->attributes) {
      out.text(name);
      out.text(value);
    }
    out.fixed(info->published_ms);
    out.fixed<std::uint8_t>(info->available ? 1 : 0);
  }
}

void Catalogue::load(ByteReader& in) {
  std::vector<ItemKey> keys;
  in.array(keys);
  const std::size_t count = keys.size();
  if (!items_.assign(std::move(keys))) return in.fail();
  infos_.resize(count);
  live_.resize(count);
  for (std::size_t slot = 0; slot < count && !in.failed(); ++slot) {
    auto info = std::make_shared<ItemInfo>();
    scorer::load(in, *info);
    live_[slot] = info->available ? 1 : 0;
    infos_[slot] = std::move(info);
  }
  changes_.mark_all(count);
}

std::size_t Catalogue::skip(ByteReader& in) {
  const std::size_t items = in.array_apart<ItemKey>().count(sizeof(ItemKey));
  for (std::size_t item = 0; item < items && !in.failed(); ++item) scorer::skip(in);
  return items;
}

std::uint64_t Catalogue::bytes() const {
  std::uint64_t total = items_.bytes() + size() * (sizeof(infos_[0]) + 1);
  for (const auto& info : infos_) {
    total += sizeof(ItemInfo) + info->id.capacity() + info->title.capacity();
    for (const auto& category : info->categories) total += sizeof category + category.capacity();
    for (const auto& [name, value] : info->attributes) {
      total += 2 * sizeof name + name.capacity() + value.capacity();
    }
  }
  return total;
}

}  // namespace fovea::scorer
