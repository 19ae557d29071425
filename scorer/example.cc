#include "scorer/example.h"

#include <algorithm>

#include "scorer/own_items.h"
#include "scorer/query.h"
#include "scorer/random.h"
#include "scorer/seen_filter.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kFilterBytesMax = 1024;
constexpr std::uint64_t kFilterHashes = 3;

// Double hashing: the k-th bit of an item is a multiple of one hash away from the other.
std::size_t bit_index(ItemKey item, std::uint64_t k, std::size_t bits) {
  const std::uint64_t hash = mix64(value(item));
  const std::uint64_t kth = ((hash >> 32U) + k * (hash | 1U)) & 0xFFFFFFFFU;
  return static_cast<std::size_t>((kth * bits) >> 32U);
}

std::int64_t age_at(TimeMs time, TimeMs now) {
  return std::max<std::int64_t>(0, milliseconds_between(time, now));
}

}  // namespace

std::string make_seen_filter(const std::vector<OwnItem>& own_items) {
  std::string filter(std::min(kFilterBytesMax, own_items.size()), '\0');
  for (const OwnItem& own : own_items) {
    for (std::uint64_t k = 0; k < kFilterHashes; ++k) {
      const std::size_t bit = bit_index(own.item, k, filter.size() * 8);
      filter[bit / 8] = static_cast<char>(filter[bit / 8] | (1 << (bit % 8)));
    }
  }
  return filter;
}

bool maybe_seen(std::string_view filter, ItemKey item) {
  if (filter.empty()) return false;
  for (std::uint64_t k = 0; k < kFilterHashes; ++k) {
    const std::size_t bit = bit_index(item, k, filter.size() * 8);
    if ((filter[bit / 8] >> (bit % 8) & 1) == 0) return false;
  }
  return true;
}

std::vector<const HistoryEntry*> attended_entries(const ModelSettings& settings,
                                                  const Behaviour& behaviour) {
  std::vector<const HistoryEntry*> entries;
  const auto most = static_cast<std::size_t>(settings.history_max);
  for (auto entry = behaviour.history.rbegin();
       entry != behaviour.history.rend() && entries.size() < most; ++entry) {
    if (settings.positive.contains(entry->type)) entries.push_back(&*entry);
  }
  return entries;
}

std::vector<ExampleOwnItem> own_items_at(const Behaviour& behaviour,
                                         const std::vector<const HistoryEntry*>& newest_first,
                                         TimeMs now, std::size_t older_max) {
  std::vector<ExampleOwnItem> own;
  for (std::size_t k = 0; k < newest_first.size(); ++k) {
    const HistoryEntry& entry = *newest_first[k];
    const bool had_later = std::any_of(own.begin(), own.end(),
                                       [&](const auto& later) { return later.item == entry.item; });
    if (!had_later) own.push_back({entry.item, lag_class(k), age_at(entry.time, now), 1});
  }
  // The profile's list knows how often, and what came before the history. It is ordered by last
  // time, so what is in the history is near its end.
  const std::size_t in_history = own.size();
  std::size_t counted = 0;
  for (auto known = behaviour.own_items.rbegin();
       known != behaviour.own_items.rend() &&
       (counted < in_history || own.size() - in_history < older_max);
       ++known) {
    const auto end = own.begin() + static_cast<std::ptrdiff_t>(in_history);
    const auto found =
        counted == in_history ? end : std::find_if(own.begin(), end, [&](const auto& entry) {
          return entry.item == known->item;
        });
    if (found != end) {
      found->count = known->count;
      ++counted;
    } else if (own.size() - in_history < older_max) {
      own.push_back({known->item, 0, age_at(known->last_time, now), known->count});
    }
  }
  return own;
}

Example make_example(const ModelSettings& settings, const Behaviour& before, const Event& event,
                     UserKey user) {
  FOVEA_ASSERT(settings.positive.contains(event.type) || settings.negative.contains(event.type));
  Example example;
  example.user = user;
  example.item = event.item;
  example.time = event.event_time;
  example.type = event.type;
  example.positive = settings.positive.contains(event.type);
  example.context = before.context;
  std::erase_if(example.context, [&](const ContextField& field) {
    return std::find(settings.context_fields.begin(), settings.context_fields.end(), field.name) ==
           settings.context_fields.end();
  });

  const auto entries = attended_entries(settings, before);
  const auto newest = static_cast<std::size_t>(settings.example_history_max);
  example.history_length = static_cast<std::uint32_t>(entries.size());
  for (std::size_t k = entries.size(); k-- > 0;) {
    if (k < newest) {
      example.history.push_back({entries[k]->item, age_at(entries[k]->time, event.event_time)});
    }
    if (k >= kLastingAfter) example.older_history.push_back(entries[k]->item);
  }
  if (settings.exclude_seen) {
    example.seen_filter = make_seen_filter(before.own_items);
  } else {
    example.own_items = own_items_at(before, entries, event.event_time, kOlderOwnItems);
  }
  return example;
}

}  // namespace fovea::scorer
