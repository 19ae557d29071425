#pragma once

// Was the user's next choice in the slate we sent? Measured while serving, beside a list of the
// most popular items of the same length.
//
// What counts, exactly:
//
//   A choice  is a positive event that teaches (of a type in events.learn.positive, neither late
//             nor a duplicate) of a user whose newest slate held at least one item.
//   Judged    is the first positive event after that slate, by event time later than its trigger's:
//             a slate is judged at most once, and a slate that was followed by a late choice first
//             is not judged at all. Both are read off the profile, so a restart changes nothing.
//   A repeat  is a choice of an item the user has had, where slate.seen = "exclude": it could stand
//             in neither list. It is counted as such, ends its slate, and is not judged.
//   A hit     at k is a judged choice among the first k of the list. Both lists are cut to the
//             length of the slate; k = 10 cuts further where the slate is longer.
//   Popular   is the order of the model's decayed counts at half-life H, live items only, without
//             what the user has had where the seen are excluded. It is as of a moment before the
//             choice, a second or so old, and so never older than the slate it is held against.
//             It is 1,000 items long: whoever has had nearly all of them gets no hit from it.
//   An item   that the model does not know is a choice like any other, and a miss of both.
//
// Threads   judge() and refresh() on one thread; the metrics from any.

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <unordered_map>

#include "topologies/metric_values.h"
#include "vocab/event.h"
#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::scorer {
class Model;
}

namespace fovea::topologies {

// Hits are by list and by k; these are the indices.
enum class QualityList : std::uint8_t { kSlate, kPopularity };
enum class QualityK : std::uint8_t { kSlateSize, kTen };

// A choice weighs half as much after so many more.
inline constexpr double kQualityHalfLife = 1'000;

struct OnlineQualityMetrics {
  template <class T>
  using ByListAndK = std::array<std::array<T, 2>, 2>;

  Counter judged;
  Counter repeats;
  ByListAndK<Counter> hits;
  // Decayed sums: of several workers they may be added before they are divided.
  Gauge<double> decayed_judged;
  ByListAndK<Gauge<double>> decayed_hits;
};

struct OnlineQualitySettings {
  EventTypeSet positive;
  bool exclude_seen = false;
  std::chrono::nanoseconds refresh_interval = std::chrono::seconds(1);
  // A refresh is one pass over the items; it may take so small a part of the time.
  int refresh_share = 1'000;
};

class OnlineQuality {
 public:
  // Lifetime  `metrics` outlives it.
  OnlineQuality(OnlineQualitySettings settings, OnlineQualityMetrics& metrics)
      : settings_(settings), metrics_(metrics) {}

  // Takes the popular items of a newer view, if it is time. `now` is an event time.
  void refresh(const scorer::Model& model, TimeMs now);

  // `profile` is as it was before the event, which teaches and is positive.
  void judge(const Event& event, const Profile& profile);

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  [[nodiscard]] bool is_judged(const Profile& profile) const;
  [[nodiscard]] bool is_popular(const Event& event, const Behaviour& behaviour,
                                std::size_t k) const;

  const OnlineQualitySettings settings_;
  OnlineQualityMetrics& metrics_;
  std::unordered_map<ItemKey, std::size_t> popular_;  // item -> rank, from 0
  Offset position_ = kNoOffset;                       // of the view it is from
  TimePoint refresh_after_{};
};

}  // namespace fovea::topologies
