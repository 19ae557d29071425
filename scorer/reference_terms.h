#pragma once

// What the reference's scores and its gradients are both made of: buckets, curves, the terms of an
// item the user has had, and what a feature adds. For reference.cc and reference_learn.cc.

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "scorer/reference.h"

namespace fovea::scorer::reference {

using Vector = std::vector<double>;

inline constexpr double kEps = 5e-4;  // of tw and rv

[[nodiscard]] double dot(const Vector& a, const Vector& b);

[[nodiscard]] std::size_t floor_log2(double x);
[[nodiscard]] std::size_t gap_of(std::int64_t age_ms);
[[nodiscard]] std::size_t length_of(std::uint32_t n);

// Weights of the two knots that x lies between.
using KnotWeights = std::array<std::pair<std::size_t, double>, 2>;
[[nodiscard]] KnotWeights feature_knots(double x);
[[nodiscard]] KnotWeights recency_knots(const QueryOwnItem& own);
[[nodiscard]] KnotWeights count_knots(const QueryOwnItem& own);

// Whether f's part is on.
[[nodiscard]] bool used(const Parameters& p, std::size_t f);
// d_f: what a feature is where nothing is known.
[[nodiscard]] double origin_of(std::size_t f);

// Null where the user has not had it.
[[nodiscard]] const QueryOwnItem* own_item(const Query& query, Slot slot);
[[nodiscard]] bool in_history(const QueryOwnItem& own);
// What r5 is multiplied by.
[[nodiscard]] double rate_of(const Parameters& p, Slot slot, std::uint32_t count);
// r1 to r4, or r'.
[[nodiscard]] double sum_of(const LagTable& table, const Buckets& b);
// own(i), term by term, under the names that explanations use.
[[nodiscard]] std::map<std::string, double> own_parts(const Parameters& p, const Question& question,
                                                      const QueryOwnItem& own, std::uint32_t count,
                                                      const std::array<double, kFeatureCount>& x);

// What feature f adds to base and to head where it has the value x.
[[nodiscard]] double linear_part(const Parameters& p, const Buckets& b, std::size_t f, double x);
[[nodiscard]] double head_part(const Parameters& p, const Buckets& b, std::size_t f, double x);

}  // namespace fovea::scorer::reference
