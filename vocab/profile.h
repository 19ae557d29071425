#pragma once

// What is known of one user: a fold of the user's events, in three sections with three laws.
//
//   behaviour  a pure fold of the events: no model, no wall clock. Two folds of the same events
//              are equal byte for byte.
//   learned    what one model position makes of the behaviour; rebuilt under another model.
//   served     what was sent last, so that the next choice teaches what was passed over.

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "vocab/event.h"
#include "vocab/ids.h"

namespace fovea {

// Which model, and how far along the learning log it had been folded.
struct ModelStamp {
  std::uint64_t model_id = 0;
  std::uint32_t lineage = 0;
  Offset position = kNoOffset;
  bool operator==(const ModelStamp&) const = default;
};

struct HistoryEntry {
  ItemKey item{};
  EventType type = EventType::kView;
  TimeMs time{};
  float strength = 1.0F;
  bool operator==(const HistoryEntry&) const = default;
};

// An item the user has had, however long ago.
struct OwnItem {
  ItemKey item{};
  TimeMs last_time{};
  std::uint32_t count = 0;
  bool operator==(const OwnItem&) const = default;
};

// Exponentially decayed count, evaluated lazily: `value` as of `last_time`.
struct DecayedCounter {
  float value = 0.0F;
  TimeMs last_time{};
  bool operator==(const DecayedCounter&) const = default;
};

struct Behaviour {
  std::vector<HistoryEntry> history;  // event time order, newest last
  std::uint32_t event_count = 0;      // all events ever folded that entered history
  std::vector<ContextField> context;  // declared fields of the newest event
  std::array<DecayedCounter, kEventTypeNames.size()> counters{};
  std::vector<std::uint64_t> recent_event_ids;  // hashes, oldest first
  std::vector<OwnItem> own_items;               // least recently had first
  Offset applied = kNoOffset;                   // highest input offset folded in
  bool operator==(const Behaviour&) const = default;
};

struct Learned {
  ModelStamp model;
  std::vector<float> current;  // D, rounded to float16; empty if never computed
  std::vector<float> lasting;  // D, rounded to float16
  bool operator==(const Learned&) const = default;
};

struct ServedItem {
  ItemKey item{};
  float propensity = 1.0F;
  bool operator==(const ServedItem&) const = default;
};

struct Served {
  std::string slate_id;
  TimeMs emitted_at{};  // event time of the trigger, so that a replay stores the same bytes
  std::vector<ServedItem> items;  // by rank
  std::uint32_t slate_count = 0;
  std::uint32_t pending_covers = 0;  // scorable events since that slate that no slate covers yet
  bool operator==(const Served&) const = default;
};

struct Profile {
  Behaviour behaviour;
  Learned learned;
  Served served;
  // Sections written by a newer version, kept byte for byte: (tag, bytes).
  std::vector<std::pair<std::uint8_t, std::string>> unknown_sections;
  bool operator==(const Profile&) const = default;
};

}  // namespace fovea
