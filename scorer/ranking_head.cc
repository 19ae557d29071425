#include "scorer/ranking_head.h"

namespace fovea::scorer {
namespace {

constexpr float kRepeatRate = 0.03F;
constexpr float kGateRate = 0.012F;

bool in_history(const QueryOwnItem* own) {
  return own != nullptr && own->lag_class != 0;
}

}  // namespace

float RankingHead::had_before(const QueryOwnItem* own, const RepeatBuckets& buckets) const {
  return in_history(own) ? had_.sum(*own, buckets) : 0.0F;
}

float RankingHead::gate(const QueryOwnItem* own, const MomentBuckets& buckets) const {
  if (in_history(own)) return had_.gate(*own);
  return gap_gate_[buckets.gap / 2].value + length_gate_[buckets.length].value +
         mass_gate_[buckets.mass].value;
}

void RankingHead::gather(const FeatureValues& x, const QueryOwnItem* own,
                         const RepeatBuckets& repeat, float gradient, float match) {
  linear_.gather(x, gradient);
  if (in_history(own)) {
    had_.step(*own, repeat, kRepeatRate, gradient, gradient * match);
  } else {
    gathered_gate_ = fma_same_bits(gradient, match, gathered_gate_);
  }
}

void RankingHead::step(const MomentBuckets& buckets) {
  linear_.step(buckets);
  gap_gate_[buckets.gap / 2].step(kGateRate, gathered_gate_);
  length_gate_[buckets.length].step(kGateRate, gathered_gate_);
  mass_gate_[buckets.mass].step(kGateRate, gathered_gate_);
  gathered_gate_ = 0.0F;
}

void RankingHead::save(ByteWriter& out) const {
  linear_.save(out);
  out.fixed(had_);
  out.fixed(gap_gate_);
  out.fixed(length_gate_);
  out.fixed(mass_gate_);
}

void RankingHead::load(ByteReader& in) {
  linear_.load(in);
  had_ = in.fixed<RepeatTables>();
  gap_gate_ = in.fixed<decltype(gap_gate_)>();
  length_gate_ = in.fixed<decltype(length_gate_)>();
  mass_gate_ = in.fixed<decltype(mass_gate_)>();
}

}  // namespace fovea::scorer
