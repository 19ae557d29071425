#pragma once

// (Behaviour, Event) -> Behaviour: the fold that a profile is. Pure: no model, no wall clock.
//
// Laws      The same events in the same order give the same bytes. Events of one record share an
//           offset and fold together: the caller folds each and then sets `applied`; a record at or
//           below `applied` changes nothing. An event id still in the ring changes nothing.
//           History is ordered by event time with arrival as tie-break, newest last.
// Numerics  Counters use half_power() below, so that a fold written in another language reproduces
//           them bit for bit. README.md spells out every rule.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "vocab/event.h"
#include "vocab/profile.h"

namespace fovea::profile_store {

struct FoldSettings {
  std::size_t history_max = 50;
  std::size_t own_items_max = 4096;  // oldest out
  std::size_t event_ids_max = 64;    // ring of event ids for de-duplication
  std::size_t context_fields_max = 16;
  double counter_half_life_s = 86'400;      // of the per-type counters
  std::vector<std::string> context_fields;  // declared: kept and ordered as here; others dropped
};

enum class FoldOutcome : std::uint8_t { kFolded, kDuplicate };

[[nodiscard]] inline bool already_applied(const Behaviour& behaviour, Offset offset) {
  return offset <= behaviour.applied;
}

// Folds one event in. What enters history: every "did" event with an item, impressions excepted.
// What is said (request, identify, forget) changes nothing here.
// `event_id_hash` is the hash of event.id, 0 where it has none.
//
// Requires: settings.counter_half_life_s > 0.
// Cost: linear in the history and in the own items, which are scanned once.
FoldOutcome fold(const FoldSettings& settings, const Event& event, std::uint64_t event_id_hash,
                 Behaviour& behaviour);

// True for the types that enter history and own items.
[[nodiscard]] bool enters_history(EventType type);

// True for what a user did, rather than said.
[[nodiscard]] bool is_done(EventType type);

// 2^-x from square roots and products alone, both correctly rounded by IEEE 754: the same bits on
// every machine, and in Python. Exact for whole x, else within 1e-9 of the truth, relatively.
//
// Requires: x >= 0.
[[nodiscard]] double half_power(double x);

}  // namespace fovea::profile_store
