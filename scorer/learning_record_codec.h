#pragma once

// Bytes <-> learning records: versioned, checksummed by the broker, total on any bytes.

#include <string>
#include <string_view>

#include "vocab/learning_record.h"
#include "vocab/result.h"

namespace fovea::scorer {

[[nodiscard]] std::string encode_learning_record(const LearningRecord& record);

// Errors: kStop naming what is wrong: the learning log is ours alone, so a record that does not
//         decode means another program wrote to it or a newer version did.
[[nodiscard]] Result<LearningRecord> decode_learning_record(std::string_view bytes);

}  // namespace fovea::scorer
