#pragma once

// Bytes <-> Profile: magic, version, checksum, length-prefixed sections. The byte table is in
// profile_store/README.md; a golden file fixes each version.

#include <cstdint>
#include <string>
#include <string_view>

#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::profile_store {

inline constexpr std::uint8_t kProfileVersion = 1;

// Deterministic: equal profiles give equal bytes.
[[nodiscard]] std::string encode_profile(const Profile& profile);

// The behaviour section alone, as compared with an independent fold.
[[nodiscard]] std::string encode_behaviour(const Behaviour& behaviour);

// Reads versions N-1 and N, keeps unknown sections byte for byte.
// Errors: kStop naming what is wrong: a foreign magic, a newer version, a checksum, a truncation,
//         a number that is not finite.
[[nodiscard]] Result<Profile> decode_profile(std::string_view bytes);

// The same into a profile that was used before, whose memory serves again: a restore decodes
// millions. After an error it holds anything.
[[nodiscard]] Result<void> decode_profile(std::string_view bytes, Profile& profile);

// Rounds to the nearest float16 and back: what a vector is after it was stored.
[[nodiscard]] float round_to_float16(float value);

}  // namespace fovea::profile_store
