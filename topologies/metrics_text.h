#pragma once

// Values to Prometheus' text exposition.
//
// Format    text/plain; version=0.0.4: for each metric that has a value # HELP, # TYPE and its
//           samples, in the order of the table whatever the order they came in; label values
//           escaped; histograms cumulative, with +Inf, _sum and _count. See
//           https://prometheus.io/docs/instrumenting/exposition_formats/

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "topologies/metrics_table.h"

namespace fovea::topologies {

inline constexpr std::string_view kMetricsContentType = "text/plain; version=0.0.4; charset=utf-8";

class MetricsText {
 public:
  // Values of the metric's labels, in the table's order. Requires: as many as it has.
  using Labels = std::initializer_list<std::string_view>;

  void add(Metric metric, Labels labels, double value);
  void add(Metric metric, double value) { add(metric, {}, value); }
  // `counts[i]` is what lies in bucket i alone; the last is above all bounds.
  // Requires: counts.size() == bounds.size() + 1.
  void add_histogram(Metric metric, std::span<const double> bounds,
                     std::span<const std::uint64_t> counts, double sum);

  [[nodiscard]] std::string text() const;

 private:
  std::array<std::string, kMetricCount> samples_;
};

}  // namespace fovea::topologies
