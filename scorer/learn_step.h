#pragma once

// One gradient step: an example against its sampled candidates.
//
//   logit_i = score(i) - ln(inclusion probability)       loss = -ln softmax(logit)_target
//   delta_i = softmax(logit)_i - [i = target]            d loss / d score
//
// That is what the head (ranking_head.h) is added to, whose loss is half the same softmax, of the
// whole score, and half a smooth NDCG of it (approx_ndcg.h, m = 5). A little of that (m = 1) goes
// to everything else as well.
//
// A refused item (skip, dislike, return) is pushed the other way: loss = -ln(1 - p_target), so
// delta_target = p_target and delta_i = -p_target p_i / (1 - p_target); no NDCG there.
//
// All gradients are taken at one point; then everything moves by Adagrad. The plain version, in
// float64 loops, is reference.h.
//
// Threads   Not thread-safe: owns scratch.

#include <cstdint>
#include <span>
#include <vector>

#include "scorer/kernels.h"
#include "scorer/model.h"
#include "scorer/negatives.h"
#include "vocab/learning_record.h"

namespace fovea::scorer {

struct StepResult {
  std::span<const Candidate> candidates;  // target first; valid until the next step
  double loss = 0.0;
};

class LearnStep {
 public:
  explicit LearnStep(const Kernels& kernels) : kernels_(kernels) {}

  // moment().query is the question to learn from; learn() prepares the rest.
  [[nodiscard]] Moment& moment() { return moment_; }

  // Requires: the query has a history, `target` is known, `recent` and `chosen` are not empty.
  StepResult learn(Model& model, const RecentItems& recent, const ChosenItems& chosen,
                   const Example& example, Slot target, Random& random);

  // Mixes every logit of the step into the running digest.
  [[nodiscard]] static std::uint64_t digest_of(std::uint64_t digest, const StepResult& result);

 private:
  // d loss / d score of each candidate into one of its gradients, from one of its scores. The loss.
  double softmax_gradient(bool positive, float ItemTerms::*score, float Candidate::*gradient);
  void rank_gradients(bool positive);
  void learn_head(RankingHead& head);
  void learn_content(Content& content, float strength);

  const Kernels& kernels_;
  Moment moment_;
  CandidateIndex index_;
  std::vector<Candidate> candidates_;
  std::vector<float> rank_gradient_;
  std::vector<float> interest_gradient_;
};

}  // namespace fovea::scorer
