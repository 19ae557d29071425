#pragma once

// Everything that changes what is learned. Its hash, with the topology's name, is the model id.

#include <cstdint>
#include <string>
#include <vector>

#include "scorer/bytes.h"
#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/result.h"

namespace fovea::scorer {

// Parts that can be switched off, to see what each is worth.
struct Parts {
  bool learning = true;    // off: no gradient; counts and starting slopes only
  bool attention = true;   // off: no vectors; bias and linear part only
  bool memory = true;      // off: no transition features
  bool pairs = true;       // off: no pair memory
  bool neighbours = true;  // off: no neighbour memory
  bool repeat = true;      // off: what the user has had is scored like anything else
  bool content = true;     // off: what the catalogue says of an item filters and is not scored
  bool ranking = true;     // off: no head, no loss of ranks; what the softmax learns is the score
  bool operator==(const Parts&) const = default;
};

// Not part of the model id, as it was before the limit existed: it must not change.
inline constexpr std::int32_t kItemsMaxDefault = 1'000'000;

struct ModelSettings {
  std::string topology;
  std::int32_t dim = 64;                  // D. 1..256.
  std::int32_t history_max = 50;          // L, entries attended over when scoring. 1..200.
  std::int32_t example_history_max = 20;  // entries an example carries. 1..history_max.
  double half_life_s = 86'400;            // H
  bool exclude_seen = false;              // items the user has had are neither shown nor negatives
  std::int32_t negatives = 64;            // NEG. 2..1024.
  std::int32_t transition_row_max = 100;  // entries of a row
  std::int32_t pair_rows = 131'072;       // of the pair memory. A power of two, 1..2^24.
  std::int32_t neighbour_ring = 262'144;  // choices that find neighbours. Likewise.
  std::int32_t recent_items_max = 20'000;
  std::int32_t items_max = kItemsMaxDefault;  // rows of every table; the least used give way
  std::int32_t warmup_examples = 100;         // examples in the log before the first gradient
  std::vector<std::string> context_fields;    // declared
  EventTypeSet positive;                      // types that teach as chosen
  EventTypeSet negative;                      // types that teach as refused
  Parts parts;
  bool operator==(const ModelSettings&) const = default;
};

// Errors: kStop naming the setting, its value and its range.
[[nodiscard]] Result<void> check(const ModelSettings& settings);

[[nodiscard]] std::uint64_t model_id(const ModelSettings& settings);

// The settings as a snapshot holds them.
void save(const ModelSettings& settings, ByteWriter& out);
[[nodiscard]] ModelSettings load_settings(ByteReader& in);  // to be checked

// The lineage of a model that has learned all of its log. The low byte changes when the learner's
// arithmetic does: a snapshot of another one is refused. The rest is a hash of the gaps in the log
// that a model went on after.
inline constexpr std::uint32_t kLineage = 7;

[[nodiscard]] constexpr bool same_arithmetic(std::uint32_t a, std::uint32_t b) {
  return (a & 0xFFU) == (b & 0xFFU);
}

// Of a model at `position` that goes on at `next`. Who goes on after the same gap has the same.
[[nodiscard]] std::uint32_t lineage_after_gap(std::uint32_t lineage, Offset position, Offset next);

}  // namespace fovea::scorer
