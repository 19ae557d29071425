#pragma once

// The gradient of a smooth NDCG, over sampled candidates.
//
//   sigma_i = 1 / (1 + exp(-(s_i - s_target) / .5))         how much i stands before the target
//   r       = sum over i of min(100, 1 / incl_i) sigma_i    its rank from 0, all items in mind
//   loss    = -m / log2(2 + r)                              NDCG of one relevant item, times m
//
// Each candidate's pull is at most 1, so that one of a hundred thousand does not outweigh the rest.
//
// Source    ApproxNDCG: Qin, Liu and Li 2010 (Information Retrieval 13), eq. 16; the weights are
//           those of importance sampling.

#include <span>

#include "scorer/negatives.h"

namespace fovea::scorer {

// d loss / d score of each candidate, the target first, into `gradient`, of as many numbers.
// `score` is one of a candidate's scores.
void approx_ndcg_gradient(std::span<const Candidate> candidates, float ItemTerms::*score, float m,
                          std::span<float> gradient);

}  // namespace fovea::scorer
