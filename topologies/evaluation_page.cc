#include "topologies/evaluation_page.h"

#include <fmt/format.h>

#include <filesystem>
#include <system_error>

#include "topologies/write_file.h"
#include "vocab/assert.h"

namespace fovea::topologies {

// Files of the build, by embed.cmake.
extern const std::string_view kReportPage;
extern const std::string_view kReportScript;
extern const std::string_view kChartLibrary;  // empty where the build had none

namespace {

void replace(std::string& text, std::string_view mark, std::string_view with) {
  const std::size_t at = text.find(mark);
  FOVEA_ASSERT(at != std::string::npos);
  text.replace(at, mark.size(), with);
}

// Ends no element early; "<" stands in JSON only inside strings, where this is the same.
std::string inside_script(std::string_view json) {
  std::string out;
  for (const char c : json) {
    if (c == '<') {
      out += "\\u003c";
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace

std::string evaluation_page(std::string_view json) {
  std::string page(kReportPage);
  replace(page, "{{figures}}", inside_script(json));
  replace(page, "{{script}}", kReportScript);
  replace(page, "{{chart_library}}", kChartLibrary);
  return page;
}

Result<void> write_report(const std::string& folder, std::string_view json) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  if (failed) return stop(fmt::format("{}: {}", folder, failed.message()));
  if (auto written = write_file(folder + "/evaluation.json", json); !written) return written;
  return write_file(folder + "/evaluation.html", evaluation_page(json));
}

}  // namespace fovea::topologies
