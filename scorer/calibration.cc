#include "scorer/calibration.h"

#include <algorithm>
#include <cmath>

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
  double sum = 0.0;  // of which one is taken away again
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    sum += static_cast<double>(exp_same_bits(candidates[i].terms.score - top + log_weight(i)));
  }
  float slope_gradient = 0.0F;
  float offset_gradient = 0.0F;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    const float score = candidates[i].terms.score - top;
    const double own = static_cast<double>(exp_same_bits(score + log_weight(i)));
    const auto others = static_cast<float>(std::max(sum - own, kLeastOthers * sum));
    const float log_odds = score - log_same_bits(others);
    const float logit = log_odds + slope_.value * (log_odds - kTypical) + offset_.value;
    const float likely = 1.0F / (1.0F + exp_same_bits(-logit));
    const float gradient = exp_same_bits(log_weight(i)) * (likely - (i == 0 ? 1.0F : 0.0F));
    slope_gradient += gradient * (log_odds - kTypical);
    offset_gradient += gradient;
  }
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
