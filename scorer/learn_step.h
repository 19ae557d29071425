#pragma once

// One gradient step: an example against its sampled candidates.
//
//   logit_i = score(i) - ln(inclusion probability)       loss = -ln softmax(logit)_target
//   delta_i = softmax(logit)_i - [i = target]            d loss / d score
//
// A refused item (skip, dislike, return) is pushed the other way: loss = -ln(1 - p_target), so
// delta_target = p_target and delta_i = -p_target p_i / (1 - p_target).
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
  double softmax_gradient(bool positive);

  const Kernels& kernels_;
  Moment moment_;
  CandidateIndex index_;
  std::vector<Candidate> candidates_;
  std::vector<float> interest_gradient_;
};

}  // namespace fovea::scorer
