#include "topologies/restore.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "topologies/changelog_batch.h"
#include "topologies/log.h"

namespace fovea::topologies {
namespace {

using profile_store::PartitionPositions;
using std::chrono::milliseconds;
using std::chrono::seconds;

// What is brought into the store at a time, counting what a record takes beside its bytes. Of a
// whole changelog it is more: each time makes a table.
constexpr std::size_t kCatchUpBytes = std::size_t{1} << 20U;
constexpr std::size_t kLoadBytes = std::size_t{32} << 20U;
constexpr std::size_t kBatchRecords = 2'000;
constexpr milliseconds kPollTimeout{200};
constexpr milliseconds kAskTimeout{5'000};
constexpr milliseconds kBlocked{300};
constexpr std::int64_t kHourMs = 3'600'000;

// Why what is stored cannot be brought up to date, if so: it may hold what was deleted since.
std::optional<std::string> too_old(const RestoreRequest& request,
                                   const ingest::PartitionReader::Ends& ends,
                                   const RestorePath& path) {
  if (ends.low > request.changelog_from) {
    return fmt::format("what is stored has read the changelog up to {} and it begins at {}",
                       request.changelog_from, ends.low);
  }
  // Where nothing was written since, nothing was deleted.
  if (!path.tombstones_kept || ends.high <= request.changelog_from) return std::nullopt;
  const std::int64_t age_ms = milliseconds_between(request.stored->written_at, path.clock.now());
  if (age_ms <= path.tombstones_kept->count() / 2) return std::nullopt;
  return fmt::format("what is stored is {} h old and the changelog keeps deletions for {} h",
                     age_ms / kHourMs, path.tombstones_kept->count() / kHourMs);
}

Result<void> clear(profile_store::ProfileStore& store, Partition partition) {
  const auto held = store.partitions();
  if (!held) return held.error();
  if (std::find(held->begin(), held->end(), partition) == held->end()) return {};
  profile_store::StoreBatch batch;
  batch.cleared = {partition};
  return store.apply(batch);
}

Result<Restored> restore_up_to(const ingest::PartitionReader::Ends& ends,
                               ingest::PartitionReader& reader, const RestoreRequest& request,
                               profile_store::ProfileStore& store, const Clock& clock,
                               const std::atomic<bool>& stopping) {
  if (request.changelog_from > ends.high) {
    return stop(fmt::format(
        "partition {}: the store has read the changelog up to {} but it ends at {}: the topic was "
        "created anew",
        request.partition, request.changelog_from, ends.high));
  }
  PartitionPositions positions = request.stored.value_or(PartitionPositions{});
  positions.input_next = request.input_next.value_or(positions.input_next);
  if (!request.stored) {
    // What an earlier restore left half done may have been deleted since.
    if (auto cleared = clear(store, request.partition); !cleared) return cleared.error();
  }

  ChangelogBatch gathered;
  ProfileChooser chooser(request.partition, store, !request.stored);
  const std::size_t most = request.stored ? kCatchUpBytes : kLoadBytes;
  const auto bring = [&]() -> Result<void> {
    if (gathered.records().empty()) return {};
    const auto batch = chooser.choose(gathered);
    if (!batch) return batch.error();
    return request.stored ? store.apply(*batch) : store.load(*batch);
  };
  std::uint64_t restored = 0;
  const auto started = clock.monotonic();
  auto said_at = started;
  auto moved_at = started;
  bool blocked = false;
  const Offset end = request.only_stable ? ends.stable : ends.high;
  while (reader.next() < end) {
    if (request.is_over && request.is_over()) return skip("taken", "the partition is another's");
    if (stopping) return stop(fmt::format("partition {}: restore interrupted", request.partition));
    const Offset was = reader.next();
    const std::size_t before = gathered.records().size();
    if (auto polled = reader.poll(gathered.records(), kBatchRecords, kPollTimeout); !polled) {
      if (polled.error().disposition != Disposition::kRetry) return polled.error();
      log_limited(LogLevel::kWarning, "restore", "restore: " + polled.error().message);
      continue;
    }
    if (reader.next() != was) {
      moved_at = clock.monotonic();
    } else if (!blocked && clock.monotonic() - moved_at >= kBlocked) {
      blocked = true;
      if (request.on_blocked) request.on_blocked();
    }
    restored += gathered.records().size() - before;
    if (auto read = gathered.read(); !read) return read.error();
    if (gathered.bytes() >= most) {
      if (auto brought = bring(); !brought) return brought.error();
    }
    if (clock.monotonic() - said_at >= seconds(3)) {
      said_at = clock.monotonic();
      log_info(fmt::format("partition {}: restoring profiles, changelog {} of {}",
                           request.partition, reader.next(), ends.high));
    }
  }
  if (auto brought = bring(); !brought) return brought.error();
  positions.highest_event_time =
      std::max(positions.highest_event_time, chooser.highest_event_time());
  // What is stored may stand behind a transaction that is open.
  positions.changelog_next = std::max(end, request.changelog_from);
  // Where neither the store nor the group knows how far the input was read, the changelog does not
  // either: of the interval that was open when its writer ended it may hold some profiles and not
  // others. No position is made up; the configuration decides where to start, and until the first
  // commit at the next start too. What is read again is known by `applied`.
  const bool known = request.stored || request.input_next;
  if (known && positions != request.stored) {
    // The positions last: a restore that is cut short starts over.
    positions.written_at = clock.now();
    profile_store::StoreBatch last;
    last.positions.emplace_back(request.partition, positions);
    // Not past what the caller has yet to write again: a crash before that must not forget it.
    if (!chooser.outdated().empty())
      last.positions.back().second.changelog_next = request.changelog_from;
    if (auto applied = store.apply(last); !applied) return applied.error();
  }
  if (restored > 0 && !request.only_stable) {
    log_info(fmt::format(
        "partition {}: {} changelog records restored in {} ms", request.partition, restored,
        std::chrono::duration_cast<milliseconds>(clock.monotonic() - started).count()));
  }
  Restored result{positions, {}};
  for (const std::string& user : chooser.outdated()) result.outdated.push_back({user});
  return result;
}

}  // namespace

Result<Restored> restore_partition(ingest::PartitionReader& reader, const RestoreRequest& request,
                                   profile_store::ProfileStore& store, const Clock& clock,
                                   const std::atomic<bool>& stopping) {
  const auto ends = reader.ends(kAskTimeout);
  if (!ends) return ends.error();
  return restore_up_to(*ends, reader, request, store, clock, stopping);
}

Result<Restored> restore_from_changelog(const RestorePath& path, RestoreRequest request) {
  const auto open = [&] {
    return path.clients.open_partition_reader(path.kafka, {path.changelog, request.partition},
                                              request.stored ? request.changelog_from : kNoOffset);
  };
  auto reader = open();
  if (!reader) return reader.error();
  if (request.stored) {
    const auto ends = (*reader)->ends(kAskTimeout);
    if (!ends) return ends.error();
    const auto why = too_old(request, *ends, path);
    if (!why) {
      return restore_up_to(*ends, **reader, request, path.store, path.clock, path.stopping);
    }
    log_warning(fmt::format("partition {}: {}: all of it is read again", request.partition, *why));
    if (!request.input_next) request.input_next = request.stored->input_next;
    request.stored.reset();
    request.changelog_from = 0;
    reader = open();
    if (!reader) return reader.error();
  }
  return restore_partition(**reader, request, path.store, path.clock, path.stopping);
}

Result<std::vector<UserId>> outdated_users(ingest::PartitionReader& reader, Partition partition,
                                           Offset to, profile_store::ProfileStore& store,
                                           const std::atomic<bool>& stopping) {
  ProfileChooser chooser(partition, store, false);
  ChangelogBatch batch;
  while (reader.next() < to && !stopping) {
    if (auto polled = reader.poll(batch.records(), kBatchRecords, kPollTimeout); !polled) {
      return polled.error();
    }
    if (auto read = batch.read(); !read) return read.error();
    if (const auto chosen = chooser.choose(batch); !chosen) return chosen.error();
  }
  std::vector<UserId> outdated;
  for (const std::string& user : chooser.outdated()) outdated.push_back({user});
  return outdated;
}

}  // namespace fovea::topologies
