#include "scorer/popular_items.h"

#include <algorithm>
#include <utility>

#include "scorer/model.h"

namespace fovea::scorer {

std::vector<ItemKey> popular_items(const Model& model, TimeMs now, std::size_t count) {
  const Popularity& popularity = model.popularity;
  const std::vector<float>& decayed = popularity.decayed()[1];
  const std::vector<double>& last_s = popularity.last_s();
  const double now_s = static_cast<double>(value(now)) / 1'000.0;

  std::vector<std::pair<float, ItemKey>> ranked;
  ranked.reserve(popularity.size());
  for (Slot slot = 0; slot < popularity.size(); ++slot) {
    if (popularity.count(slot) == 0 || !model.catalogue.live(slot)) continue;
    const auto age_s = static_cast<float>(std::max(0.0, now_s - last_s[slot]));
    ranked.emplace_back(decayed[slot] * popularity.decay(age_s)[1], model.catalogue.key(slot));
  }
  const std::size_t kept = std::min(count, ranked.size());
  const auto end = ranked.begin() + static_cast<std::ptrdiff_t>(kept);
  std::partial_sort(ranked.begin(), end, ranked.end(), [](const auto& a, const auto& b) {
    return a.first != b.first ? a.first > b.first : value(a.second) < value(b.second);
  });
  std::vector<ItemKey> items;
  for (auto at = ranked.begin(); at != end; ++at) items.push_back(at->second);
  return items;
}

}  // namespace fovea::scorer
