#pragma once

// Files into an evaluation.

#include <functional>
#include <string>

#include "ingest/source.h"
#include "topologies/config.h"
#include "topologies/evaluation.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Calls `on_record` for each line of `path`, as records of `topic`, until it answers false.
// Errors: kStop naming the path; those of `on_record`.
[[nodiscard]] Result<void> read_records(
    const std::string& path, const std::string& topic,
    const std::function<Result<bool>(const ingest::SourceRecord&)>& on_record);

// Errors: kStop naming path and line of a record that is no item.
[[nodiscard]] Result<void> learn_catalogue(const Config& config, const std::string& path,
                                           Evaluation& evaluation);

}  // namespace fovea::topologies
