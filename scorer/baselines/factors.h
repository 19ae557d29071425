#pragma once

// Matrix factorisation learned one choice at a time: ISGD and BPR.
//
//   isgd   e = 1 - p_u . q_i;  p_u += rate (e q_i - decay p_u);  q_i likewise with the p_u before;
//          `steps` times.                                score(i) = -|1 - p_u . q_i|
//   bpr    x = c_i - c_j + p_u . (q_i - q_j) for `steps` items j drawn at random that are not i;
//          gradient ascent on ln sigma(x) - decay |parameters|^2 / 2.
//                                                        score(i) = c_i + p_u . q_i
//
// Source    ISGD: Vinagre, Jorge and Gama, "Fast incremental matrix factorization for
// recommendation
//           with positive-only feedback", UMAP 2014, algorithm 2.
//           BPR: Rendle, Freudenthaler, Gantner and Schmidt-Thieme, "BPR: Bayesian personalized
//           ranking from implicit feedback", UAI 2009, arXiv:1205.2618, figure 4, with an item bias
//           and fed in the order of the stream instead of a bootstrap sample of all of it.
//
// Numerics  float32; vectors start N(0, 0.1^2) for ISGD, as in the paper, and N(0, 0.01^2) for BPR.

#include <cstddef>
#include <memory>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

struct FactorsSettings {
  std::size_t dim = 32;
  double rate = 0.05;
  double decay = 0.01;
  std::size_t steps = 1;
};

[[nodiscard]] std::unique_ptr<Baseline> make_isgd(const FactorsSettings& settings);
[[nodiscard]] std::unique_ptr<Baseline> make_bpr(const FactorsSettings& settings);

}  // namespace fovea::baselines
