#pragma once

// What a ranker shows, whether it is chosen or not: coverage, concentration and novelty.
//
//   coverage   share of the items known at the end that were shown at least once
//   Gini       of how often each of those items was shown: 0 all alike, 1 one item only
//   novelty    mean over what was shown of -log2(choices of the item / choices of all) then
//
// Source    Gini of exposure: Adamopoulos and Tuzhilin 2014; novelty as mean self-information: Zhou
// et
//           al., "Solving the apparent diversity-accuracy dilemma of recommender systems", 2010;
//           Vargas and Castells, "Rank and relevance in novelty and diversity metrics", 2011.

#include <cstddef>
#include <cstdint>
#include <vector>

namespace fovea::topologies {

class Exposure {
 public:
  // One place of a slate. `share` is the item's share of all choices so far, above 0.
  void add(std::uint32_t item, double share);

  [[nodiscard]] double coverage(std::size_t item_count) const;
  [[nodiscard]] double gini(std::size_t item_count) const;
  [[nodiscard]] double novelty() const;  // in bits; 0 if nothing was shown
  [[nodiscard]] std::uint64_t shown() const { return shown_; }

 private:
  std::vector<std::uint32_t> times_;  // by item
  std::uint64_t shown_ = 0;
  double bits_ = 0.0;
};

}  // namespace fovea::topologies
