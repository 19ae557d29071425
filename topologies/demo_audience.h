#pragma once

// The demo's people seen from outside: what they did, what they were shown, and whether it helped.
//
// It knows events and the slates that came back from the topic, nothing of how they were made. So
// what it says about quality is what a consumer of that topic could say.
//
// Threads   Not thread-safe.

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scorer/baselines/panel.h"
#include "topologies/config.h"
#include "topologies/demo_view.h"
#include "topologies/latency_histogram.h"
#include "vocab/event.h"
#include "vocab/recommendation.h"

namespace fovea::topologies {

class DemoAudience {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  // Lifetime  The configuration outlives it.
  explicit DemoAudience(const Config& config);

  // Somebody acts; `due` is when that was to happen. Asks first: was the choice among the ten shown
  // last? Among the ten most popular then?
  void act(const Event& event, TimePoint due);

  // A slate has come back.
  void show(Recommendation slate, TimePoint at);

  [[nodiscard]] const RollingShare& shown() const { return shown_; }
  [[nodiscard]] const RollingShare& by_popularity() const { return by_popularity_; }
  // From when an event was due to when the slate that it triggered was read.
  [[nodiscard]] const LatencyHistogram& latencies() const { return latencies_; }
  [[nodiscard]] std::uint64_t slates() const { return slates_; }

  // The newest slate, by event time, of somebody with enough of a history to tell.
  [[nodiscard]] const std::optional<Recommendation>& example() const { return example_; }

  struct Act {
    EventType type;
    std::string item;
    TimeMs time;
  };
  // What the user did last, up to `until`; newest first, a few.
  [[nodiscard]] std::vector<Act> lately(const UserId& user, TimeMs until) const;

 private:
  struct Waiting {
    TimeMs time;
    TimePoint due;
  };
  struct Person {
    std::deque<Act> acts;         // the newest few
    std::deque<Waiting> waiting;  // events without an answer so far
    Behaviour had;                // own items only
    std::vector<ItemKey> slate;   // the newest, its first ten
    TimeMs slate_time{};
    bool was_shown = false;
  };

  const Config& config_;
  baselines::Panel popularity_;
  std::unordered_map<std::string, Person> people_;
  std::unordered_set<ItemKey> chosen_;
  RollingShare shown_;
  RollingShare by_popularity_;
  LatencyHistogram latencies_;
  std::uint64_t slates_ = 0;
  std::optional<Recommendation> example_;
};

}  // namespace fovea::topologies
