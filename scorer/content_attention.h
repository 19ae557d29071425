#pragma once

// Which kinds of content tell what follows what: attention over the kinds that items have.
//
//   kinds       words of title and text; categories; tags; each modality of vectors
//   a_m(i)      = e^{u_m} / sum of e^u over the kinds that i has                u from 0
//   cos(i, j)   = sum over the kinds of both of sqrt(a_m(i) a_m(j)) cos_m(i, j)
//
// So what only one of two items has makes them less alike, and a kind that tells nothing (the
// vectors of a bad encoder, categories that all share) is left out of account by and by.
//
//   learned     a choice i after the newest entry h, against the last few of its sampled negatives:
//               loss = -ln softmax(sharpness cos(h, .))_i, by Adagrad; |u| <= 10, sharpness >= 1
//
// Threads   Not thread-safe.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scorer/bytes.h"
#include "scorer/content_code.h"
#include "scorer/kernels.h"
#include "scorer/scalar.h"

namespace fovea::scorer {

class ContentAttention {
 public:
  // The kind's index, given anew to a name that is new; none for the 65th name.
  std::optional<std::uint32_t> kind(std::string_view name);

  [[nodiscard]] float similarity(const ContentParts& a, const ContentParts& b,
                                 const Kernels& kernels) const;

  // Of the sum that the cosine is of.
  [[nodiscard]] ContentSigns signs(const ContentParts& parts) const;

  // What followed `newest` is the first of `choices`. `strength` is 0..1.
  void learn(const ContentParts& newest, std::span<const ContentParts* const> choices,
             float strength, const Kernels& kernels);

  void save(ByteWriter& out) const;
  void load(ByteReader& in);

  struct Kind {
    std::string name;
    Scalar logit;         // u
    float weight = 1.0F;  // e^u
  };
  [[nodiscard]] const std::vector<Kind>& kinds() const { return kinds_; }

 private:
  [[nodiscard]] float weight_of(const ContentParts& parts) const;
  // The similarity; visit(kind, cosine) for each kind that both have.
  template <class Visit>
  float compare(const ContentParts& a, const ContentParts& b, const Kernels& kernels,
                Visit&& visit) const;
  void gather(const ContentParts& a, const ContentParts& b, float cosine,
              std::span<const float> by_kind, float gradient);

  std::vector<Kind> kinds_;
  Scalar sharpness_{5.0F};
  std::vector<float> gradient_;  // scratch, by kind
};

}  // namespace fovea::scorer
