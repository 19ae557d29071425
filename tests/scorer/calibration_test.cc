// Probabilities from scores: by hand, from samples as from all items, and after over-confident
// ones.

#include "scorer/calibration.h"

#include <gtest/gtest.h>

#include <cmath>
#include <numeric>
#include <random>

#include "scorer/negatives.h"

namespace fovea::scorer {
namespace {

Candidate candidate(double score, double inclusion = 1.0) {
  Candidate out;
  out.terms.score = static_cast<float>(score);
  out.log_correction = static_cast<float>(-std::log(inclusion));
  return out;
}

double logit(double p) {
  return std::log(p / (1.0 - p));
}

// The next choices of users whose odds are e^(share of the scores), all items candidates: the first
// is drawn accordingly.
std::vector<std::vector<double>> scores_of_choices(double share, std::size_t count) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal(0.0, 2.5);
  std::vector<std::vector<double>> out(count, std::vector<double>(60));
  for (std::vector<double>& scores : out) {
    for (double& score : scores) score = normal(random);
    std::vector<double> odds;
    for (const double score : scores) odds.push_back(std::exp(share * score));
    std::discrete_distribution<std::size_t> choice(odds.begin(), odds.end());
    std::swap(scores[0], scores[choice(random)]);
  }
  return out;
}

std::vector<Candidate> all_of(const std::vector<double>& scores) {
  std::vector<Candidate> out;
  for (const double score : scores) out.push_back(candidate(score));
  return out;
}

double log_odds(const std::vector<double>& scores, std::size_t i) {
  double others = 0.0;
  for (std::size_t k = 0; k < scores.size(); ++k) {
    if (k != i) others += std::exp(scores[k]);
  }
  return scores[i] - std::log(others);
}

// Mean predicted and mean outcome of what is predicted at least `from`, outcomes being the firsts.
std::pair<double, double> means_above(const Calibration& calibration, double from,
                                      const std::vector<std::vector<double>>& choices) {
  double predicted = 0.0, came_true = 0.0, count = 0.0;
  for (const auto& scores : choices) {
    for (std::size_t i = 0; i < scores.size(); ++i) {
      const double p = calibration.probability(log_odds(scores, i));
      if (p < from) continue;
      predicted += p;
      came_true += i == 0 ? 1.0 : 0.0;
      ++count;
    }
  }
  return {predicted / count, came_true / count};
}

TEST(Calibration, BeginsWithTheSoftmax) {
  const Calibration calibration;
  EXPECT_DOUBLE_EQ(calibration.probability(std::log(.25 / .75)), .25);
}

// Two items of equal scores: p = 1/2 each, so that a choice gives (1/2 - 1) + 1/2 of the offset's
// gradient and as little of the slope's: nothing moves. One sampled with chance 1/10 stands for
// ten: the log odds are -ln 10 for the target and -ln(1 + 9 . 1) for each of the others.
TEST(Calibration, MovesByHand) {
  Calibration even;
  even.learn(std::vector<Candidate>{candidate(0), candidate(0)});
  EXPECT_NEAR(even.probability(0.0), .5, 1e-6);

  Calibration sampled;
  sampled.learn(std::vector<Candidate>{candidate(0), candidate(0, .1)});
  // The target has 1/11, is worth 1; the other, against the target alone, 1/2, ten times.
  const double g_target = 1.0 / 11.0 - 1.0, g_other = 10.0 * .5;
  const double offset = g_target + g_other;
  const double slope = g_target * (-std::log(10.0) + 4.0) + g_other * 4.0;
  const double expected = -.03 * offset / std::sqrt(.01 + offset * offset) -
                          .03 * slope / std::sqrt(.01 + slope * slope) * (logit(.2) + 4.0);
  EXPECT_NEAR(logit(sampled.probability(logit(.2))) - logit(.2), expected, 1e-5);
}

TEST(Calibration, CorrectsScoresThatPromiseTooMuch) {
  const auto choices = scores_of_choices(.6, 12'000);
  Calibration calibration;
  const auto [promised, outcome] = means_above(calibration, .2, choices);
  ASSERT_GT(promised, 1.25 * outcome);

  for (const auto& scores : choices) calibration.learn(all_of(scores));

  for (const double from : {.01, .05, .2}) {
    const auto [predicted, came_true] = means_above(calibration, from, choices);
    EXPECT_NEAR(predicted / came_true, 1.0, .08) << from;
  }
}

TEST(Calibration, LeavesHonestScoresAlone) {
  Calibration calibration;
  for (const auto& scores : scores_of_choices(1.0, 12'000)) calibration.learn(all_of(scores));
  for (const double p : {.01, .1, .4}) {
    EXPECT_NEAR(calibration.probability(logit(p)) / p, 1.0, .12) << p;
  }
}

// Each other item in the sample with chance 1/2.
TEST(Calibration, ASampleTeachesWhatAllItemsTeach) {
  std::mt19937_64 random(3);
  std::bernoulli_distribution is_in(.5);
  Calibration of_all, of_samples;
  for (const auto& scores : scores_of_choices(.6, 12'000)) {
    of_all.learn(all_of(scores));
    std::vector<Candidate> sample = {candidate(scores[0], .5)};
    for (std::size_t i = 1; i < scores.size(); ++i) {
      if (is_in(random)) sample.push_back(candidate(scores[i], .5));
    }
    of_samples.learn(sample);
  }
  for (const double p : {.02, .1, .4}) {
    const double whole = of_all.probability(logit(p));
    EXPECT_NEAR(of_samples.probability(logit(p)) / whole, 1.0, .25) << p;
  }
}

TEST(Calibration, GrowsWithTheScoreWhateverWasLearned) {
  Calibration calibration;
  // What scores least is always chosen.
  for (int n = 0; n < 3'000; ++n) {
    calibration.learn(std::vector<Candidate>{candidate(-9), candidate(5), candidate(6)});
  }
  double before = 0.0;
  for (double x = -12.0; x < 6.0; x += .5) {
    const double p = calibration.probability(x);
    EXPECT_GT(p, before) << x;
    before = p;
  }
}

TEST(Calibration, IsSavedAndLoaded) {
  Calibration calibration;
  for (const auto& scores : scores_of_choices(.6, 100)) calibration.learn(all_of(scores));
  ByteWriter out;
  calibration.save(out);
  ByteReader in(out.bytes());
  Calibration again;
  again.load(in);
  EXPECT_TRUE(in.at_end());
  EXPECT_EQ(again.probability(-1.0), calibration.probability(-1.0));
  EXPECT_NE(again.probability(-1.0), Calibration().probability(-1.0));
}

}  // namespace
}  // namespace fovea::scorer
