#include "scorer/calibration.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "scorer/negatives.h"
#include "scorer/same_bits.h"

namespace fovea::scorer {
namespace {

constexpr float kRate = 0.03F;
constexpr float kTypical = -4.0F;  // log odds of the first places: the slope turns about them
constexpr float kLeastSlope = -.9F;
constexpr double kLeastOthers = 1e-6;  // of the sum: what rounding leaves may be less than nothing

}  // namespace

double Calibration::probability(double log_odds) const {
  const double logit =
      log_odds + static_cast<double>(slope_.value) * (log_odds - static_cast<double>(kTypical)) +
      static_cast<double>(offset_.value);
  return 1.0 / (1.0 + std::exp(-logit));
}

void Calibration::learn(std::span<const Candidate> candidates) {
  const auto log_weight = [&](std::size_t i) {
    return i == 0 ? 0.0F : candidates[i].log_correction;
  };
  float top = candidates.front().terms.score;
  for (const Candidate& candidate : candidates) top = std::max(top, candidate.terms.score);
  const std::size_t n = candidates.size();
  double sum = 0.0;  // of which one is taken away again
  std::vector<float> own(n);
  each<exp_same_bits>(
      n, [&](std::size_t i) { return candidates[i].terms.score - top + log_weight(i); },
      [&](std::size_t i, float share) {
        own[i] = share;
        sum += static_cast<double>(share);
      });
  std::vector<float> log_odds(n);
  each<log_same_bits>(
      n,
      [&](std::size_t i) {
        return static_cast<float>(std::max(sum - static_cast<double>(own[i]), kLeastOthers * sum));
      },
      [&](std::size_t i, float others) { log_odds[i] = candidates[i].terms.score - top - others; });
  std::vector<float> error(n);
  each<exp_same_bits>(
      n,
      [&](std::size_t i) {
        return -(log_odds[i] + slope_.value * (log_odds[i] - kTypical) + offset_.value);
      },
      [&](std::size_t i, float odds_against) {
        error[i] = 1.0F / (1.0F + odds_against) - (i == 0 ? 1.0F : 0.0F);
      });
  float slope_gradient = 0.0F;
  float offset_gradient = 0.0F;
  each<exp_same_bits>(n, log_weight, [&](std::size_t i, float weight) {
    const float gradient = weight * error[i];
    slope_gradient += gradient * (log_odds[i] - kTypical);
    offset_gradient += gradient;
  });
  slope_.step(kRate, slope_gradient);
  slope_.value = std::max(slope_.value, kLeastSlope);
  offset_.step(kRate, offset_gradient);
}

void Calibration::save(ByteWriter& out) const {
  out.fixed(slope_);
  out.fixed(offset_);
}

void Calibration::load(ByteReader& in) {
  slope_ = in.fixed<Scalar>();
  offset_ = in.fixed<Scalar>();
}

}  // namespace fovea::scorer
