#pragma once

// Batches that let anybody tell whether a store is consistent: user u of partition p is touched by
// every input offset that is u modulo the user count, so positions say what every profile must be.

#include <algorithm>
#include <string>

#include "profile_store/profile_store.h"

namespace fovea::profile_store {

inline constexpr Offset kCountingUsers = 37;

inline UserId counting_user(Offset index) {
  return {"user " + std::to_string(index)};
}

// What folding every offset below `next` leaves of a user.
inline std::optional<Profile> counting_profile(Offset user, Offset next) {
  if (next <= user) return std::nullopt;
  Profile profile;
  const Offset count = (next - user - 1) / kCountingUsers + 1;
  profile.behaviour.event_count = static_cast<std::uint32_t>(count);
  profile.behaviour.applied = user + (count - 1) * kCountingUsers;
  // Some weight, so that files are written.
  profile.learned.current.assign(256, static_cast<float>(count % 1024));
  return profile;
}

// Folds the offsets [from, to) of a partition in.
inline StoreBatch counting_batch(Partition partition, Offset from, Offset to) {
  StoreBatch batch;
  for (Offset offset = std::max(from, to - kCountingUsers); offset < to; ++offset) {
    const Offset user = offset % kCountingUsers;
    batch.profiles.push_back({partition, counting_user(user), counting_profile(user, to)});
  }
  batch.positions.push_back({partition, {to, to * 2, TimeMs{to}, TimeMs{to}}});
  return batch;
}

}  // namespace fovea::profile_store
