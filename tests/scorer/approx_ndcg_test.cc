// The gradient of the smooth NDCG, against differences of its formula and by its bounds.

#include "scorer/approx_ndcg.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "scorer/reference.h"

namespace fovea::scorer {
namespace {

// Candidates with these scores and inclusion probabilities, the target first.
std::vector<Candidate> candidates_of(const std::vector<float>& scores,
                                     const std::vector<float>& inclusion) {
  std::vector<Candidate> out(scores.size());
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].terms.score = scores[i];
    out[i].log_correction = -std::log(inclusion[i]);
  }
  return out;
}

std::vector<float> gradient_of(const std::vector<Candidate>& candidates, float m) {
  std::vector<float> out(candidates.size());
  approx_ndcg_gradient(candidates, &ItemTerms::score, m, out);
  return out;
}

TEST(ApproxNdcg, IsTheDerivativeOfItsLoss) {
  const std::vector<double> weights = {1.0, 1.0, 2.0, 10.0};
  std::vector<double> scores = {.5, .25, 1.0, -1.0};
  const auto gradient =
      gradient_of(candidates_of({.5F, .25F, 1.0F, -1.0F}, {1.0F, 1.0F, .5F, .1F}), 1.0F);
  for (std::size_t i = 0; i < scores.size(); ++i) {
    constexpr double kStep = 1e-5;
    std::vector<double> above = scores, below = scores;
    above[i] += kStep;
    below[i] -= kStep;
    const double difference =
        (reference::ndcg_loss(above, weights, 1.0) - reference::ndcg_loss(below, weights, 1.0)) /
        (2.0 * kStep);
    EXPECT_NEAR(static_cast<double>(gradient[i]), difference, 1e-5) << i;
  }
}

// One other item at the same place: r = 1/2, the loss is -m / log2(2.5), and its slope
// m / (ln 2 . 2.5 . log2(2.5)^2) . (1/4) / (1/2).
TEST(ApproxNdcg, OfTwoEqualItemsByHand) {
  const auto gradient = gradient_of(candidates_of({0.0F, 0.0F}, {1.0F, 1.0F}), 1.0F);
  const double log_rank = std::log2(2.5);
  const double expected = .5 / (std::log(2.0) * 2.5 * log_rank * log_rank);
  EXPECT_NEAR(static_cast<double>(gradient[1]), expected, 1e-6);
  EXPECT_EQ(gradient[0], -gradient[1]);
}

TEST(ApproxNdcg, WhoIsFarAheadOrFarBehindPullsLittle) {
  const auto gradient =
      gradient_of(candidates_of({0.0F, 0.0F, 50.0F, -50.0F}, {1.0F, 1.0F, 1.0F, 1.0F}), 1.0F);
  EXPECT_GT(gradient[1], .05F);
  EXPECT_NEAR(gradient[2], 0.0F, 1e-6F);
  EXPECT_NEAR(gradient[3], 0.0F, 1e-6F);
}

TEST(ApproxNdcg, APullIsAtMostOneAndTheSumIsNothing) {
  const auto gradient =
      gradient_of(candidates_of({0.0F, 0.1F, -0.1F, 0.0F}, {1.0F, 1e-9F, .01F, 1.0F}), 1000.0F);
  for (std::size_t i = 1; i < gradient.size(); ++i) {
    EXPECT_GT(gradient[i], 0.0F);
    EXPECT_LE(gradient[i], 1.0F);
  }
  EXPECT_NEAR(std::accumulate(gradient.begin(), gradient.end(), 0.0F), 0.0F, 1e-6F);
}

// A weight is at most 100: beyond, rarely drawn items weigh the same.
TEST(ApproxNdcg, RareItemsWeighAtMostAHundred) {
  const auto at_the_limit = gradient_of(candidates_of({0.0F, -2.0F}, {1.0F, .01F}), 1.0F);
  const auto beyond = gradient_of(candidates_of({0.0F, -2.0F}, {1.0F, 1e-6F}), 1.0F);
  EXPECT_NEAR(beyond[1], at_the_limit[1], 1e-6F);
  const auto within = gradient_of(candidates_of({0.0F, -2.0F}, {1.0F, .1F}), 1.0F);
  EXPECT_NE(within[1], at_the_limit[1]);
}

TEST(ApproxNdcg, ATargetAloneHasNoGradient) {
  EXPECT_EQ(gradient_of(candidates_of({1.0F}, {1.0F}), 5.0F), std::vector<float>{0.0F});
}

}  // namespace
}  // namespace fovea::scorer
