#pragma once

// A Bloom filter of what a user has had, small enough for a learning record: one hash, 8 bits an
// item, at most 2,048 bits. A false positive costs a negative that is not drawn, nothing else.

#include <string>
#include <string_view>
#include <vector>

#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::scorer {

[[nodiscard]] std::string make_seen_filter(const std::vector<OwnItem>& own_items);
[[nodiscard]] bool maybe_seen(std::string_view filter, ItemKey item);

}  // namespace fovea::scorer
