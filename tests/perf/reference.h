#pragma once

// What speeds are held against: this machine, measured in the same process.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace fovea::perf {

// "i17". Not by operator+, which GCC 12 warns of for no reason.
inline std::string numbered(char letter, std::uint64_t number) {
  std::string out(1, letter);
  out += std::to_string(number);
  return out;
}

// Bytes a second that one core reads from memory it has not in any cache: the best of five passes
// over 256 MiB, summed in four lanes so that the sum is not what is measured.
inline double stream_bytes_per_second() {
  static const double best = [] {
    const std::vector<std::uint64_t> data((256U << 20U) / sizeof(std::uint64_t), 1);
    double found = 0;
    for (int pass = 0; pass < 5; ++pass) {
      const auto began = std::chrono::steady_clock::now();
      std::uint64_t lanes[4] = {};
      for (std::size_t i = 0; i < data.size(); i += 4) {
        for (std::size_t lane = 0; lane < 4; ++lane) lanes[lane] += data[i + lane];
      }
      benchmark::DoNotOptimize(lanes);
      const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
      found = std::max(found, static_cast<double>(data.size() * sizeof(data[0])) / took.count());
    }
    return found;
  }();
  return best;
}

// Reports the time that reading `bytes` once would take, as a share of the time an iteration took:
// 1 is the bound itself.
inline void report_memory_bound(benchmark::State& state, double bytes) {
  state.counters["bytes"] = bytes;
  state.counters["of_memory_bound"] = benchmark::Counter(
      bytes / stream_bytes_per_second(), benchmark::Counter::kIsIterationInvariantRate);
}

}  // namespace fovea::perf
