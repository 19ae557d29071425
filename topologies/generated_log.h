#pragma once

// Made-up people with known tastes, watching a catalogue that drifts: input for the demo, for load
// and for tests, where real data must not be shipped.
//
// The world   Items have a genre and mostly come in series. A user likes a main and a second genre,
//             stays in one of them for a few events, and likes to go on with a series. Popularity
//             is Zipf times freshness; new items appear all the time and the oldest are withdrawn.
//             So what comes next can be learned from the last items, from tastes and from what is
//             new, and popularity alone explains little of it
//             (tests/topologies/generated_log_test).
// Numerics  The same settings give the same log on every machine: no libm, no distributions of the
//           standard library.
// Threads   Not thread-safe.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/item.h"

namespace fovea::topologies {

struct GeneratedLogSettings {
  std::uint64_t users = 1'000;  // 1..10 million
  std::uint64_t items = 500;    // alive at a time; 24..1 million
  std::uint64_t seed = 1;
  TimeMs start{1'767'225'600'000};  // of the first event: 2026-01-01T00:00:00Z
  double events_per_second = 10;    // of event time
  EventTypeSet types;               // drawn from; empty: play, view and like
};

struct GeneratedStep {
  std::vector<ItemChange> catalogue;  // what appears or goes just before the event; mostly nothing
  Event event;
};

class GeneratedLog {
 public:
  explicit GeneratedLog(const GeneratedLogSettings& settings);
  GeneratedLog(GeneratedLog&&) noexcept;
  GeneratedLog& operator=(GeneratedLog&&) noexcept;
  ~GeneratedLog();

  // The items that exist before the first event.
  [[nodiscard]] const std::vector<Item>& catalogue() const;

  // Never ends.
  [[nodiscard]] GeneratedStep next();

  // What the user likes, in words: "mystery, then travel". Empty for a user of another log.
  [[nodiscard]] std::string taste(const UserId& user) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::topologies
