#include "scorer/learn_step.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "scorer/approx_ndcg.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr float kItemRate = 0.08F;
constexpr float kTransitionRate = 0.05F;
constexpr float kHeadNdcg = 5.0F;
constexpr float kBaseNdcg = 1.0F;
constexpr float kNdcgShare = .5F;  // of the head's loss
constexpr std::size_t kContentNegatives = 8;
constexpr float kSkippedGradient = 1e-5F;
constexpr std::size_t kFetchAhead = 4;  // rows
constexpr float kLog2E = 1.4426950408889634F;

bool small(float gradient) {
  return std::fabs(gradient) < kSkippedGradient;
}

bool skipped(const Candidate& candidate) {
  return small(candidate.gradient);
}

// Own items move no vectors: a repeat says little about likeness.
bool stays_out(const Candidate& candidate) {
  return candidate.terms.own != nullptr && candidate.terms.own->lag_class != 0;
}

}  // namespace

double LearnStep::softmax_gradient(bool positive, float ItemTerms::*score,
                                   float Candidate::*gradient) {
  float top = -1e30F;
  for (const Candidate& candidate : candidates_) {
    top = std::max(top, candidate.terms.*score + candidate.log_correction);
  }
  float sum = 0.0F;
  each<exp_same_bits>(
      candidates_.size(),
      [&](std::size_t i) {
        return candidates_[i].terms.*score + candidates_[i].log_correction - top;
      },
      [&](std::size_t i, float likely) {
        candidates_[i].*gradient = likely;
        sum += likely;
      });
  for (Candidate& candidate : candidates_) candidate.*gradient /= sum;
  const float target = candidates_.front().*gradient;
  if (positive) {
    candidates_.front().*gradient = target - 1.0F;
    return -static_cast<double>(log_same_bits(target + 1e-12F));
  }
  // Summed, as 1 - target has no digits left where the target is nearly certain.
  float others = 1e-30F;
  for (std::size_t i = 1; i < candidates_.size(); ++i) others += candidates_[i].*gradient;
  for (Candidate& candidate : candidates_) candidate.*gradient *= -target / others;
  candidates_.front().*gradient = target;
  return -static_cast<double>(log_same_bits(others));
}

void LearnStep::rank_gradients(bool positive) {
  (void)softmax_gradient(positive, &ItemTerms::score, &Candidate::head_gradient);
  if (!positive) return;
  rank_gradient_.resize(candidates_.size());
  approx_ndcg_gradient(candidates_, &ItemTerms::score, kHeadNdcg, rank_gradient_);
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    float& gradient = candidates_[i].head_gradient;
    gradient = kNdcgShare * rank_gradient_[i] + (1.0F - kNdcgShare) * gradient;
  }
  approx_ndcg_gradient(candidates_, &ItemTerms::base, kBaseNdcg, rank_gradient_);
  for (std::size_t i = 0; i < candidates_.size(); ++i) candidates_[i].gradient += rank_gradient_[i];
}

void LearnStep::learn_head(RankingHead& head) {
  for (const Candidate& candidate : candidates_) {
    if (small(candidate.head_gradient)) continue;
    const ItemTerms& terms = candidate.terms;
    head.gather(terms.x, terms.own, moment_.repeat, candidate.head_gradient, terms.match);
  }
  head.step(moment_.buckets);
}

// The target against the last that were put in: drawn ones, as a rule.
void LearnStep::learn_content(Content& content, float strength) {
  const Slot newest = moment_.query.newest(0).slot;
  if (newest == kNoSlot || newest == candidates_.front().slot) return;
  std::array<Slot, 1 + kContentNegatives> choices{};
  std::size_t count = 0;
  choices[count++] = candidates_.front().slot;
  for (std::size_t i = candidates_.size() - 1; i > 0 && count < choices.size(); --i) {
    if (candidates_[i].slot != newest) choices[count++] = candidates_[i].slot;
  }
  content.learn(newest, std::span(choices).first(count), strength, kernels_);
}

