#pragma once

// The best k of n, best first, ties to the lower key, so that output is a function of input.

#include <algorithm>
#include <cstddef>
#include <vector>

#include "scorer/changes.h"

namespace fovea::scorer {

// `is_candidate(slot)` and `key_of(slot)` are asked only when the score is good enough.
// Cost: one comparison an item, plus k log k for the rare ones that get in.
template <class IsCandidate, class KeyOf>
[[nodiscard]] std::vector<Slot> top_k(const std::vector<float>& scores, std::size_t k,
                                      IsCandidate&& is_candidate, KeyOf&& key_of) {
  const auto better = [&](Slot a, Slot b) {
    if (scores[a] != scores[b]) return scores[a] > scores[b];
    return key_of(a) < key_of(b);
  };
  std::vector<Slot> best;  // a heap whose front is the worst kept
  if (k == 0) return best;
  best.reserve(k);
  for (std::size_t slot = 0; slot < scores.size(); ++slot) {
    const auto at = static_cast<Slot>(slot);
    if (best.size() == k && scores[at] < scores[best.front()]) continue;
    if (!is_candidate(at)) continue;
    if (best.size() == k) {
      if (!better(at, best.front())) continue;
      std::pop_heap(best.begin(), best.end(), better);
      best.back() = at;
    } else {
      best.push_back(at);
    }
    std::push_heap(best.begin(), best.end(), better);
  }
  std::sort_heap(best.begin(), best.end(), better);
  return best;
}

}  // namespace fovea::scorer
