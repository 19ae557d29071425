#pragma once

// Bytes <-> learning records: versioned, checksummed by the broker, total on any bytes.

#include <string>
#include <string_view>

#include "vocab/learning_record.h"
#include "vocab/result.h"

namespace fovea::scorer {

[[nodiscard]] std::string encode_learning_record(const LearningRecord& record);

// Errors: kStop for a record of a newer version: whoever goes on without it has another model.
//         kSkip for anything else that does not decode: another program wrote it, and it is the
//         same bytes for everybody.
[[nodiscard]] Result<LearningRecord> decode_learning_record(std::string_view bytes);

}  // namespace fovea::scorer
