#include "tests/sim/sim_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "ingest/keys.h"
#include "profile_store/profile_codec.h"

namespace fovea::sim {

using profile_store::PartitionPositions;
using profile_store::ProfileWrite;
using profile_store::StoreBatch;

class SimStore final : public profile_store::ProfileStore {
 public:
  SimStore(SimDisk& disk, CrashHook crash_points)
      : disk_(disk), holder_(disk.holders_), crash_points_(std::move(crash_points)) {}

  ~SimStore() override {
    if (holds()) disk_.held_ = false;
  }

  Result<std::vector<std::optional<Profile>>> get(Partition partition,
                                                  const std::vector<UserId>& users) override {
    check_alive();
    std::vector<std::optional<Profile>> answers;
    answers.reserve(users.size());
    for (const UserId& user : users) {
      const auto found = disk_.current_.profiles.find({partition, user});
      answers.emplace_back();
      if (found == disk_.current_.profiles.end()) continue;
      Result<Profile> profile = decode(partition, user, found->second);
      if (!profile) return profile.error();
      answers.back() = *std::move(profile);
    }
    return answers;
  }

  Result<void> apply(const StoreBatch& batch) override { return write({batch, false}); }
  Result<void> load(const StoreBatch& batch) override { return write({batch, true}); }

  Result<std::optional<PartitionPositions>> positions(Partition partition) override {
    check_alive();
    const auto found = disk_.current_.positions.find(partition);
    if (found == disk_.current_.positions.end()) return std::optional<PartitionPositions>();
    return std::optional(found->second);
  }

  Result<std::vector<Partition>> partitions() override {
    check_alive();
    std::set<Partition> found;
    for (const auto& [partition, positions] : disk_.current_.positions) found.insert(partition);
    for (const auto& [key, bytes] : disk_.current_.profiles) found.insert(key.first);
    return std::vector<Partition>(found.begin(), found.end());
  }

  Result<void> for_each(const Visitor& visitor) override {
    check_alive();
    // A walk sees the store as it was when it began.
    const auto profiles = disk_.current_.profiles;
    for (const auto& [key, bytes] : profiles) {
      Result<Profile> profile = decode(key.first, key.second, bytes);
      if (!profile) return profile.error();
      if (Result<void> visited = visitor(key.first, key.second, *profile); !visited) return visited;
    }
    return {};
  }

 private:
  Result<void> write(SimDisk::Write write) {
    check_alive();
    if (crash_points_) crash_points_("store:before");
    disk_.clock_.sleep(disk_.write_takes_);
    if (disk_.failures_ > 0) {
      --disk_.failures_;
      return stop("state directory sim is on a full disk: no space left on device");
    }
    disk_.current_.apply(write.batch);
    disk_.unsynced_.push_back(std::move(write));
    if (crash_points_) crash_points_("store:after");
    return {};
  }

  [[nodiscard]] bool holds() const { return disk_.held_ && disk_.holders_ == holder_; }
  void check_alive() const {
    if (!holds()) throw Crash{};
  }

  static Result<Profile> decode(Partition partition, const UserId& user, const std::string& bytes) {
    Result<Profile> profile = profile_store::decode_profile(bytes);
    if (profile) return profile;
    return stop(fmt::format("state directory sim: partition {}, user \"{}\": {}", partition,
                            user.value, profile.error().message));
  }

  SimDisk& disk_;
  const std::uint64_t holder_;
  const CrashHook crash_points_;
};

Result<std::unique_ptr<profile_store::ProfileStore>> SimDisk::open(CrashHook crash_points) {
  if (held_) return stop("state directory sim is held by a running process");
  held_ = true;
  ++holders_;
  sync();
  return std::unique_ptr<profile_store::ProfileStore>(
      std::make_unique<SimStore>(*this, std::move(crash_points)));
}

void SimDisk::process_crash() {
  held_ = false;
}

void SimDisk::machine_crash(scorer::Random& random) {
  process_crash();
  lose_all_but(random.below(static_cast<std::uint32_t>(unsynced_.size()) + 1));
  sync();
  current_ = synced_;
}

// What was loaded is synced, and with it that its partition was cleared before.
void SimDisk::lose_all_but(std::size_t oldest) {
  std::set<Partition> loaded;
  for (std::size_t i = unsynced_.size(); i-- > oldest;) {
    const auto& [batch, is_load] = unsynced_[i];
    if (is_load) {
      for (const auto& write : batch.encoded) loaded.insert(write.partition);
      continue;
    }
    StoreBatch kept;
    for (const Partition partition : batch.cleared) {
      if (loaded.contains(partition)) kept.cleared.push_back(partition);
    }
    unsynced_[i].batch = std::move(kept);
  }
}

void SimDisk::sync() {
  for (const Write& write : unsynced_) synced_.apply(write.batch);
  unsynced_.clear();
}

void SimDisk::State::apply(const StoreBatch& batch) {
  for (const Partition partition : batch.cleared) {
    std::erase_if(profiles, [&](const auto& entry) { return entry.first.first == partition; });
    positions.erase(partition);
  }
  for (const ProfileWrite& write : batch.profiles) {
    if (write.profile) {
      profiles.insert_or_assign({write.partition, write.user},
                                profile_store::encode_profile(*write.profile));
    } else {
      profiles.erase({write.partition, write.user});
    }
  }
  for (const auto& [partition, user, bytes] : batch.encoded) {
    if (bytes) {
      profiles.insert_or_assign({partition, user}, *bytes);
    } else {
      profiles.erase({partition, user});
    }
  }
  for (const auto& [partition, at] : batch.positions) positions[partition] = at;
}

std::uint64_t SimDisk::digest() const {
  std::uint64_t sum = 0;
  for (const auto& [key, bytes] : current_.profiles) {
    sum = ingest::hash64(fmt::format("{} {}", key.first, key.second.value), sum);
    sum = ingest::hash64(bytes, sum);
  }
  for (const auto& [partition, at] : current_.positions) {
    sum = ingest::hash64(fmt::format("{} {} {} {} {}", partition, at.input_next, at.changelog_next,
                                     value(at.written_at), value(at.highest_event_time)),
                         sum);
  }
  return sum;
}

}  // namespace fovea::sim
