#include "topologies/strata.h"

#include <limits>
#include <string_view>

namespace fovea::topologies {
namespace {

constexpr std::int64_t kNoBound = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMinute = 60'000, kHour = 60 * kMinute, kDay = 24 * kHour;

struct Bound {
  std::int64_t at_most;
  std::string_view name;
};
struct Classes {
  std::string_view title;
  std::array<Bound, 5> bounds;
};

constexpr std::array<Classes, 4> kClasses = {{
    {"by earlier choices of the item",
     {{{5, "1-5"}, {20, "6-20"}, {100, "21-100"}, {500, "101-500"}, {kNoBound, ">500"}}}},
    {"by time since the item was first chosen",
     {{{kHour, "1 h"},
       {kDay, "1 d"},
       {7 * kDay, "7 d"},
       {90 * kDay, "90 d"},
       {kNoBound, "longer"}}}},
    {"by length of the history",
     {{{1, "1"}, {3, "2-3"}, {10, "4-10"}, {49, "11-49"}, {kNoBound, "50+"}}}},
    {"by time since the user's newest choice",
     {{{kMinute, "1 min"},
       {kHour, "1 h"},
       {kDay, "1 d"},
       {30 * kDay, "30 d"},
       {kNoBound, "longer"}}}},
}};

}  // namespace

std::array<Strata, 4> empty_strata(std::size_t baselines) {
  std::array<Strata, 4> strata;
  for (std::size_t s = 0; s < strata.size(); ++s) {
    strata[s].title = kClasses[s].title;
    for (const Bound& bound : kClasses[s].bounds) {
      strata[s].parts.push_back({std::string(bound.name), {}, std::vector<Mean>(baselines)});
    }
  }
  return strata;
}

std::array<std::size_t, 4> strata_of(const StratumKey& key) {
  const std::array<std::int64_t, 4> values = {key.item_choices, key.item_age_ms, key.history_length,
                                              key.since_newest_ms};
  std::array<std::size_t, 4> classes{};
  for (std::size_t s = 0; s < classes.size(); ++s) {
    while (values[s] > kClasses[s].bounds[classes[s]].at_most) ++classes[s];
  }
  return classes;
}

}  // namespace fovea::topologies
