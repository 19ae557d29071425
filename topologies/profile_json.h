#pragma once

// A stored profile as people and scripts read it.

#include <string>

#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::topologies {

// One line without a newline: user, partition and the three sections, every field of them.
[[nodiscard]] std::string encode_profile_json(Partition partition, const UserId& user,
                                              const Profile& profile);

}  // namespace fovea::topologies
