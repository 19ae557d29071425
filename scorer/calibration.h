#pragma once

// How likely each item is the user's next choice, from the scores of all.
//
//   x_i     = s_i - ln(sum over the others of e^s)              log odds that the scores promise
//   logit_i = x_i + a (x_i + 4) + b                             Platt scaling of them, a >= -.9
//   p_i     = 1 / (1 + e^-logit_i)
//
// a, b from 0, by Adagrad on the cross entropy of "is the next choice" over all items, before the
// example changes the model. Learned from the sampled candidates: each but the target, which is
// always there, stands for 1 / incl_i of its kind, in the sum and in the loss.
//
// Source    Platt 1999, "Probabilistic outputs for support vector machines"; weights of Horvitz and
//           Thompson 1952.

#include <span>

#include "scorer/bytes.h"
#include "scorer/scalar.h"

namespace fovea::scorer {

struct Candidate;  // negatives.h

class Calibration {
 public:
  // Of an item whose score is `log_odds` above ln(sum over the others of e^score). Grows with it.
  [[nodiscard]] double probability(double log_odds) const;

  // The target, which was chosen, first.
  void learn(std::span<const Candidate> candidates);

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  Scalar slope_;
  Scalar offset_;
};

}  // namespace fovea::scorer