StepResult LearnStep::learn(Model& model, const RecentItems& recent, const ChosenItems& chosen,
                            const Example& example, Slot target, Random& random) {
  FOVEA_ASSERT(!moment_.query.empty() && target < model.item_count() && recent.size() > 0 &&
               chosen.size() > 0);
  const std::size_t stride = model.items.stride();
  const bool attends = model.settings.parts.attention;
  prepare(model, kernels_, moment_);
  sample_candidates(model, moment_, recent, chosen, target, example.seen_filter, random, index_,
                    candidates_);

  // Forward.
  const Attended& attended = moment_.attended;
  for (std::size_t i = 0; i < candidates_.size(); ++i) {
    if (i + kFetchAhead < candidates_.size()) {
      const Slot ahead = candidates_[i + kFetchAhead].slot;
      model.popularity.fetch(ahead);
      model.items.fetch(ahead);
    }
    Candidate& candidate = candidates_[i];
    const Slot slot = candidate.slot;
    candidate.terms = item_terms(model, kernels_, moment_, slot, model.popularity.counts(slot));
  }
  const double loss = softmax_gradient(example.positive, &ItemTerms::base, &Candidate::gradient);
  if (model.settings.parts.ranking) rank_gradients(example.positive);
  if (example.positive) model.calibration.learn(candidates_);
  const float strength = std::clamp(example.strength, 0.0F, 1.0F);
  if (example.positive && model.settings.parts.content) learn_content(model.content, strength);
  for (Candidate& candidate : candidates_) {
    candidate.gradient *= strength;
    candidate.head_gradient *= strength;
  }

  // Backward: the interest vector's gradient first, before any row moves.
  interest_gradient_.assign(stride, 0.0F);
  for (const Candidate& candidate : candidates_) {
    if (skipped(candidate) || !attends || stays_out(candidate)) continue;
    kernels_.axpy(candidate.gradient, model.items.out(candidate.slot), interest_gradient_.data(),
                  stride);
  }
  if (model.settings.parts.memory) {
    const float follows_slope = moment_.slope[index(Feature::kFollows)];
    model.transitions.learn(
        moment_.query, moment_.transition, kTransitionRate, [&](Slot slot) -> float {
          if (index_[slot] == 0) return 0.0F;
          const Candidate& candidate = candidates_[index_[slot] - 1];
          if (skipped(candidate)) return 0.0F;
          const float x = candidate.terms.x[index(Feature::kFollows)];
          const float slope = follows_slope + model.linear.curve_slope(Feature::kFollows, x);
          // d log2(eps + tw) / d tw.
          return candidate.gradient * slope * kLog2E /
                 (kSparseEps + moment_.columns.find(slot).follows);
        });
  }
  if (attends) {
    model.attention.backward(model.items, moment_.query, moment_.buckets, attended,
                             interest_gradient_.data(), kernels_);
  }

  // Items.
  const float* interest = attended.interest.data();
  const float interest_square =
      kernels_.dot(interest, interest, stride) / static_cast<float>(model.items.dim());
  for (const Candidate& candidate : candidates_) {
    if (skipped(candidate)) continue;
    const float gradient = candidate.gradient;
    auto row = model.items.edit(candidate.slot);
    row.bias_sum = fma_same_bits(gradient, gradient, row.bias_sum);
    row.bias -= kItemRate * gradient / sqrt_same_bits(row.bias_sum);
    const ItemTerms& terms = candidate.terms;
    model.linear.gather(terms.x, gradient);
    if (terms.own != nullptr) {
      model.repeat.gather(*terms.own, moment_.repeat, model.popularity.count(candidate.slot),
                          terms.x, gradient, gradient * terms.match);
    }
    if (!attends || stays_out(candidate)) continue;
    const float square = gradient * gradient * interest_square;
    row.in_sum += square;
    row.out_sum += square;
    const float step = kItemRate * gradient;
    const float in_step = step / sqrt_same_bits(row.in_sum);
    const float out_step = step / sqrt_same_bits(row.out_sum);
    kernels_.axpy(-in_step, interest, row.in, stride);
    kernels_.axpy(-(in_step + out_step), interest, row.out, stride);  // S = a + b
  }
  model.linear.step(moment_.buckets);
  model.repeat.step(model.linear);
  if (model.settings.parts.ranking) learn_head(model.head);

  for (const Candidate& candidate : candidates_) index_[candidate.slot] = 0;
  return {candidates_, loss};
}

std::uint64_t LearnStep::digest_of(std::uint64_t digest, const StepResult& result) {
  for (const Candidate& candidate : result.candidates) {
    const ItemTerms& terms = candidate.terms;
    for (const float logit : {terms.base + candidate.log_correction, terms.score}) {
      digest = std::rotl(digest ^ std::bit_cast<std::uint32_t>(logit), 29) * 0x9E3779B97F4A7C15ULL;
    }
  }
  return digest;
}

}  // namespace fovea::scorer
