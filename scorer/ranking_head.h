#pragma once

// A second copy of the weights that all items share, learned for the top of the list.
//
//   head(i) = sum_f theta_f x_f(i) + gamma_f(x_f(i)) + r'(i) + u_i (S_i . j)
//
//   theta, gamma   as slopes and curves of linear.h
//   r'             repeat_tables.h, for what is in the history
//   u_i            for what is in the history by lag class, else a sum by gap, length and mass
//
// It is added to what the softmax loss learned. That loss spends shared weights on choices that
// nobody could have put among the first ten; the head learns half from it and half from a smooth
// NDCG. Every weight of it stands beside one of the same feature, so the explanation has no part
// that it had not before.

#include <array>

#include "scorer/attention.h"
#include "scorer/bytes.h"
#include "scorer/linear.h"
#include "scorer/repeat_tables.h"
#include "scorer/scalar.h"

namespace fovea::scorer {

class RankingHead {
 public:
  // Features of parts that are switched off are left out.
  explicit RankingHead(const Parts& parts) : linear_(parts, kHeadSlopes) {}

  [[nodiscard]] FeatureValues slopes(const MomentBuckets& buckets) const {
    return linear_.slopes(buckets);
  }
  [[nodiscard]] float curve(Feature feature, float x) const { return linear_.curve(feature, x); }
  [[nodiscard]] const Linear& linear() const { return linear_; }
  // r'(i); `own` is null for what the user has not had.
  [[nodiscard]] float had_before(const QueryOwnItem* own, const RepeatBuckets& buckets) const;
  // u_i.
  [[nodiscard]] float gate(const QueryOwnItem* own, const MomentBuckets& buckets) const;

  // Gathers d loss / d score of one candidate; `match` is S_i . j.
  void gather(const FeatureValues& x, const QueryOwnItem* own, const RepeatBuckets& repeat,
              float gradient, float match);
  // One step on what was gathered; starts the next gathering.
  void step(const MomentBuckets& buckets);

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  Linear linear_;
  RepeatTables had_;
  std::array<Scalar, kCoarseGapBuckets> gap_gate_;
  std::array<Scalar, kLengthBuckets> length_gate_;
  std::array<Scalar, kMassBuckets> mass_gate_;
  float gathered_gate_ = 0.0F;
};

}  // namespace fovea::scorer
