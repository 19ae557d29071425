#pragma once

// A recommendation as the JSON that consumers read ("v": 1; fields are only ever added).

#include <string>

#include "vocab/recommendation.h"

namespace fovea::ingest {

// One line without a newline. Floats are printed short (6 significant digits for contributions,
// so that parts add up to the score within 1e-4 * (1 + |score|)); times are integer milliseconds.
[[nodiscard]] std::string encode_recommendation(const Recommendation& recommendation);

}  // namespace fovea::ingest
