#pragma once

// What the learning log holds: examples and catalogue changes, in one order for every process.
// The byte layout is scorer/learning_record_codec.h.

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/item.h"

namespace fovea {

// One of the newest history entries an example was preceded by.
struct ExampleHistoryEntry {
  ItemKey item{};
  std::int64_t age_ms = 0;  // before the example; never negative
  bool operator==(const ExampleHistoryEntry&) const = default;
};

// An item the user had before the example (only where repeats are allowed).
struct ExampleOwnItem {
  ItemKey item{};
  std::uint8_t lag_class = 0;  // 1..10, scorer/README.md; 0 = older than the history
  std::int64_t age_ms = 0;
  std::uint32_t count = 0;
  bool operator==(const ExampleOwnItem&) const = default;
};

// One event that teaches, with what preceded it.
struct Example {
  UserKey user{};
  ItemRef item;
  TimeMs time{};
  EventType type = EventType::kView;
  float strength = 1.0F;  // of its gradient, 0..1; what is outside counts as the nearer
  bool positive = true;
  bool count_only = false;            // shed by its producer: counted, not learned by gradient
  std::vector<ContextField> context;  // declared fields, of the event before
  std::uint32_t history_length = 0;   // true length, before shortening
  std::vector<ExampleHistoryEntry> history;  // newest 20, newest last
  std::vector<ItemKey> older_history;        // what is older, up to L; newest last, no ages
  std::vector<ExampleOwnItem> own_items;     // most recent first
  std::string seen_filter;                   // Bloom filter; empty where repeats are allowed
  bool operator==(const Example&) const = default;
};

// A process's position and digest; ignored by the fold, compared by the others.
struct Mark {
  std::string process;
  std::uint64_t model_id = 0;
  Offset position = kNoOffset;
  std::uint64_t digest = 0;
  std::uint64_t lag_records = 0;
  bool operator==(const Mark&) const = default;
};

struct LearningRecord {
  SourceCoordinates source;  // of the event or catalogue record; unused by a mark
  std::variant<Example, ItemChange, Mark> body;
  bool operator==(const LearningRecord&) const = default;
};

}  // namespace fovea
