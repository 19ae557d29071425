#include "scorer/content_attention.h"

#include <algorithm>
#include <cmath>

#include "scorer/same_bits.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kKindsMax = 64;
constexpr float kRate = 0.05F;
constexpr float kSharpnessLeast = 1.0F;
constexpr float kLogitMost = 10.0F;  // |u|: a weight stays a number whatever is learned

bool learnable(const Scalar& scalar) {
  return std::isfinite(scalar.value) && std::isfinite(scalar.sum) && scalar.sum > 0.0F;
}

// Visits the kinds that both have, with the cosine.
template <class Visit>
void visit_shared(const ContentParts& a, const ContentParts& b, const Kernels& kernels,
                  Visit&& visit) {
  auto other = b.begin();
  for (const ContentPart& part : a) {
    while (other != b.end() && other->kind < part.kind) ++other;
    if (other != b.end() && other->kind == part.kind) {
      visit(part.kind, similarity(part.code, other->code, kernels));
    }
  }
}

}  // namespace

std::optional<std::uint32_t> ContentAttention::kind(std::string_view name) {
  const auto found = std::find_if(kinds_.begin(), kinds_.end(),
                                  [&](const Kind& kind) { return kind.name == name; });
  if (found == kinds_.end() && kinds_.size() == kKindsMax) return std::nullopt;
  const auto index = static_cast<std::uint32_t>(found - kinds_.begin());
  if (found == kinds_.end()) kinds_.push_back({std::string(name), {}, 1.0F});
  return index;
}

float ContentAttention::weight_of(const ContentParts& parts) const {
  float sum = 0.0F;
  for (const ContentPart& part : parts) sum += kinds_[part.kind].weight;
  return sum;
}

template <class Visit>
float ContentAttention::compare(const ContentParts& a, const ContentParts& b,
                                const Kernels& kernels, Visit&& visit) const {
  if (a.empty() || b.empty()) return 0.0F;
  float sum = 0.0F;
  visit_shared(a, b, kernels, [&](std::uint32_t kind, float cosine) {
    sum = fma_same_bits(kinds_[kind].weight, cosine, sum);
    visit(kind, cosine);
  });
  return sum / sqrt_same_bits(weight_of(a) * weight_of(b));
}

float ContentAttention::similarity(const ContentParts& a, const ContentParts& b,
                                   const Kernels& kernels) const {
  return compare(a, b, kernels, [](std::uint32_t, float) {});
}

ContentSigns ContentAttention::signs(const ContentParts& parts) const {
  std::array<float, kCodeDim> sums{};
  for (const ContentPart& part : parts) {
    const float scale = sqrt_same_bits(kinds_[part.kind].weight) * part.code.inverse_length;
    for (std::size_t d = 0; d < kCodeDim; ++d) {
      sums[d] = fma_same_bits(scale, static_cast<float>(part.code.values[d]), sums[d]);
    }
  }
  ContentSigns signs{};
  for (std::size_t d = 0; d < kCodeDim; ++d) {
    if (sums[d] < 0.0F) signs[d / 64] |= std::uint64_t{1} << d % 64;
  }
  return signs;
}

// d cos / d u_m = w_m (cos_m / sqrt(W_a W_b) - cos / 2 ([a has m] / W_a + [b has m] / W_b)).
void ContentAttention::gather(const ContentParts& a, const ContentParts& b, float cosine,
                              std::span<const float> by_kind, float gradient) {
  if (b.empty()) return;
  const float of_a = weight_of(a);
  const float of_b = weight_of(b);
  const float scale = gradient / sqrt_same_bits(of_a * of_b);
  const float half = -0.5F * gradient * cosine;
  for (const ContentPart& part : a) gradient_[part.kind] += half / of_a;
  for (const ContentPart& part : b) gradient_[part.kind] += half / of_b;
  for (const ContentPart& part : a) gradient_[part.kind] += scale * by_kind[part.kind];
}

void ContentAttention::learn(const ContentParts& newest,
                             std::span<const ContentParts* const> choices, float strength,
                             const Kernels& kernels) {
  if (kinds_.size() < 2 || newest.empty() || choices.size() < 2 || choices[0]->empty()) return;
  const std::size_t kinds = kinds_.size();
  std::vector<float> by_kind(choices.size() * kinds, 0.0F);  // 0: not of both
  std::vector<float> cosines(choices.size());
  std::vector<float> likely(choices.size());
  float top = -1.0F;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    cosines[i] = compare(newest, *choices[i], kernels, [&](std::uint32_t kind, float cosine) {
      by_kind[i * kinds + kind] = cosine;
    });
    top = std::max(top, cosines[i]);
  }
  float sum = 0.0F;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    likely[i] = exp_same_bits(sharpness_.value * (cosines[i] - top));
    sum += likely[i];
  }
  gradient_.assign(kinds_.size(), 0.0F);
  float sharpness_gradient = 0.0F;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const float gradient = strength * (likely[i] / sum - (i == 0 ? 1.0F : 0.0F));
    sharpness_gradient = fma_same_bits(gradient, cosines[i], sharpness_gradient);
    gather(newest, *choices[i], cosines[i], std::span(by_kind).subspan(i * kinds, kinds),
           gradient * sharpness_.value);
  }
  sharpness_.step(kRate, sharpness_gradient);
  sharpness_.value = std::max(sharpness_.value, kSharpnessLeast);
  for (std::size_t m = 0; m < kinds_.size(); ++m) {
    Kind& kind = kinds_[m];
    kind.logit.step(kRate, kind.weight * gradient_[m]);
    kind.logit.value = std::clamp(kind.logit.value, -kLogitMost, kLogitMost);
    kind.weight = exp_same_bits(kind.logit.value);
  }
}

void ContentAttention::save(ByteWriter& out) const {
  out.fixed(sharpness_);
  out.varint(kinds_.size());
  for (const Kind& kind : kinds_) {
    out.text(kind.name);
    out.fixed(kind.logit);
  }
}

void ContentAttention::load(ByteReader& in) {
  sharpness_ = in.fixed<Scalar>();
  const std::size_t kinds = in.count(1 + sizeof(Scalar));
  if (kinds > kKindsMax || !(sharpness_.value >= kSharpnessLeast) || !learnable(sharpness_)) {
    return in.fail();
  }
  kinds_.resize(kinds);
  for (Kind& kind : kinds_) {
    in.text(kind.name);
    kind.logit = in.fixed<Scalar>();
    if (!(std::fabs(kind.logit.value) <= kLogitMost) || !learnable(kind.logit)) in.fail();
    kind.weight = exp_same_bits(kind.logit.value);
  }
}

}  // namespace fovea::scorer
