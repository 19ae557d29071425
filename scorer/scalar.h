#pragma once

// One learned number with its own Adagrad sum.
//
// Source    Adagrad: Duchi, Hazan and Singer, JMLR 12, 2011.

#include "scorer/same_bits.h"

namespace fovea::scorer {

struct Scalar {
  float value = 0.0F;
  float sum = 1e-2F;

  void step(float rate, float gradient) {
    sum = fma_same_bits(gradient, gradient, sum);
    value -= rate * gradient / sqrt_same_bits(sum);
  }
};

}  // namespace fovea::scorer
