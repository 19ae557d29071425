#pragma once

// The user's interest vector by attention over the history, and what it learns.
//
//   key   = q + W a_last                                        what the user is after now
//   z_k   = a_k . key / sqrt(D) + position[n-k] + gap[G(age_k)]
//   alpha = softmax(z)                                          attention weights, sum 1
//   j     = sum_k alpha_k a_k + v[G(age_last)] + v'[B(n)] + sum_c v_c[x_c] + lasting
//   score part of item i = S_i . j
//
// lasting is the mean of a over the entries older than the newest 20, times a learned factor by
// history length.
//
// Source    Scaled dot-product attention: Vaswani et al. 2017, arXiv:1706.03762, eq. (1), as
//           history pooling. DIN (Zhou et al. 2018, arXiv:1706.06978) attends per candidate; a
//           candidate-free key keeps one matrix-vector product a user.
// Shapes    a, S, key, j are `stride` floats, D of them used.

#include <array>
#include <cstdint>
#include <vector>

#include "scorer/buckets.h"
#include "scorer/bytes.h"
#include "scorer/item_parameters.h"
#include "scorer/kernels.h"
#include "scorer/query.h"
#include "scorer/scalar.h"

namespace fovea::scorer {

// Rows of vectors with one Adagrad sum each.
class VectorRows {
 public:
  VectorRows(std::size_t rows, std::size_t stride)
      : stride_(stride), values_(rows * stride, 0.0F), sums_(rows, 1e-3F) {}
  [[nodiscard]] const float* row(std::size_t r) const { return &values_[r * stride_]; }
  [[nodiscard]] std::size_t rows() const { return sums_.size(); }
  // `mean_square` is |gradient|^2 / D.
  void step(std::size_t r, float rate, const float* gradient, float mean_square,
            const Kernels& kernels);
  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  std::size_t stride_;
  std::vector<float> values_, sums_;
};

// The discrete facts of the moment that slopes go by.
struct MomentBuckets {
  std::size_t gap = kGapBuckets - 1;  // since the last choice
  std::size_t length = 0;
  std::size_t mass = 0;
};

// One forward pass, kept for explaining and for learning from it.
struct Attended {
  std::vector<const float*> entries;  // a_k, oldest first; known rows or `unknown`
  std::vector<float> unknown;         // first vectors of entries that the model does not know yet
  std::vector<float> alpha;
  std::vector<float> key;
  std::vector<float> interest;      // j
  std::vector<float> lasting;       // times its factor, as it enters j
  std::vector<float> lasting_mean;  // before the factor
  bool has_lasting = false;
};

class Attention {
 public:
  Attention(std::int32_t dim, std::size_t stride, std::size_t history_max,
            std::size_t context_field_count);

  void forward(const ItemParameters& items, const Query& query, const MomentBuckets& buckets,
               const Kernels& kernels, Attended& out) const;

  // Learns from `gradient`, d loss / d j; passes the rest on to the history's vectors.
  void backward(ItemParameters& items, const Query& query, const MomentBuckets& buckets,
                const Attended& attended, const float* gradient, const Kernels& kernels);

  // The vectors in j that are not of the history: gap, length, context fields (README.md: v).
  [[nodiscard]] const float* gap_vector(std::size_t gap) const { return gap_rows_.row(gap); }
  [[nodiscard]] const float* length_vector(std::size_t length) const {
    return length_rows_.row(length);
  }
  [[nodiscard]] const float* context_vector(std::uint32_t row) const {
    return context_rows_.row(row);
  }

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

 private:
  std::size_t dim_;
  std::size_t stride_;
  float inverse_root_dim_;
  std::vector<float> matrix_, matrix_sums_;  // W, row-major D x stride
  std::vector<float> offset_, offset_sums_;  // q
  std::vector<Scalar> position_;             // r_pos, by distance from the newest
  std::array<Scalar, kGapBuckets> gap_;      // r_gap
  std::array<Scalar, kLengthBuckets> lasting_factor_;
  VectorRows gap_rows_, length_rows_, context_rows_;
};

}  // namespace fovea::scorer
