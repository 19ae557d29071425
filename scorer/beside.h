#pragma once

// Work done beside the caller's own, on another thread if it is worth one.
//
// What it is for is fresh memory: copying into that waits for its pages, and two threads wait for
// twice as many.

#include <cstddef>
#include <future>
#include <utility>

namespace fovea::scorer {

// Begins `work`, which reads or fills `bytes` of memory, or does it in get(): where it is little,
// or where there is no thread to be had. Requires: get() before what it fills is touched; the
// future's end waits as well.
template <class Work>
[[nodiscard]] auto beside(std::size_t bytes, Work&& work) {
  // Copied in ten times what a thread's start takes.
  constexpr std::size_t kWorthAThread = std::size_t{1} << 20U;
  const auto policy =
      bytes < kWorthAThread ? std::launch::deferred : std::launch::async | std::launch::deferred;
  return std::async(policy, std::forward<Work>(work));
}

}  // namespace fovea::scorer
