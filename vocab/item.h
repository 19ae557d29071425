#pragma once

// One thing that can be recommended, as the catalogue announces it.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "vocab/ids.h"

namespace fovea {

struct Item {
  ItemRef item;
  std::string title;
  std::string text;
  std::vector<std::string> categories;
  std::vector<std::string> tags;
  std::vector<std::pair<std::string, std::variant<double, std::string>>> attributes;
  std::string provider;  // whose exposure it is: seller, publisher, artist
  std::optional<TimeMs> published_at;
  bool available = true;
  std::vector<std::pair<std::string, std::vector<float>>> vectors;  // modality, values
  bool operator==(const Item&) const = default;
};

// An item record: the item as it is now, or its removal.
struct ItemChange {
  Item item;  // only item.item is set when removed
  bool removed = false;
  bool operator==(const ItemChange&) const = default;
};

}  // namespace fovea
