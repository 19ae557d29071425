#include "topologies/published_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kAskTimeout{5'000};
constexpr milliseconds kPoll{100};
// Chunks are large: a batch of them is memory.
constexpr std::size_t kBatchRecords = 8;
// A partition that brings nothing for so long has ended. A reader says after three seconds that no
// broker answers, which is another thing.
constexpr seconds kEndedAfter{4};
constexpr Offset kFirstWindow = 16;
constexpr Offset kWindowGrowth = 4;

bool same_slot(const ModelManifest& a, const ModelManifest& b) {
  return a.stamp.model_id == b.stamp.model_id && a.slot == b.slot;
}

}  // namespace

Result<std::optional<Publication>> PublishedModels::next(const Wanted& wanted) {
  if (!begun_) {
    auto reader = open_(kNoOffset);
    if (!reader) return reader.error();
    const auto ends = (*reader)->ends(kAskTimeout);
    if (!ends) return ends.error();
    low_ = ends->low;
    unread_end_ = ends->high;
    window_ = kFirstWindow;
    begun_ = true;
  }
  for (;;) {
    while (!ahead_.empty()) {
      const Publication latest = ahead_.back();
      ahead_.pop_back();
      const bool overwritten = std::any_of(
          answered_.begin(), answered_.end(),
          [&](const ModelManifest& other) { return same_slot(other, latest.manifest); });
      if (overwritten) continue;
      answered_.push_back(latest.manifest);
      if (wanted(latest.manifest.stamp)) return std::optional(latest);
    }
    if (unread_end_ <= low_) return std::optional<Publication>();
    if (auto walked = walk_back(); !walked) return walked.error();
  }
}

Result<void> PublishedModels::walk_back() {
  const Offset from = std::max(low_, unread_end_ - window_);
  std::vector<Publication> found;
  auto done = read(from, unread_end_, [&](const SourceRecord& record) {
    const auto key = decode_model_key(record.key.value_or(""));
    if (!key || key->chunk || !record.value) return;
    const auto manifest = decode_model_manifest(*record.value);
    if (!manifest || manifest->stamp.model_id != key->model_id || manifest->slot != key->slot) {
      return;
    }
    found.push_back({*manifest, record.offset, record.record_time});
  });
  if (!done) return done;
  ahead_ = std::move(found);
  unread_end_ = from;
  window_ *= kWindowGrowth;
  return {};
}

Result<std::string> PublishedModels::fetch(const Publication& publication) {
  const ModelManifest& manifest = publication.manifest;
  std::string bytes;
  std::vector<std::uint64_t> checksums;
  // In order, so that memory grows with what has come and not with what a manifest claims.
  auto done = read(manifest.first, publication.at, [&](const SourceRecord& record) {
    const auto key = decode_model_key(record.key.value_or(""));
    const auto index = static_cast<std::uint32_t>(checksums.size());
    if (key != ModelKey{manifest.stamp.model_id, manifest.slot, index} || !record.value) return;
    const auto chunk = decode_model_chunk(*record.value);
    if (!chunk || chunk->index != index || chunk->lineage != manifest.stamp.lineage ||
        chunk->position != manifest.stamp.position) {
      return;
    }
    bytes += chunk->bytes;
    checksums.push_back(model_chunk_checksum(*record.value));
  });
  if (!done) return done.error();
  const std::string what =
      fmt::format("slot {} at position {}", manifest.slot, manifest.stamp.position);
  if (checksums.size() != manifest.chunks) {
    return skip("incomplete", fmt::format("{}: chunk {} of {} is missing or damaged", what,
                                          checksums.size(), manifest.chunks));
  }
  if (bytes.size() != manifest.bytes || checksum_of(checksums) != manifest.checksum) {
    return skip("corrupt", what + ": its chunks are not those of its manifest");
  }
  return bytes;
}

// The records at `from` and after, before `to`.
Result<void> PublishedModels::read(Offset from, Offset to, const Visit& visit) {
  auto reader = open_(std::max(from, low_));
  if (!reader) return reader.error();
  std::vector<SourceRecord> batch;
  auto moved = steady_clock::now();
  Offset next = (*reader)->next();
  while (next < to) {
    if (stopping_) return stop("told to stop");
    batch.clear();
    if (auto polled = (*reader)->poll(batch, kBatchRecords, kPoll); !polled) return polled;
    for (const SourceRecord& record : batch) {
      if (record.offset < to) visit(record);
    }
    if ((*reader)->next() > next) {
      next = (*reader)->next();
      moved = steady_clock::now();
    } else if (steady_clock::now() - moved > kEndedAfter) {
      return {};
    }
  }
  return {};
}

}  // namespace fovea::topologies
