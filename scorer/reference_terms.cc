#include "scorer/reference_terms.h"

#include <algorithm>
#include <cmath>

namespace fovea::scorer::reference {
namespace {

KnotWeights knot_weights(double t) {
  t = std::clamp(t, 0.0, static_cast<double>(kKnots) - 1.01);
  const auto knot = static_cast<std::size_t>(t);
  const double fraction = t - static_cast<double>(knot);
  return {{{knot, 1.0 - fraction}, {knot + 1, fraction}}};
}

double at(const Curve& curve, const KnotWeights& weights) {
  return curve[weights[0].first].value * weights[0].second +
         curve[weights[1].first].value * weights[1].second;
}

double slope_of(const Slope& s, const Buckets& b) {
  return s.base.value + s.length[b.length].value + s.mass[b.mass].value + s.gap[b.gap / 2].value;
}

// What feature f adds where it has the value x, by one of the two sets of slopes.
double part_of(const Slope& slope, const Buckets& b, std::size_t f, double x) {
  const double curve = kFeatures[f].sparse ? at(slope.knots, feature_knots(x)) : 0.0;
  return slope_of(slope, b) * x + curve;
}

}  // namespace

double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

// ---- buckets ----

std::size_t floor_log2(double x) {
  return static_cast<std::size_t>(std::floor(std::log2(x)));
}

std::size_t gap_of(std::int64_t age_ms) {
  return std::min<std::size_t>(31, floor_log2(1.0 + std::floor(static_cast<double>(age_ms) / 1e3)));
}

std::size_t length_of(std::uint32_t n) {
  return n <= 1 ? 0 : n == 2 ? 1 : n <= 5 ? 2 : n <= 12 ? 3 : n < 50 ? 4 : 5;
}

bool in_history(const QueryOwnItem& own) {
  return own.lag_class != 0;
}

// ---- curves ----

// g_f: 34 knots from log2(eps), the 31st at 1.
KnotWeights feature_knots(double x) {
  const double start = std::log2(kEps);
  return knot_weights((x - start) / ((1.0 - start) / 30.0));
}

KnotWeights recency_knots(const QueryOwnItem& own) {
  return knot_weights(1.0 + std::log2(1.0 + static_cast<double>(own.age_ms) / 1e3));
}

KnotWeights count_knots(const QueryOwnItem& own) {
  return knot_weights(static_cast<double>(std::min<std::uint32_t>(own.count, 30)));
}

// ---- terms ----

bool used(const Parameters& p, std::size_t f) {
  return kFeatures[f].part == nullptr || p.parts.*kFeatures[f].part;
}

double origin_of(std::size_t f) {
  const bool sparse = kFeatures[f].sparse;
  return sparse ? std::log2(kEps) : 0.0;
}

double rate_of(const Parameters& p, Slot slot, std::uint32_t count) {
  const double rho = p.repeat_mean;
  return std::log2((p.items[slot].repeats + 2.0 * rho) /
                   ((static_cast<double>(count) + 2.0) * rho));
}

const QueryOwnItem* own_item(const Query& query, Slot slot) {
  for (const QueryOwnItem& own : query.own_items) {
    if (own.slot == slot) return &own;
  }
  return nullptr;
}

double sum_of(const LagTable& table, const Buckets& b) {
  return table.length[b.length].value + table.pair[b.pair].value + table.gap[b.gap / 2].value +
         table.share[b.share].value;
}

std::map<std::string, double> own_parts(const Parameters& p, const Question& question,
                                        const QueryOwnItem& own, std::uint32_t count,
                                        const std::array<double, kFeatureCount>& x) {
  std::map<std::string, double> out{
      {"had_before", 0.0}, {"repeat_rate", 0.0}, {"had_before_features", 0.0}};
  out["had_before_recency"] = at(p.own_recency, recency_knots(own));
  out["had_before_count"] = at(p.own_count, count_knots(own));
  if (!in_history(own)) return out;
  const LagTable& table = p.tables[own.lag_class];
  out["had_before"] = sum_of(table, question.buckets);
  out["repeat_rate"] = table.rate.value * rate_of(p, own.slot, count);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (used(p, f)) out["had_before_features"] += p.own_slopes[f].value * (x[f] - origin_of(f));
  }
  return out;
}

double linear_part(const Parameters& p, const Buckets& b, std::size_t f, double x) {
  return part_of(p.slopes[f], b, f, x);
}

double head_part(const Parameters& p, const Buckets& b, std::size_t f, double x) {
  return part_of(p.head.slopes[f], b, f, x);
}

}  // namespace fovea::scorer::reference
