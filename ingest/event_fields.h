#pragma once

// The fields of an event that are objects or arrays. Private to ingest.

#include <string>
#include <utility>
#include <vector>

#include "ingest/json_access.h"
#include "vocab/event.h"
#include "vocab/ids.h"

namespace fovea::ingest {

// Errors: bad_context.
[[nodiscard]] Failure read_context(const simdjson::dom::element& from,
                                   std::vector<ContextField>& out);

// Errors: bad_filter.
[[nodiscard]] Failure read_filter(const simdjson::dom::element& from,
                                  std::vector<std::pair<std::string, std::string>>& out);

// The ids of an impression; `tail` leads from an entry of the array to its id.
// Errors: bad_items, bad_id, id_too_long.
[[nodiscard]] Failure read_items(const simdjson::dom::element& from,
                                 const std::vector<std::string>& tail, std::vector<ItemRef>& out);

}  // namespace fovea::ingest
