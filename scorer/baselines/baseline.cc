#include "scorer/baselines/baseline.h"

#include <algorithm>

namespace fovea::baselines {

void Scores::begin(std::size_t item_count) {
  if (dense_) {
    std::fill(values_.begin(), values_.end(), 0.0);
  } else {
    for (const ItemIndex item : touched_) values_[item] = 0.0;
  }
  touched_.clear();
  dense_ = false;
  values_.resize(item_count, 0.0);
}

void Baseline::judge(const Question&, ItemIndex, std::span<const std::uint8_t>) {}

}  // namespace fovea::baselines
