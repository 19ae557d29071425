#pragma once

// std::map as a store: the oracle, and the store of replays and evaluations.

#include <memory>

#include "profile_store/profile_store.h"

namespace fovea::profile_store {

// Profiles are kept encoded: what is read back went through the codec, as with the real store.
[[nodiscard]] std::unique_ptr<ProfileStore> make_memory_profile_store();

}  // namespace fovea::profile_store
