#include "topologies/shedding.h"

#include <algorithm>

#include "ingest/keys.h"

namespace fovea::topologies {
namespace {

// splitmix64's finaliser: Steele, Lea, Flood, "Fast Splittable Pseudorandom Number Generators",
// OOPSLA 2014.
std::uint64_t mixed(std::uint64_t x) {
  x = (x ^ (x >> 30U)) * 0xbf58476d1ce4e5b9U;
  x = (x ^ (x >> 27U)) * 0x94d049bb133111ebU;
  return x ^ (x >> 31U);
}

}  // namespace

double shed_probability(std::int64_t learner_lag, std::int64_t shed_lag) {
  if (shed_lag <= 0) return 0;
  const double over = static_cast<double>(learner_lag - shed_lag) / static_cast<double>(shed_lag);
  return std::clamp(over, 0.0, 1.0);
}

bool is_shed(const SourceCoordinates& at, double probability) {
  if (probability <= 0) return false;
  std::uint64_t state = mixed(ingest::hash64(at.topic) + static_cast<std::uint64_t>(at.partition));
  state = mixed(state + static_cast<std::uint64_t>(at.offset));
  state = mixed(state + at.ordinal);
  // 53 bits: a double in [0, 1).
  return static_cast<double>(state >> 11U) * 0x1p-53 < probability;
}

}  // namespace fovea::topologies
