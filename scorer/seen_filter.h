#pragma once

// A Bloom filter of what a user has had, small enough for a learning record: three hashes, 8 bits
// an item, at most 1,024 bytes. A false positive (one other item in 33, while it is not full) costs
// a negative that is not drawn, nothing else.
//
// Source    Bloom 1970; two hashes for all: Kirsch and Mitzenmacher, "Less Hashing, Same
//           Performance", 2006.

#include <string>
#include <string_view>
#include <vector>

#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::scorer {

[[nodiscard]] std::string make_seen_filter(const std::vector<OwnItem>& own_items);
[[nodiscard]] bool maybe_seen(std::string_view filter, ItemKey item);

}  // namespace fovea::scorer
