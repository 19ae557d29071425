#include "scorer/approx_ndcg.h"

#include <algorithm>

#include "scorer/same_bits.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr float kWidth = .5F;
constexpr float kWeightMost = 100.0F;
constexpr float kLn2 = 0.6931471805599453F;

}  // namespace

void approx_ndcg_gradient(std::span<const Candidate> candidates, float ItemTerms::*score, float m,
                          std::span<float> gradient) {
  FOVEA_ASSERT(!candidates.empty() && gradient.size() == candidates.size());
  const float target = candidates.front().terms.*score;
  float rank = 0.0F;
  each<exp_same_bits>(
      candidates.size(), [&](std::size_t i) { return candidates[i].log_correction; },
      [&](std::size_t i, float weight) { gradient[i] = std::min(kWeightMost, weight); });
  gradient[0] = 0.0F;  // the target stands before nobody
  each<exp_same_bits>(
      candidates.size(),
      [&](std::size_t i) { return (target - candidates[i].terms.*score) / kWidth; },
      [&](std::size_t i, float behind) {
        const float before = 1.0F / (1.0F + behind);
        const float weight = gradient[i];
        rank += weight * before;
        gradient[i] = weight * before * (1.0F - before) / kWidth;
      });
  const float log_rank = log2_same_bits(2.0F + rank);
  const float steepness = m / (kLn2 * (2.0F + rank) * log_rank * log_rank);
  float sum = 0.0F;
  for (std::size_t i = 1; i < candidates.size(); ++i) {
    gradient[i] = std::min(1.0F, gradient[i] * steepness);
    sum += gradient[i];
  }
  gradient[0] = -sum;
}

}  // namespace fovea::scorer
