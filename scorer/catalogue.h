#pragma once

// The items there are, each in a row of its own: in the order the learning log first named them,
// or, once there is no room for more, in the row of one that gave way.
//
// An item that was never announced is known by its id alone; an announced one also by its title,
// categories and attributes. Removed items keep their row: what was learned stays true of history.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "scorer/item_index.h"
#include "vocab/ids.h"
#include "vocab/item.h"

namespace fovea::scorer {

// What the catalogue said of an item; immutable once published.
struct ItemInfo {
  std::string id;
  std::string title;
  std::string provider;
  std::vector<std::string> categories;
  std::vector<std::pair<std::string, std::string>> attributes;  // numbers as text
  std::int64_t published_ms = kUnpublished;
  bool available = true;

  static constexpr std::int64_t kUnpublished = INT64_MIN;
  [[nodiscard]] bool matches(const std::string& attribute, const std::string& value) const;
};

class Catalogue {
 public:
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] Slot find(ItemKey key) const { return items_.find(key); }
  [[nodiscard]] ItemKey key(Slot slot) const { return items_.key(slot); }
  [[nodiscard]] const ItemInfo& info(Slot slot) const { return *infos_[slot]; }
  [[nodiscard]] bool live(Slot slot) const { return live_[slot] != 0; }

  // The item's row, new if need be.
  Slot add(const ItemRef& item);
  // The item takes over the row; what was in it is forgotten.
  void replace(Slot slot, const ItemRef& item);
  Slot change(const ItemChange& change);
  // What another catalogue says of the same item.
  void take(Slot slot, const Catalogue& from, Slot from_slot);

  void copy_changed(Catalogue& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  // Passes over what load() reads, in a fifth of its time; the number of items.
  static std::size_t skip(ByteReader& in);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  // All that is known of a new item.
  void name(Slot slot, const std::string& id);

  ItemIndex items_;
  // Shared with the views, which read an old version while a new one is put in its place.
  std::vector<std::shared_ptr<const ItemInfo>> infos_;
  std::vector<std::uint8_t> live_;
  Changes changes_;
};

}  // namespace fovea::scorer
