#pragma once

// The demo's generated people and things, as the records that producers would send.
//
// Threads   Not thread-safe.

#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "ingest/sink.h"
#include "topologies/config.h"
#include "topologies/generated_log.h"
#include "vocab/event.h"
#include "vocab/item.h"

namespace fovea::topologies {

class DemoWorld {
 public:
  // `now` is the wall clock's: nothing in the world happens after it.
  // Lifetime  The configuration outlives it.
  DemoWorld(const Config& config, std::uint64_t seed, TimeMs now);

  // What exists before the first event.
  [[nodiscard]] std::vector<ingest::OutputRecord> catalogue();

  // Appends the next event, after what changed in the catalogue before it.
  Event next(std::vector<ingest::OutputRecord>& records);

  // The item's title, or its id.
  [[nodiscard]] std::string title(const std::string& id) const;

  // What the user was made to like, in words.
  [[nodiscard]] std::string taste(const UserId& user) const { return log_.taste(user); }

 private:
  ingest::OutputRecord announce(const ItemChange& change);

  const Config& config_;
  GeneratedLog log_;
  std::unordered_map<std::string, std::string> titles_;
};

}  // namespace fovea::topologies
