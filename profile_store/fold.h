#pragma once

// (Behaviour, Event) -> Behaviour: the fold that a profile is. Pure: no model, no wall clock.
//
// Laws      The same events in the same order give the same bytes. Events of one record share an
//           offset and fold together: the caller folds each and then sets `applied`; a record at or
//           below `applied` changes nothing. An event id still in the ring changes nothing.
//           History is ordered by event time with arrival as tie-break, newest last.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vocab/event.h"
#include "vocab/profile.h"

namespace fovea::profile_store {

struct FoldSettings {
  std::size_t history_max = 50;
  std::size_t own_items_max = 4096;     // oldest out
  std::size_t event_ids_max = 64;       // ring of event ids for de-duplication
  std::size_t context_fields_max = 16;
  double counter_half_life_s = 86'400;  // of the per-type counters
  std::vector<std::string> context_fields;  // declared: kept and ordered as here; others dropped
};

enum class FoldOutcome : std::uint8_t { kFolded, kDuplicate };

[[nodiscard]] inline bool already_applied(const Behaviour& behaviour, Offset offset) {
  return offset <= behaviour.applied;
}

// Folds one event in. What enters history: every "did" event with an item, impressions excepted.
// `event_id_hash` is the hash of event.id, 0 where it has none.
FoldOutcome fold(const FoldSettings& settings, const Event& event, std::uint64_t event_id_hash,
                 Behaviour& behaviour);

// True for the types that enter history and own items.
[[nodiscard]] bool enters_history(EventType type);

}  // namespace fovea::profile_store
