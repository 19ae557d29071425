#include "scorer/example.h"

#include <algorithm>

#include "scorer/query.h"
#include "scorer/random.h"
#include "scorer/seen_filter.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kFilterBytesMax = 256;  // 2,048 bits

std::size_t bit_index(ItemKey item, std::size_t bits) {
  return static_cast<std::size_t>(((mix64(value(item)) >> 32U) * bits) >> 32U);
}

}  // namespace

std::string make_seen_filter(const std::vector<OwnItem>& own_items) {
  std::string filter(std::min(kFilterBytesMax, own_items.size()), '\0');
  for (const OwnItem& own : own_items) {
    const std::size_t bit = bit_index(own.item, filter.size() * 8);
    filter[bit / 8] = static_cast<char>(filter[bit / 8] | (1 << (bit % 8)));
  }
  return filter;
}

bool maybe_seen(std::string_view filter, ItemKey item) {
  if (filter.empty()) return false;
  const std::size_t bit = bit_index(item, filter.size() * 8);
  return (filter[bit / 8] >> (bit % 8) & 1) != 0;
}

Example make_example(const ModelSettings& settings, const Behaviour& before, const Event& event,
                     UserKey user) {
  FOVEA_ASSERT(settings.positive.contains(event.type) || settings.negative.contains(event.type));
  Example example;
  example.user = user;
  example.item = event.item;
  example.time = event.event_time;
  example.type = event.type;
  example.strength = event.value.value_or(1.0F);
  example.positive = settings.positive.contains(event.type);
  example.context = before.context;
  std::erase_if(example.context, [&](const ContextField& field) {
    return std::find(settings.context_fields.begin(), settings.context_fields.end(), field.name) ==
           settings.context_fields.end();
  });

  const auto most = static_cast<std::size_t>(settings.history_max);
  const auto newest = static_cast<std::size_t>(settings.example_history_max);
  std::size_t count = 0;
  for (auto entry = before.history.rbegin(); entry != before.history.rend() && count < most;
       ++entry) {
    if (!settings.positive.contains(entry->type)) continue;
    if (count < newest) {
      example.history.push_back(
          {entry->item,
           std::max<std::int64_t>(0, milliseconds_between(entry->time, event.event_time))});
    }
    if (count >= kLastingAfter) example.older_history.push_back(entry->item);
    ++count;
  }
  std::reverse(example.history.begin(), example.history.end());
  std::reverse(example.older_history.begin(), example.older_history.end());
  example.history_length = static_cast<std::uint32_t>(count);
  if (settings.exclude_seen) example.seen_filter = make_seen_filter(before.own_items);
  return example;
}

}  // namespace fovea::scorer
