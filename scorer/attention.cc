#include "scorer/attention.h"

#include <algorithm>

namespace fovea::scorer {
namespace {

constexpr float kVectorRate = 0.08F;   // a, b, W, q, position, gap
constexpr float kContextRate = 0.03F;  // v, v', v_c and the lasting factor
constexpr float kSkippedAlpha = 1e-4F;

}  // namespace

void VectorRows::step(std::size_t r, float rate, const float* gradient, float mean_square,
                      const Kernels& kernels) {
  sums_[r] += mean_square;
  kernels.axpy(-rate / sqrt_same_bits(sums_[r]), gradient, &values_[r * stride_], stride_);
}

void VectorRows::save(ByteWriter& out) const {
  out.array(values_);
  out.array(sums_);
}

void VectorRows::load(ByteReader& in) {
  const std::size_t rows = sums_.size();
  in.array(values_);
  in.array(sums_);
  if (sums_.size() != rows || values_.size() != rows * stride_) in.fail();
}

Attention::Attention(std::int32_t dim, std::size_t stride, std::size_t history_max,
                     std::size_t context_field_count)
    : dim_(static_cast<std::size_t>(dim)),
      stride_(stride),
      inverse_root_dim_(1.0F / sqrt_same_bits(static_cast<float>(dim))),
      matrix_(dim_ * stride, 0.0F),
      matrix_sums_(dim_ * stride, 1e-2F),
      offset_(stride, 0.0F),
      offset_sums_(stride, 1e-2F),
      position_(history_max),
      gap_rows_(kGapBuckets, stride),
      length_rows_(kLengthBuckets, stride),
      context_rows_(context_field_count * kContextRows, stride) {
  for (std::size_t l = 0; l < position_.size(); ++l) {
    position_[l].value = -0.1F * static_cast<float>(l);
  }
}

void Attention::forward(const ItemParameters& items, const Query& query,
                        const MomentBuckets& buckets, const Kernels& kernels, Attended& out) const {
  const std::size_t n = query.history.size();
  out.entries.resize(n);
  out.alpha.resize(n);
  out.key.assign(stride_, 0.0F);
  out.interest.assign(stride_, 0.0F);
  out.lasting.assign(stride_, 0.0F);
  out.lasting_mean.assign(stride_, 0.0F);
  out.has_lasting = false;
  if (n == 0) return;

  // An entry whose item is not known yet has its first vector, a pure function of its key.
  out.unknown.resize(n * stride_);
  for (std::size_t k = 0; k < n; ++k) {
    const QueryEntry& entry = query.history[k];
    if (entry.slot == kNoSlot) {
      items.initial_vector(entry.key, &out.unknown[k * stride_]);
      out.entries[k] = &out.unknown[k * stride_];
    } else {
      out.entries[k] = items.in(entry.slot);
    }
  }

  const float* last = out.entries[n - 1];
  for (std::size_t d = 0; d < dim_; ++d) {
    out.key[d] = offset_[d] + kernels.dot(&matrix_[d * stride_], last, stride_);
  }
  float top = -1e30F;
  for (std::size_t k = 0; k < n; ++k) {
    const float match = kernels.dot(out.entries[k], out.key.data(), stride_);
    out.alpha[k] =
        fma_same_bits(match, inverse_root_dim_,
                      position_[n - 1 - k].value + gap_[gap_bucket(query.history[k].age_ms)].value);
    top = std::max(top, out.alpha[k]);
  }
  float sum = 0.0F;
  for (float& alpha : out.alpha) {
    alpha = exp_same_bits(alpha - top);
    sum += alpha;
  }
  for (std::size_t k = 0; k < n; ++k) {
    out.alpha[k] /= sum;
    kernels.axpy(out.alpha[k], out.entries[k], out.interest.data(), stride_);
  }
  kernels.axpy(1.0F, gap_rows_.row(buckets.gap), out.interest.data(), stride_);
  kernels.axpy(1.0F, length_rows_.row(buckets.length), out.interest.data(), stride_);
  for (const std::uint32_t row : query.context_rows) {
    kernels.axpy(1.0F, context_rows_.row(row), out.interest.data(), stride_);
  }

  std::size_t known = 0;
  for (const QueryEntry& entry : query.older) {
    if (entry.slot == kNoSlot) continue;
    kernels.axpy(1.0F, items.in(entry.slot), out.lasting_mean.data(), stride_);
    ++known;
  }
  if (known > 0) {
    const float share = 1.0F / static_cast<float>(known);
    for (float& x : out.lasting_mean) x *= share;
    out.has_lasting = true;
    kernels.axpy(lasting_factor_[buckets.length].value, out.lasting_mean.data(), out.lasting.data(),
                 stride_);
    kernels.axpy(1.0F, out.lasting.data(), out.interest.data(), stride_);
  }
}

void Attention::backward(ItemParameters& items, const Query& query, const MomentBuckets& buckets,
                         const Attended& attended, const float* gradient, const Kernels& kernels) {
  const std::size_t n = query.history.size();
  const float dims = static_cast<float>(dim_);
  const float mean_square = kernels.dot(gradient, gradient, stride_) / dims;
  gap_rows_.step(buckets.gap, kContextRate, gradient, mean_square, kernels);
  length_rows_.step(buckets.length, kContextRate, gradient, mean_square, kernels);
  for (const std::uint32_t row : query.context_rows) {
    context_rows_.step(row, kContextRate, gradient, mean_square, kernels);
  }
  if (attended.has_lasting) {
    lasting_factor_[buckets.length].step(
        kContextRate, kernels.dot(gradient, attended.lasting_mean.data(), stride_));
  }

  // Through the softmax: d loss / d z_k = alpha_k (g . a_k - sum alpha g . a).
  std::vector<float> slope(n);
  float mean = 0.0F;
  for (std::size_t k = 0; k < n; ++k) {
    slope[k] = kernels.dot(gradient, attended.entries[k], stride_);
    mean = fma_same_bits(attended.alpha[k], slope[k], mean);
  }
  std::vector<float> key_gradient(stride_, 0.0F);
  for (std::size_t k = 0; k < n; ++k) {
    slope[k] = attended.alpha[k] * (slope[k] - mean);
    kernels.axpy(slope[k] * inverse_root_dim_, attended.entries[k], key_gradient.data(), stride_);
  }
  // Back through key = q + W a_last, before anything moves.
  std::vector<float> last(attended.entries[n - 1], attended.entries[n - 1] + stride_);
  std::vector<float> last_gradient(stride_, 0.0F);
  for (std::size_t d = 0; d < dim_; ++d) {
    kernels.axpy(key_gradient[d], &matrix_[d * stride_], last_gradient.data(), stride_);
  }

  std::vector<float> entry_gradient(stride_);
  for (std::size_t k = 0; k < n; ++k) {
    const QueryEntry& entry = query.history[k];
    const bool newest = k == n - 1;
    if (entry.slot == kNoSlot || (!newest && attended.alpha[k] < kSkippedAlpha)) continue;
    std::fill(entry_gradient.begin(), entry_gradient.end(), 0.0F);
    kernels.axpy(attended.alpha[k], gradient, entry_gradient.data(), stride_);
    kernels.axpy(slope[k] * inverse_root_dim_, attended.key.data(), entry_gradient.data(), stride_);
    if (newest) kernels.axpy(1.0F, last_gradient.data(), entry_gradient.data(), stride_);
    auto row = items.edit(entry.slot);
    row.in_sum += kernels.dot(entry_gradient.data(), entry_gradient.data(), stride_) / dims;
    const float step = -kVectorRate / sqrt_same_bits(row.in_sum);
    kernels.axpy(step, entry_gradient.data(), row.in, stride_);
    kernels.axpy(step, entry_gradient.data(), row.out, stride_);  // S = a + b moves with a
  }
  for (std::size_t k = 0; k < n; ++k) {
    position_[n - 1 - k].step(kVectorRate, slope[k]);
    gap_[gap_bucket(query.history[k].age_ms)].step(kVectorRate, slope[k]);
  }
  kernels.adagrad(kVectorRate, 1.0F, key_gradient.data(), offset_.data(), offset_sums_.data(),
                  stride_);
  for (std::size_t d = 0; d < dim_; ++d) {
    kernels.adagrad(kVectorRate, key_gradient[d], last.data(), &matrix_[d * stride_],
                    &matrix_sums_[d * stride_], stride_);
  }
}

void Attention::save(ByteWriter& out) const {
  out.array(matrix_);
  out.array(matrix_sums_);
  out.array(offset_);
  out.array(offset_sums_);
  out.array(position_);
  out.fixed(gap_);
  out.fixed(lasting_factor_);
  gap_rows_.save(out);
  length_rows_.save(out);
  context_rows_.save(out);
}

void Attention::load(ByteReader& in) {
  const std::size_t positions = position_.size();
  in.array(matrix_);
  in.array(matrix_sums_);
  in.array(offset_);
  in.array(offset_sums_);
  in.array(position_);
  gap_ = in.fixed<decltype(gap_)>();
  lasting_factor_ = in.fixed<decltype(lasting_factor_)>();
  gap_rows_.load(in);
  length_rows_.load(in);
  context_rows_.load(in);
  if (matrix_.size() != dim_ * stride_ || matrix_sums_.size() != matrix_.size() ||
      offset_.size() != stride_ || offset_sums_.size() != stride_ ||
      position_.size() != positions) {
    in.fail();
  }
}

}  // namespace fovea::scorer
