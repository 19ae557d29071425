#pragma once

// The profile store as one worker may write it.
//
// The workers of a process share one store, each writes its own partitions. A worker that was held
// up learns late that a partition went to another one; what it still has of it must not replace
// what the new owner has stored meanwhile. So whoever takes a partition claims it first, and a
// write leaves out what is claimed by somebody else.
//
// Threads   PartitionClaims from any. A ClaimedStore as the store it stands for.

#include <functional>
#include <map>
#include <shared_mutex>
#include <vector>

#include "profile_store/profile_store.h"

namespace fovea::topologies {

class PartitionClaims {
 public:
  using Owner = const void*;

  // From here on no other owner's write reaches the partition; one under way is waited for.
  void claim(Partition partition, Owner owner);

  // It is nobody's then, and nobody's write reaches it. Of another's claim nothing changes.
  void release(Partition partition, Owner owner);

  // As claim(), where it is nobody's; whether it is the owner's then.
  [[nodiscard]] bool claim_free(Partition partition, Owner owner);

 private:
  friend class ClaimedStore;
  mutable std::shared_mutex mutex_;
  std::map<Partition, Owner> owners_;  // guarded by mutex_; null: nobody's any more
};

// Lifetime  The store and the claims outlive it.
class ClaimedStore final : public profile_store::ProfileStore {
 public:
  ClaimedStore(profile_store::ProfileStore& store, PartitionClaims& claims,
               PartitionClaims::Owner owner)
      : store_(store), claims_(claims), owner_(owner) {}

  Result<std::vector<std::optional<Profile>>> get(Partition partition,
                                                  const std::vector<UserId>& users) override {
    return store_.get(partition, users);
  }
  // Without what belongs to partitions that another owner has claimed.
  Result<void> apply(const profile_store::StoreBatch& batch) override;
  Result<void> load(const profile_store::StoreBatch& batch) override;
  Result<std::optional<profile_store::PartitionPositions>> positions(Partition partition) override {
    return store_.positions(partition);
  }
  Result<std::vector<Partition>> partitions() override { return store_.partitions(); }
  Result<void> for_each(const Visitor& visitor) override { return store_.for_each(visitor); }

 private:
  using Write = Result<void> (profile_store::ProfileStore::*)(const profile_store::StoreBatch&);
  Result<void> write(const profile_store::StoreBatch& batch, Write how);

  profile_store::ProfileStore& store_;
  PartitionClaims& claims_;
  const PartitionClaims::Owner owner_;
};

}  // namespace fovea::topologies
