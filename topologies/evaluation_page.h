#pragma once

// The figures of an evaluation as a page to look at.
//
// One file that needs no network: the figures, the script that draws them (report.js) and Chart.js
// lie in it. A build without Chart.js makes pages with the tables alone, and they say so.

#include <string>
#include <string_view>

#include "vocab/result.h"

namespace fovea::topologies {

// `json` is what evaluation_json() returns.
[[nodiscard]] std::string evaluation_page(std::string_view json);

// Writes evaluation.json and evaluation.html into the folder, which is made if need be.
// Errors: kStop naming the path.
[[nodiscard]] Result<void> write_report(const std::string& folder, std::string_view json);

}  // namespace fovea::topologies
