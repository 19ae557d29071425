#include "topologies/changelog_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <utility>

#include "profile_store/profile_codec.h"

namespace fovea::topologies {
namespace {

// What a record takes beside its bytes, until it is stored.
constexpr std::size_t kRecordBytes = 256;
// A store answers with whole profiles.
constexpr std::size_t kAskedAtATime = 2'000;

// As a number that is in the order of the names.
std::uint64_t begin_of(std::string_view name) {
  std::uint64_t begin = 0;
  for (std::size_t i = 0; i < sizeof begin; ++i) {
    begin = begin << 8U | (i < name.size() ? static_cast<unsigned char>(name[i]) : 0U);
  }
  return begin;
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

Result<void> ChangelogBatch::read() {
  for (std::size_t i = entries_.size(); i < records_.size(); ++i) {
    const ingest::SourceRecord& record = records_[i];
    const auto at_fault = [&record](const std::string& message) {
      return stop(fmt::format("{} [{}] offset {}: {}", record.topic, record.partition,
                              record.offset, message));
    };
    if (!record.key) return at_fault("a changelog record has no key");
    Entry& entry = entries_.emplace_back(Entry{begin_of(*record.key), i});
    bytes_ += kRecordBytes + record.key->size();
    if (!record.value) continue;
    bytes_ += record.value->size();
    if (auto decoded = profile_store::decode_profile(*record.value, profile_); !decoded) {
      return at_fault(decoded.error().message);
    }
    entry.applied = profile_.behaviour.applied;
    entry.newest_event = newest_event(profile_);
  }
  return {};
}

const std::vector<ChangelogBatch::Entry>& ChangelogBatch::by_user() {
  std::sort(entries_.begin(), entries_.end(), [this](const Entry& a, const Entry& b) {
    if (a.name_begins != b.name_begins) return a.name_begins < b.name_begins;
    const int order = user(a).compare(user(b));
    return order != 0 ? order < 0 : a.record < b.record;
  });
  return entries_;
}

void ChangelogBatch::clear() {
  records_.clear();
  entries_.clear();
  bytes_ = 0;
}

bool MetUsers::add(std::string_view user) {
  const std::size_t bit = std::hash<std::string_view>()(user) % kBits;
  std::uint64_t& word = words_[bit / 64];
  const std::uint64_t mask = std::uint64_t{1} << (bit % 64);
  const bool met = (word & mask) != 0;
  word |= mask;
  return met;
}

// What a batch says of one user.
struct ProfileChooser::Version {
  bool deleted = false;                         // what was known before does not count
  const ChangelogBatch::Entry* best = nullptr;  // has folded in most since then; null: none
  const ChangelogBatch::Entry* last = nullptr;
  std::optional<Offset> stored;  // what the store's has folded in
};

ProfileChooser::ProfileChooser(Partition partition, profile_store::ProfileStore& store, bool empty)
    : partition_(partition), store_(store) {
  if (empty) met_.emplace();
}

Result<profile_store::StoreBatch> ProfileChooser::choose(ChangelogBatch& from) {
  std::vector<Version> versions = versions_of(from);
  if (auto asked = ask(from, versions); !asked) return asked.error();
  profile_store::StoreBatch batch;
  batch.encoded.reserve(versions.size());
  for (const Version& version : versions) {
    ingest::SourceRecord& last = from.records()[version.last->record];
    if (!version.best) {
      note(*last.key, false);
      if (version.stored) {
        batch.encoded.push_back({partition_, {std::move(*last.key)}, std::nullopt});
      }
      continue;
    }
    const bool kept = !version.deleted && version.stored && version.best->applied < *version.stored;
    note(*last.key, version.last->applied < (kept ? *version.stored : version.best->applied));
    highest_event_time_ = std::max(highest_event_time_, version.best->newest_event);
    if (kept) continue;
    ingest::SourceRecord& best = from.records()[version.best->record];
    batch.encoded.push_back({partition_, {std::move(*best.key)}, std::move(best.value)});
  }
  from.clear();
  return batch;
}

// By name.
std::vector<ProfileChooser::Version> ProfileChooser::versions_of(ChangelogBatch& batch) {
  std::vector<Version> versions;
  const auto& entries = batch.by_user();
  versions.reserve(entries.size());
  for (const ChangelogBatch::Entry& entry : entries) {
    if (versions.empty() || versions.back().last->name_begins != entry.name_begins ||
        batch.user(*versions.back().last) != batch.user(entry)) {
      versions.emplace_back();
    }
    Version& version = versions.back();
    version.last = &entry;
    if (!batch.records()[entry.record].value) {
      version.deleted = true;
      version.best = nullptr;
    } else if (!version.best || version.best->applied <= entry.applied) {
      version.best = &entry;
    }
  }
  return versions;
}

Result<void> ProfileChooser::ask(const ChangelogBatch& batch, std::vector<Version>& versions) {
  std::vector<Version*> known;
  for (Version& version : versions) {
    if (!met_ || met_->add(batch.user(*version.last))) known.push_back(&version);
  }
  for (std::size_t from = 0; from < known.size(); from += kAskedAtATime) {
    const std::size_t to = std::min(known.size(), from + kAskedAtATime);
    std::vector<UserId> users;
    for (std::size_t i = from; i < to; ++i) users.push_back({batch.user(*known[i]->last)});
    const auto profiles = store_.get(partition_, users);
    if (!profiles) return profiles.error();
    for (std::size_t i = from; i < to; ++i) {
      const std::optional<Profile>& profile = (*profiles)[i - from];
      if (profile) known[i]->stored = profile->behaviour.applied;
    }
  }
  return {};
}

void ProfileChooser::note(const std::string& user, bool outdated) {
  if (outdated) {
    outdated_.insert(user);
  } else {
    outdated_.erase(user);
  }
}

}  // namespace fovea::topologies
