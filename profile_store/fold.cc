#include "profile_store/fold.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "vocab/assert.h"

namespace fovea::profile_store {
namespace {

// Bits of the fraction that half_power() looks at.
constexpr int kFractionBits = 32;

// From here on 2^-x is taken as 0: no float32 counter could tell.
constexpr double kHalfPowerVanishes = 1000.0;

// roots[i] = 2^-(1/2^(i+1)), by repeated square roots of one half.
std::array<double, kFractionBits> square_roots() {
  std::array<double, kFractionBits> roots{};
  double root = 0.5;
  for (double& slot : roots) slot = root = std::sqrt(root);
  return roots;
}

// Erasing from the front of a vector moves what stays, at most some tens of kilobytes.
template <class T>
void drop_oldest(std::vector<T>& entries, std::size_t entries_max) {
  if (entries.size() <= entries_max) return;
  const auto excess = static_cast<std::ptrdiff_t>(entries.size() - entries_max);
  entries.erase(entries.begin(), entries.begin() + excess);
}

std::uint32_t saturating_increment(std::uint32_t count) {
  return count == std::numeric_limits<std::uint32_t>::max() ? count : count + 1;
}

// Every type's counter holds the time of its newest event, so the newest of all needs no field.
bool is_newest(const Behaviour& behaviour, TimeMs time) {
  return std::all_of(behaviour.counters.begin(), behaviour.counters.end(),
                     [time](const DecayedCounter& counter) {
                       return counter.value == 0.0F || counter.last_time <= time;
                     });
}

void replace_context(const FoldSettings& settings, const Event& event, Behaviour& behaviour) {
  behaviour.context.clear();
  for (const std::string& name : settings.context_fields) {
    if (behaviour.context.size() == settings.context_fields_max) return;
    const auto found =
        std::find_if(event.context.begin(), event.context.end(),
                     [&name](const ContextField& field) { return field.name == name; });
    if (found != event.context.end()) behaviour.context.push_back(*found);
  }
}

// A counter never goes back in time: an older event adds what would be left of it by now.
void count(const FoldSettings& settings, TimeMs time, DecayedCounter& counter) {
  const double half_life_ms = settings.counter_half_life_s * 1000.0;
  if (counter.value == 0.0F) {
    counter = {1.0F, time};
    return;
  }
  // As doubles: exact for every time within 285,000 years of the epoch, and no time overflows.
  const double elapsed_ms =
      static_cast<double>(value(time)) - static_cast<double>(value(counter.last_time));
  const double left = half_power(std::abs(elapsed_ms) / half_life_ms);
  if (elapsed_ms >= 0.0) {
    counter.value = static_cast<float>(static_cast<double>(counter.value) * left + 1.0);
    counter.last_time = time;
  } else {
    counter.value = static_cast<float>(static_cast<double>(counter.value) + left);
  }
}

void remember(const FoldSettings& settings, const Event& event, Behaviour& behaviour) {
  std::vector<HistoryEntry>& history = behaviour.history;
  const auto later =
      std::upper_bound(history.begin(), history.end(), event.event_time,
                       [](TimeMs time, const HistoryEntry& entry) { return time < entry.time; });
  history.insert(later, {event.item.key, event.type, event.event_time, event.value.value_or(1.0F)});
  drop_oldest(history, settings.history_max);
  behaviour.event_count = saturating_increment(behaviour.event_count);
}

void own(const FoldSettings& settings, const Event& event, Behaviour& behaviour) {
  std::vector<OwnItem>& own_items = behaviour.own_items;
  // From the back: what was had lately is had again more often.
  const auto known =
      std::find_if(own_items.rbegin(), own_items.rend(),
                   [&event](const OwnItem& own_item) { return own_item.item == event.item.key; });

  OwnItem entry{event.item.key, event.event_time, 1};
  if (known != own_items.rend()) {
    known->count = saturating_increment(known->count);
    if (event.event_time < known->last_time) return;
    entry.count = known->count;
    own_items.erase(std::next(known).base());
  }
  const auto later = std::upper_bound(
      own_items.begin(), own_items.end(), entry.last_time,
      [](TimeMs time, const OwnItem& own_item) { return time < own_item.last_time; });
  own_items.insert(later, entry);
  drop_oldest(own_items, settings.own_items_max);
}

}  // namespace

bool is_done(EventType type) {
  return type != EventType::kRequest && type != EventType::kIdentify && type != EventType::kForget;
}

bool enters_history(EventType type) {
  return is_done(type) && type != EventType::kImpression && type != EventType::kSearch;
}

double half_power(double x) {
  FOVEA_ASSERT(x >= 0.0);
  static const std::array<double, kFractionBits> roots = square_roots();
  if (x >= kHalfPowerVanishes) return 0.0;

  const double whole = std::floor(x);
  const auto fraction = static_cast<std::uint64_t>(
      (x - whole) * static_cast<double>(std::uint64_t{1} << kFractionBits));
  double power = 1.0;
  for (int i = 0; i < kFractionBits; ++i) {
    if (((fraction >> (kFractionBits - 1 - i)) & 1U) != 0) {
      power *= roots[static_cast<std::size_t>(i)];
    }
  }
  return std::ldexp(power, -static_cast<int>(whole));
}

FoldOutcome fold(const FoldSettings& settings, const Event& event, std::uint64_t event_id_hash,
                 Behaviour& behaviour) {
  FOVEA_ASSERT(settings.counter_half_life_s > 0.0);
  if (!is_done(event.type)) return FoldOutcome::kFolded;

  std::vector<std::uint64_t>& ids = behaviour.recent_event_ids;
  if (event_id_hash != 0) {
    if (std::find(ids.begin(), ids.end(), event_id_hash) != ids.end()) {
      return FoldOutcome::kDuplicate;
    }
    ids.push_back(event_id_hash);
    drop_oldest(ids, settings.event_ids_max);
  }

  if (is_newest(behaviour, event.event_time)) replace_context(settings, event, behaviour);
  count(settings, event.event_time, behaviour.counters[static_cast<std::size_t>(event.type)]);
  if (enters_history(event.type)) {
    remember(settings, event, behaviour);
    own(settings, event, behaviour);
  }
  return FoldOutcome::kFolded;
}

}  // namespace fovea::profile_store
