#include "topologies/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <utility>
#include <vector>

#include "profile_store/profile_codec.h"
#include "topologies/log.h"

namespace fovea::topologies {
namespace {

using profile_store::PartitionPositions;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr std::size_t kBatchRecords = 2'000;
constexpr milliseconds kPollTimeout{200};
constexpr milliseconds kAskTimeout{5'000};

using Newest = std::map<std::string, std::optional<Profile>>;

// The last record of each user in the batch.
Result<Newest> decode_batch(const std::vector<ingest::SourceRecord>& records) {
  Newest newest;
  for (const ingest::SourceRecord& record : records) {
    const auto at_fault = [&record](const std::string& message) {
      return stop(fmt::format("{} [{}] offset {}: {}", record.topic, record.partition,
                              record.offset, message));
    };
    if (!record.key) return at_fault("a changelog record has no key");
    std::optional<Profile>& slot = newest[*record.key];
    slot.reset();
    if (!record.value) continue;
    auto profile = profile_store::decode_profile(*record.value);
    if (!profile) return at_fault(profile.error().message);
    slot = *std::move(profile);
  }
  return newest;
}

// What of `newest` the store does not know better already.
Result<profile_store::StoreBatch> choose(Partition partition, Newest newest, bool store_has_some,
                                         profile_store::ProfileStore& store) {
  std::vector<UserId> users;
  for (const auto& [user, profile] : newest) users.push_back({user});
  std::vector<std::optional<Profile>> known(users.size());
  if (store_has_some) {
    auto found = store.get(partition, users);
    if (!found) return found.error();
    known = *std::move(found);
  }
  profile_store::StoreBatch batch;
  for (std::size_t i = 0; i < users.size(); ++i) {
    std::optional<Profile>& profile = newest[users[i].value];
    if (profile && known[i] && profile->behaviour.applied < known[i]->behaviour.applied) continue;
    batch.profiles.push_back({partition, users[i], std::move(profile)});
  }
  return batch;
}

// The newest event that a profile knows of: the changelog does not carry the partition's time.
TimeMs newest_event(const Profile& profile) {
  TimeMs newest{};
  for (const DecayedCounter& counter : profile.behaviour.counters) {
    if (counter.value > 0.0F) newest = std::max(newest, counter.last_time);
  }
  return newest;
}

}  // namespace

Result<PartitionPositions> restore_partition(ingest::PartitionReader& reader,
                                             const RestoreRequest& request,
                                             profile_store::ProfileStore& store, const Clock& clock,
                                             const std::atomic<bool>& stopping) {
  const auto ends = reader.ends(kAskTimeout);
  if (!ends) return ends.error();
  if (request.changelog_from > ends->high) {
    return stop(fmt::format(
        "partition {}: the store has read the changelog up to {} but it ends at {}: the topic was "
        "created anew",
        request.partition, request.changelog_from, ends->high));
  }
  PartitionPositions positions = request.stored.value_or(PartitionPositions{});
  positions.input_next = request.input_next.value_or(positions.input_next);

  std::vector<ingest::SourceRecord> records;
  std::uint64_t restored = 0;
  const auto started = steady_clock::now();
  auto said_at = started;
  while (reader.next() < ends->high) {
    if (stopping) return stop(fmt::format("partition {}: restore interrupted", request.partition));
    records.clear();
    if (auto polled = reader.poll(records, kBatchRecords, kPollTimeout); !polled) {
      if (polled.error().disposition != Disposition::kRetry) return polled.error();
      log_limited(LogLevel::kWarning, "restore", "restore: " + polled.error().message);
      continue;
    }
    auto newest = decode_batch(records);
    if (!newest) return newest.error();
    for (const auto& [user, profile] : *newest) {
      if (!profile) continue;
      positions.highest_event_time = std::max(positions.highest_event_time, newest_event(*profile));
    }
    auto batch = choose(request.partition, *std::move(newest), request.stored.has_value(), store);
    if (!batch) return batch.error();
    if (auto applied = store.apply(*batch); !applied) return applied.error();
    restored += records.size();
    if (steady_clock::now() - said_at >= seconds(3)) {
      said_at = steady_clock::now();
      log_info(fmt::format("partition {}: restoring profiles, changelog {} of {}",
                           request.partition, reader.next(), ends->high));
    }
  }
  // Nothing known from anywhere: the configuration decides where to start, now and, until the
  // first commit, at the next start too.
  if (restored == 0 && !request.stored && !request.input_next) return positions;

  // The positions last: a restore that is cut short starts over.
  positions.changelog_next = ends->high;
  positions.written_at = clock.now();
  profile_store::StoreBatch last;
  last.positions.emplace_back(request.partition, positions);
  if (auto applied = store.apply(last); !applied) return applied.error();
  if (restored > 0) {
    log_info(fmt::format(
        "partition {}: {} changelog records restored in {} ms", request.partition, restored,
        std::chrono::duration_cast<milliseconds>(steady_clock::now() - started).count()));
  }
  return positions;
}

}  // namespace fovea::topologies
