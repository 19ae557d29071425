#pragma once

// The event and the item contract a second time: slow, obvious, with another JSON parser and
// without a line of the codecs. What the codecs answer must be what this answers.

#include <cstdint>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "vocab/event.h"
#include "vocab/item.h"

namespace fovea::fuzz {

// Stands for every reason by which bytes are no JSON document: parsers find their faults in
// different order.
inline constexpr const char* kNotADocument = "not a document";

struct EventAnswer {
  std::string reason;   // empty: accepted
  bool unsure = false;  // the contract leaves it to the parser; README.md lists these
  std::vector<Event> events;
  std::uint32_t ignored_count = 0;
};
[[nodiscard]] EventAnswer decode_event_slowly(const ingest::EventMapping& mapping,
                                              const ingest::SourceRecord& record);

struct ItemAnswer {
  std::string reason;
  bool unsure = false;
  ItemChange change;
};
[[nodiscard]] ItemAnswer decode_item_slowly(const ingest::ItemContract& contract,
                                            const ingest::SourceRecord& record);

// Reasons that mean kNotADocument become it, others stay.
[[nodiscard]] std::string comparable(const std::string& reason);

[[nodiscard]] bool equal(const Event& a, const Event& b);

}  // namespace fovea::fuzz
