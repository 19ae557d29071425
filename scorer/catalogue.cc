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
  const auto [found, is_new] = slots_.try_emplace(item.key, static_cast<Slot>(keys_.size()));
  if (is_new) {
    keys_.push_back(item.key);
    ItemInfo info;
    info.id = item.id;
    infos_.push_back(std::make_shared<const ItemInfo>(std::move(info)));
    live_.push_back(1);
    changes_.mark(found->second);
  }
  return found->second;
}

void Catalogue::replace(Slot slot, const ItemRef& item) {
  slots_.erase(keys_[slot]);
  slots_.emplace(item.key, slot);
  keys_[slot] = item.key;
  ItemInfo info;
  info.id = item.id;
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
  for (std::size_t slot = view.size(); slot < size(); ++slot) {
    view.slots_.insert_or_assign(keys_[slot], static_cast<Slot>(slot));
    view.keys_.push_back(keys_[slot]);
  }
  view.infos_.resize(size());
  view.live_.resize(size());
  changes_.drain(view_index, [&](Slot slot) {
    if (view.keys_[slot] != keys_[slot]) {
      // The one that gave way may be back in another row, which may have been copied before.
      const auto old = view.slots_.find(view.keys_[slot]);
      if (old != view.slots_.end() && old->second == slot) view.slots_.erase(old);
      view.slots_.insert_or_assign(keys_[slot], slot);
      view.keys_[slot] = keys_[slot];
    }
    view.infos_[slot] = infos_[slot];
    view.live_[slot] = live_[slot];
  });
}

void Catalogue::save(ByteWriter& out) const {
  out.array(keys_);
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
  in.array(keys_);
  slots_.clear();
  slots_.reserve(keys_.size());
  infos_.clear();
  live_.clear();
  for (std::size_t slot = 0; slot < keys_.size() && !in.failed(); ++slot) {
    ItemInfo info;
    info.id = in.text();
    info.title = in.text();
    info.provider = in.text();
    info.categories.resize(in.count());
    for (auto& category : info.categories) category = in.text();
    info.attributes.resize(in.count(2));
    for (auto& [name, value] : info.attributes) {
      name = in.text();
      value = in.text();
    }
    info.published_ms = in.fixed<std::int64_t>();
    const auto available = in.fixed<std::uint8_t>();
    if (available > 1) in.fail();
    info.available = available == 1;
    live_.push_back(info.available ? 1 : 0);
    infos_.push_back(std::make_shared<const ItemInfo>(std::move(info)));
    if (!slots_.emplace(keys_[slot], static_cast<Slot>(slot)).second) in.fail();
    changes_.mark(static_cast<Slot>(slot));
  }
}

std::uint64_t Catalogue::bytes() const {
  std::uint64_t total = size() * (sizeof(ItemKey) + sizeof(infos_[0]) + 1 + 48);
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
