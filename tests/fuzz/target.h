#pragma once

// What a fuzz target defines: libFuzzer calls it, and so does replay_main.cc with each file of the
// committed corpus.

#include <cstddef>
#include <cstdint>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace fovea::fuzz {

// The input where it lies, so that a read past its end is seen.
inline std::string_view text_of(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

}  // namespace fovea::fuzz
