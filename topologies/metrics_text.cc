#include "topologies/metrics_text.h"

#include <fmt/format.h>

#include <cmath>

#include "vocab/assert.h"

namespace fovea::topologies {
namespace {

// A backslash, a newline and, within quotes, a quote.
std::string escaped(std::string_view text, bool quoted) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') {
      out += "\\\\";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '"' && quoted) {
      out += "\\\"";
    } else {
      out += c;
    }
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  // Counts are whole and stay so: 1e+06 reads badly in a log of scrapes.
  if (std::abs(value) < 1e15 && value == std::trunc(value)) {
    return fmt::format("{}", static_cast<std::int64_t>(value));
  }
  return fmt::format("{}", value);
}

}  // namespace

void MetricsText::add(Metric metric, Labels labels, double value) {
  const MetricSpec& about = spec(metric);
  std::string& out = samples_[static_cast<std::size_t>(metric)];
  out += about.name;
  std::string_view names = about.labels;
  char before = '{';
  for (const std::string_view label : labels) {
    FOVEA_ASSERT(!names.empty());
    const std::size_t comma = names.find(", ");
    out += fmt::format("{}{}=\"{}\"", before, names.substr(0, comma), escaped(label, true));
    names = comma == std::string_view::npos ? std::string_view{} : names.substr(comma + 2);
    before = ',';
  }
  FOVEA_ASSERT(names.empty());
  if (labels.size() > 0) out += '}';
  out += fmt::format(" {}\n", number(value));
}

void MetricsText::add_histogram(Metric metric, std::span<const double> bounds,
                                std::span<const std::uint64_t> counts, double sum) {
  FOVEA_ASSERT(counts.size() == bounds.size() + 1);
  const MetricSpec& about = spec(metric);
  std::string& out = samples_[static_cast<std::size_t>(metric)];
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    below += counts[i];
    const std::string bound = i < bounds.size() ? number(bounds[i]) : "+Inf";
    out += fmt::format("{}_bucket{{le=\"{}\"}} {}\n", about.name, bound, below);
  }
  out += fmt::format("{}_sum {}\n{}_count {}\n", about.name, number(sum), about.name, below);
}

std::string MetricsText::text() const {
  std::string out;
  for (const MetricSpec& about : metric_specs()) {
    const std::string& samples = samples_[static_cast<std::size_t>(about.metric)];
    if (samples.empty()) continue;
    out += fmt::format("# HELP {} {}\n# TYPE {} {}\n{}", about.name, escaped(about.help, false),
                       about.name, name(about.kind), samples);
  }
  return out;
}

}  // namespace fovea::topologies
