#pragma once

// What is learned of each item: in-vector a, tied out-vector S = a + b, bias c.
//
// Shapes    a and S are rows of `stride` floats: D rounded up to 16, padded with zeros.
// Source    An item's first vector is a pure function of (model id, item key), roughly
//           N(0, (.3/sqrt D)^2): nobody has to agree on the order in which items appear, and a
//           worker knows it before its view does.

#include <cstdint>
#include <future>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/changes.h"
#include "vocab/ids.h"

namespace fovea::scorer {

class ItemParameters {
 public:
  ItemParameters(std::uint64_t model_id, std::int32_t dim);

  [[nodiscard]] std::int32_t dim() const { return dim_; }
  [[nodiscard]] std::size_t stride() const { return stride_; }
  [[nodiscard]] std::size_t size() const { return bias_.size(); }

  // `into` has stride() floats.
  void initial_vector(ItemKey key, float* into) const;
  void add(ItemKey key);
  void reset(Slot slot, ItemKey key);  // another item's row from here on

  // A first vector that knows what the item is like: `like`, of stride() floats, is added to it.
  // Nothing happens once something was learned of the item's vectors.
  void start(Slot slot, ItemKey key, const std::vector<float>& like);

  [[nodiscard]] const float* in(Slot slot) const { return &in_[slot * stride_]; }
  [[nodiscard]] const float* out(Slot slot) const { return &out_[slot * stride_]; }
  [[nodiscard]] const std::vector<float>& out_rows() const { return out_; }
  [[nodiscard]] float bias(Slot slot) const { return bias_[slot]; }
  [[nodiscard]] const std::vector<float>& biases() const { return bias_; }

  void fetch(Slot slot) const;  // ahead of use

  // For the learner. Adagrad sums start at 1e-3.
  struct Row {
    float* in;
    float* out;
    float& in_sum;
    float& out_sum;  // of the residual b
    float& bias;
    float& bias_sum;
  };
  [[nodiscard]] Row edit(Slot slot) {
    changes_.mark(slot);
    return {&in_[slot * stride_], &out_[slot * stride_], in_sum_[slot],
            out_sum_[slot],       bias_[slot],           bias_sum_[slot]};
  }

  void copy_changed(ItemParameters& view, std::size_t view_index);
  void save(ByteWriter& out) const;
  void load(ByteReader& in);
  // The same, but the vectors, three quarters of a snapshot, are read beside what the caller does
  // next. Requires: it is waited for, by get() or by its end; false if they are not what belongs
  // there.
  [[nodiscard]] std::future<bool> begin_load(ByteReader& in);
  [[nodiscard]] std::uint64_t bytes() const;

 private:
  std::uint64_t model_id_;
  std::int32_t dim_;
  std::size_t stride_;
  std::vector<float> in_, out_, in_sum_, out_sum_, bias_, bias_sum_;
  Changes changes_;
};

}  // namespace fovea::scorer
