#pragma once

// The model's digests at its latest positions, so that another process's mark can be compared with
// what this one had at the same place of the learning log.
//
// Threads   Not thread-safe.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "vocab/ids.h"

namespace fovea::topologies {

class DigestRing {
 public:
  // Remembers the latest `positions_max` positions at most.
  explicit DigestRing(std::size_t positions_max = 1U << 16U) : entries_(positions_max) {}

  void note(Offset position, std::uint64_t digest) {
    entries_[static_cast<std::size_t>(position) % entries_.size()] = {position, digest};
  }

  // Absent where the position is too old, from before the start, or held no record.
  [[nodiscard]] std::optional<std::uint64_t> at(Offset position) const {
    if (position < 0) return std::nullopt;
    const Entry& entry = entries_[static_cast<std::size_t>(position) % entries_.size()];
    if (entry.position != position) return std::nullopt;
    return entry.digest;
  }

 private:
  struct Entry {
    Offset position = kNoOffset;
    std::uint64_t digest = 0;
  };
  std::vector<Entry> entries_;
};

}  // namespace fovea::topologies
