#include "topologies/claimed_store.h"

#include <algorithm>
#include <mutex>

namespace fovea::topologies {

void PartitionClaims::claim(Partition partition, Owner owner) {
  const std::unique_lock lock(mutex_);
  owners_[partition] = owner;
}

void PartitionClaims::release(Partition partition, Owner owner) {
  const std::unique_lock lock(mutex_);
  const auto found = owners_.find(partition);
  if (found != owners_.end() && found->second == owner) found->second = nullptr;
}

bool PartitionClaims::claim_free(Partition partition, Owner owner) {
  const std::unique_lock lock(mutex_);
  Owner& now = owners_[partition];
  if (now == nullptr) now = owner;
  return now == owner;
}

Result<void> ClaimedStore::apply(const profile_store::StoreBatch& batch) {
  return write(batch, &profile_store::ProfileStore::apply);
}

Result<void> ClaimedStore::load(const profile_store::StoreBatch& batch) {
  return write(batch, &profile_store::ProfileStore::load);
}

Result<void> ClaimedStore::write(const profile_store::StoreBatch& batch, Write how) {
  // Held during the write: a claim waits for it.
  const std::shared_lock lock(claims_.mutex_);
  const auto foreign = [this](Partition partition) {
    const auto found = claims_.owners_.find(partition);
    return found != claims_.owners_.end() && found->second != owner_;
  };
  const auto is_foreign_write = [&](const auto& write) { return foreign(write.partition); };
  const auto is_foreign_position = [&](const auto& entry) { return foreign(entry.first); };
  if (std::none_of(batch.cleared.begin(), batch.cleared.end(), foreign) &&
      std::none_of(batch.profiles.begin(), batch.profiles.end(), is_foreign_write) &&
      std::none_of(batch.encoded.begin(), batch.encoded.end(), is_foreign_write) &&
      std::none_of(batch.positions.begin(), batch.positions.end(), is_foreign_position)) {
    return (store_.*how)(batch);
  }
  profile_store::StoreBatch ours = batch;
  std::erase_if(ours.cleared, foreign);
  std::erase_if(ours.profiles, is_foreign_write);
  std::erase_if(ours.encoded, is_foreign_write);
  std::erase_if(ours.positions, is_foreign_position);
  return (store_.*how)(ours);
}

}  // namespace fovea::topologies
