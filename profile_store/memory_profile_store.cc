#include "profile_store/memory_profile_store.h"

#include <map>
#include <mutex>
#include <set>
#include <shared_mutex>
#include <tuple>

#include "profile_store/profile_codec.h"

namespace fovea::profile_store {
namespace {

// Keeps profiles encoded, as the real store does: a profile read back is what the codec makes of
// it, and a million users fit.
class MemoryProfileStore final : public ProfileStore {
 public:
  Result<std::vector<std::optional<Profile>>> get(Partition partition,
                                                  const std::vector<UserId>& users) override {
    const std::shared_lock lock(mutex_);
    std::vector<std::optional<Profile>> answers;
    answers.reserve(users.size());
    for (const UserId& user : users) {
      const auto found = profiles_.find({partition, user});
      if (found == profiles_.end()) {
        answers.emplace_back();
        continue;
      }
      Result<Profile> profile = decode_profile(found->second);
      if (!profile) return profile.error();
      answers.emplace_back(*std::move(profile));
    }
    return answers;
  }

  Result<void> apply(const StoreBatch& batch) override {
    const std::unique_lock lock(mutex_);
    for (const Partition partition : batch.cleared) {
      std::erase_if(profiles_, [&](const auto& entry) { return entry.first.first == partition; });
      positions_.erase(partition);
    }
    for (const ProfileWrite& write : batch.profiles) {
      if (write.profile) {
        profiles_.insert_or_assign({write.partition, write.user}, encode_profile(*write.profile));
      } else {
        profiles_.erase({write.partition, write.user});
      }
    }
    for (const auto& [partition, user, bytes] : batch.encoded) {
      if (bytes) {
        profiles_.insert_or_assign({partition, user}, *bytes);
      } else {
        profiles_.erase({partition, user});
      }
    }
    for (const auto& [partition, positions] : batch.positions) positions_[partition] = positions;
    return {};
  }

  Result<std::optional<PartitionPositions>> positions(Partition partition) override {
    const std::shared_lock lock(mutex_);
    const auto found = positions_.find(partition);
    if (found == positions_.end()) return std::optional<PartitionPositions>();
    return std::optional(found->second);
  }

  Result<std::vector<Partition>> partitions() override {
    const std::shared_lock lock(mutex_);
    std::set<Partition> found;
    for (const auto& [partition, positions] : positions_) found.insert(partition);
    for (const auto& [key, bytes] : profiles_) found.insert(key.first);
    return std::vector<Partition>(found.begin(), found.end());
  }

  Result<void> for_each(const Visitor& visitor) override {
    const std::shared_lock lock(mutex_);
    for (const auto& [key, bytes] : profiles_) {
      Result<Profile> profile = decode_profile(bytes);
      if (!profile) return profile.error();
      if (Result<void> visited = visitor(key.first, key.second, *profile); !visited) return visited;
    }
    return {};
  }

 private:
  std::shared_mutex mutex_;
  std::map<std::pair<Partition, UserId>, std::string> profiles_;
  std::map<Partition, PartitionPositions> positions_;
};

}  // namespace

std::unique_ptr<ProfileStore> make_memory_profile_store() {
  return std::make_unique<MemoryProfileStore>();
}

}  // namespace fovea::profile_store
