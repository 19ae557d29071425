#include "scorer/item_parameters.h"

#include <algorithm>

#include "scorer/beside.h"
#include "scorer/kernels.h"
#include "scorer/prefetch.h"
#include "scorer/random.h"
#include "scorer/same_bits.h"

namespace fovea::scorer {
namespace {

constexpr float kSumStart = 1e-3F;

std::size_t padded(std::int32_t dim) {
  return (static_cast<std::size_t>(dim) + kLanes - 1) / kLanes * kLanes;
}

}  // namespace

ItemParameters::ItemParameters(std::uint64_t model_id, std::int32_t dim)
    : model_id_(model_id), dim_(dim), stride_(padded(dim)) {}

void ItemParameters::initial_vector(ItemKey key, float* into) const {
  Random random(model_id_, value(key));
  const float scale = 0.3F / sqrt_same_bits(static_cast<float>(dim_));
  for (std::int32_t d = 0; d < dim_; ++d) {
    // Twelve uniforms have variance 1 and need no logarithm; tails end at 6.
    float sum = -6.0F;
    for (int k = 0; k < 12; ++k) sum += random.uniform();
    into[d] = scale * sum;
  }
  std::fill(into + dim_, into + stride_, 0.0F);
}

void ItemParameters::fetch(Slot slot) const {
  prefetch(out(slot), stride_ * sizeof(float));
  prefetch(in(slot), stride_ * sizeof(float));
  for (const auto* column : {&in_sum_, &out_sum_, &bias_, &bias_sum_}) {
    prefetch(&(*column)[slot], sizeof(float));
  }
}

void ItemParameters::add(ItemKey key) {
  const std::size_t slot = size();
  in_.resize((slot + 1) * stride_);
  initial_vector(key, &in_[slot * stride_]);
  out_.insert(out_.end(), in_.end() - static_cast<std::ptrdiff_t>(stride_), in_.end());
  in_sum_.push_back(kSumStart);
  out_sum_.push_back(kSumStart);
  bias_.push_back(0.0F);
  bias_sum_.push_back(kSumStart);
  changes_.mark(static_cast<Slot>(slot));
}

void ItemParameters::reset(Slot slot, ItemKey key) {
  Row row = edit(slot);
  initial_vector(key, row.in);
  std::copy_n(row.in, stride_, row.out);
  row.in_sum = row.out_sum = row.bias_sum = kSumStart;
  row.bias = 0.0F;
}

void ItemParameters::start(Slot slot, ItemKey key, const std::vector<float>& like) {
  Row row = edit(slot);
  if (row.in_sum != kSumStart || row.out_sum != kSumStart) return;
  initial_vector(key, row.in);
  for (std::size_t d = 0; d < stride_; ++d) row.in[d] += like[d];
  std::copy_n(row.in, stride_, row.out);
}

void ItemParameters::copy_changed(ItemParameters& view, std::size_t view_index) {
  // A view is never learned from, so it goes without the Adagrad sums.
  if (changes_.drain_whole(view_index)) {
    view.in_ = in_;
    view.out_ = out_;
    view.bias_ = bias_;
    return;
  }
  view.in_.resize(in_.size());
  view.out_.resize(out_.size());
  view.bias_.resize(bias_.size());
  changes_.drain(view_index, [&](Slot slot) {
    std::copy_n(&in_[slot * stride_], stride_, &view.in_[slot * stride_]);
    std::copy_n(&out_[slot * stride_], stride_, &view.out_[slot * stride_]);
    view.bias_[slot] = bias_[slot];
  });
}

void ItemParameters::save(ByteWriter& out) const {
  for (const auto* column : {&in_, &out_, &in_sum_, &out_sum_, &bias_, &bias_sum_}) {
    out.array(*column);
  }
}

void ItemParameters::load(ByteReader& in) {
  if (!begin_load(in).get()) in.fail();
}

std::future<bool> ItemParameters::begin_load(ByteReader& in) {
  ByteReader in_vectors = in.array_apart<float>();
  ByteReader out_vectors = in.array_apart<float>();
  for (auto* column : {&in_sum_, &out_sum_, &bias_, &bias_sum_}) in.array(*column);
  const std::size_t rows = bias_.size();
  if (in_sum_.size() != rows || out_sum_.size() != rows || bias_sum_.size() != rows) in.fail();
  changes_.mark_all(rows);
  return beside(in_vectors.left(), [=, this]() mutable {
    in_vectors.array(in_);
    out_vectors.array(out_);
    const std::size_t floats = rows * stride_;
    return !in_vectors.failed() && !out_vectors.failed() && in_.size() == floats &&
           out_.size() == floats;
  });
}

std::uint64_t ItemParameters::bytes() const {
  return (in_.size() + out_.size() + in_sum_.size() + out_sum_.size() + bias_.size() +
          bias_sum_.size()) *
         sizeof(float);
}

}  // namespace fovea::scorer
