#pragma once

// What a score is asked with: a user's history at a moment, in rows of the model's tables.

#include <cstdint>
#include <span>
#include <vector>

#include "scorer/changes.h"
#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"

namespace fovea::scorer {

class Model;

struct QueryEntry {
  ItemKey key{};
  Slot slot = kNoSlot;      // kNoSlot: the model does not know the item yet
  std::int64_t age_ms = 0;  // never negative
  EventType type = EventType::kView;
};

// An item the user has had, where repeats are allowed.
struct QueryOwnItem {
  Slot slot = kNoSlot;
  std::uint8_t lag_class = 0;  // own_items.h
  std::int64_t age_ms = 0;
  std::uint32_t count = 0;
};

struct Query {
  UserKey user{};
  double now_s = 0.0;
  std::uint32_t history_length = 0;         // true length, at most L; buckets go by it
  std::vector<QueryEntry> history;          // attended over; newest last
  std::vector<QueryEntry> older;            // what the lasting interest is made of; ages unused
  std::vector<QueryOwnItem> own_items;      // known ones, most recent first
  std::vector<std::uint32_t> context_rows;  // one a declared context field that is present

  [[nodiscard]] bool empty() const { return history.empty(); }
  // The k-th newest, k = 0 the newest.
  [[nodiscard]] const QueryEntry& newest(std::size_t k) const {
    return history[history.size() - 1 - k];
  }
};

// Entries of `older` begin after the newest kLastingAfter.
inline constexpr std::size_t kLastingAfter = 20;

// What an example's history asks. Overwrites `query`.
void make_query(const Model& model, const Example& example, Query& query);

// What a profile's history asks at `now`: the same question, from all L entries.
void make_query(const Model& model, UserKey user, const Behaviour& behaviour, TimeMs now,
                Query& query);

// Row of a context value among the field's kContextRows.
inline constexpr std::uint32_t kContextRows = 64;
[[nodiscard]] std::uint32_t context_row(std::size_t field_index, const ContextField& field);

}  // namespace fovea::scorer
