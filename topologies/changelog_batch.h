#pragma once

// What a stretch of a changelog says of each user, and what of that a store does not know better.
//
// Of two versions of a profile the one that has folded in more stays, whichever comes first; of two
// that have folded in as much, the later. What lies before a deletion does not count. A profile is
// decoded to be checked and judged, and stored in the bytes that it came in.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"
#include "profile_store/profile_store.h"
#include "vocab/ids.h"
#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Records of one partition's changelog, in its order, to be taken together.
class ChangelogBatch {
 public:
  struct Entry {
    std::uint64_t name_begins = 0;  // with which bytes the user's name does: most differ by then
    std::size_t record = 0;
    Offset applied = kNoOffset;
    TimeMs newest_event{};
  };

  // Where records are added.
  std::vector<ingest::SourceRecord>& records() { return records_; }

  // Decodes what was added since the last call.
  // Errors: kStop naming topic, partition and offset.
  [[nodiscard]] Result<void> read();

  // Some of what it holds in memory, of what was read.
  [[nodiscard]] std::size_t bytes() const { return bytes_; }

  // Of one user after another, by name; of each in the changelog's order.
  const std::vector<Entry>& by_user();
  [[nodiscard]] const std::string& user(const Entry& entry) const {
    return *records_[entry.record].key;
  }

  // For the next; memory is kept.
  void clear();

 private:
  std::vector<ingest::SourceRecord> records_;
  std::vector<Entry> entries_;
  std::size_t bytes_ = 0;
  Profile profile_;  // one for all: its memory serves again
};

// Who may be in a store. Nobody who was added is denied; the more there are, the more of the others
// are taken for them. 8 MiB.
class MetUsers {
 public:
  // Whether the user may have been added before.
  bool add(std::string_view user);

 private:
  static constexpr std::size_t kBits = std::size_t{1} << 26U;
  std::vector<std::uint64_t> words_ = std::vector<std::uint64_t>(kBits / 64);
};

// Batch after batch of a changelog, against what the store has by then.
// Lifetime  The store outlives it.
class ProfileChooser {
 public:
  // `empty`: the store has nothing of the partition, and nothing comes to it but what is chosen
  // here. It is asked only about those who may be there then.
  ProfileChooser(Partition partition, profile_store::ProfileStore& store, bool empty);

  // What the store does not know better already, by user; fit for ProfileStore::load(). The batch
  // is empty then, for the next.
  // Errors: the store's.
  [[nodiscard]] Result<profile_store::StoreBatch> choose(ChangelogBatch& from);

  // Users whose last record is older than one before it, or than the store's.
  [[nodiscard]] const std::set<std::string>& outdated() const { return outdated_; }
  // Of all profiles that were the newest of their user in a batch.
  [[nodiscard]] TimeMs highest_event_time() const { return highest_event_time_; }

 private:
  struct Version;
  static std::vector<Version> versions_of(ChangelogBatch& batch);
  Result<void> ask(const ChangelogBatch& batch, std::vector<Version>& versions);
  void note(const std::string& user, bool outdated);

  const Partition partition_;
  profile_store::ProfileStore& store_;
  std::optional<MetUsers> met_;
  std::set<std::string> outdated_;
  TimeMs highest_event_time_{};
};

}  // namespace fovea::topologies
