#pragma once

// What will be read soon and lies anywhere in memory is asked for while something else is computed.
// It changes no result.

#include <cstddef>

namespace fovea::scorer {

// The cache lines of [at, at + bytes).
inline void prefetch(const void* at, std::size_t bytes) {
  constexpr std::size_t kCacheLine = 64;
  for (std::size_t line = 0; line < bytes; line += kCacheLine) {
    __builtin_prefetch(static_cast<const char*>(at) + line);
  }
}

}  // namespace fovea::scorer
