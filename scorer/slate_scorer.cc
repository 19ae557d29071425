#include "scorer/slate_scorer.h"

#include <algorithm>
#include <array>
#include <cmath>

#include <Eigen/Core>

#include "scorer/explain.h"
#include "scorer/model.h"
#include "scorer/top_k.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kBriefHistory = 5;
constexpr std::size_t kBriefFeatures = 5;
constexpr double kLeastOthers = 1e-6;  // of a sum: the others are never nothing
constexpr float kNoShare = -87.0F;     // e^ of it is as good as 0
constexpr std::size_t kBlock = 256;    // items a pass: the scratch stays in the first-level cache

// What a dense pass multiplies; NaN-free copies in registers.
struct DenseWeights {
  FeatureValues slope;
  float level;  // of the sparse features where nothing is known
  float backoff;
};

// Adds bias and the linear part, as if no sparse memory knew the item, to scores[0, n).
// Cost: 1 exp2 and 6 log2 an item, vectorised.
void add_dense(const Model& model, const DenseWeights& weights, double now_s, std::size_t from,
               std::size_t n, float* scores) {
  const Popularity& popularity = model.popularity;
  const float* shortest = popularity.decayed()[0].data() + from;
  const float* middle = popularity.decayed()[1].data() + from;
  const float* longest = popularity.decayed()[2].data() + from;
  const double* first_s = popularity.first_s().data() + from;
  const double* last_s = popularity.last_s().data() + from;
  const float* log_count = popularity.log_count().data() + from;
  const float* bias = model.items.biases().data() + from;
  std::array<float, kBlock> since_first;
  std::array<float, kBlock> since_last;
  for (std::size_t i = 0; i < n; ++i) {
    since_first[i] = static_cast<float>(std::max(0.0, now_s - first_s[i]));
    since_last[i] = static_cast<float>(std::max(0.0, now_s - last_s[i]));
  }
  const FeatureValues& w = weights.slope;
  for (std::size_t i = 0; i < n; ++i) {
    const auto decay = popularity.decay(since_last[i]);
    const float recent = shortest[i] * decay[0];
    float sum = bias[i] + weights.level;
    sum += w[index(Feature::kPopularityShort)] * log2_same_bits(kPopularityEps + recent);
    sum += w[index(Feature::kPopularity)] * log2_same_bits(kPopularityEps + middle[i] * decay[1]);
    sum +=
        w[index(Feature::kPopularityLong)] * log2_same_bits(kPopularityEps + longest[i] * decay[2]);
    sum += w[index(Feature::kAge)] * log2_same_bits(1.0F + since_first[i]);
    sum += w[index(Feature::kRecency)] * log2_same_bits(1.0F + since_last[i]);
    sum += w[index(Feature::kCount)] * log_count[i];
    sum += w[index(Feature::kBackedOff)] * log2_same_bits(kBackedOffEps + weights.backoff * recent);
    scores[i] += sum;
  }
}

// The head makes what it puts first look surer than it is, so shares are those of the score without
// it: what the softmax learned.
void share_attention(const std::vector<double>& likelihoods, double temperature,
                     std::vector<RecommendedItem>& slate) {
  if (slate.empty()) return;
  const double top = *std::max_element(likelihoods.begin(), likelihoods.end());
  double sum = 0.0;
  for (const double likelihood : likelihoods) sum += std::exp((likelihood - top) / temperature);
  for (std::size_t i = 0; i < slate.size(); ++i) {
    slate[i].attention = static_cast<float>(std::exp((likelihoods[i] - top) / temperature) / sum);
  }
}

// Of e^(score - top) over the candidates that have been chosen before: what learning knows of.
struct ScoreSum {
  double top = 0.0;
  double sum = 0.0;

  // ln of what an item's e^score is to that of the others.
  [[nodiscard]] double log_odds(double score, bool is_in) const {
    const double own = std::exp(score - top);
    const double others = std::max(is_in ? sum - own : sum, kLeastOthers * (sum + own));
    return score - top - std::log(others);
  }
};

}  // namespace

struct SlateScorer::Impl {
  Impl(const ModelSettings& model_settings, KernelLevel level)
      : settings(model_settings), kernels(scorer::kernels(level)) {}

  void score_all(const Model& model, const Behaviour& behaviour, const SlateRequest& request);
  [[nodiscard]] ItemCounts counts(const Model& model, Slot slot) const;
  [[nodiscard]] ItemTerms terms_of(const Model& model, Slot slot) const;
  void mask(const Model& model, const Behaviour& behaviour, const SlateRequest& request);
  [[nodiscard]] bool was_chosen(const Model& model, std::size_t slot) const {
    return masked[slot] == 0 && model.popularity.count(static_cast<Slot>(slot)) > 0;
  }
  [[nodiscard]] ScoreSum sum_scores(const Model& model) const;

  ModelSettings settings;
  const Kernels& kernels;
  Moment moment;
  std::vector<float> scores;         // by slot
  std::vector<std::uint8_t> masked;  // by slot; 1: not a candidate
  std::vector<std::pair<Slot, ItemCounts>> overlaid;
};

SlateScorer::SlateScorer(const ModelSettings& settings, KernelLevel level)
    : impl_(std::make_unique<Impl>(settings, level)) {}
SlateScorer::SlateScorer(SlateScorer&&) noexcept = default;
SlateScorer& SlateScorer::operator=(SlateScorer&&) noexcept = default;
SlateScorer::~SlateScorer() = default;

ItemCounts SlateScorer::Impl::counts(const Model& model, Slot slot) const {
  for (const auto& [own, own_counts] : overlaid) {
    if (own == slot) return own_counts;
  }
  return model.popularity.counts(slot);
}

ItemTerms SlateScorer::Impl::terms_of(const Model& model, Slot slot) const {
  return item_terms(model, kernels, moment, slot, counts(model, slot));
}

void SlateScorer::Impl::score_all(const Model& model, const Behaviour& behaviour,
                                  const SlateRequest& request) {
  make_query(model, request.user, behaviour, request.now, moment.query);
  prepare(model, kernels, moment);

  overlaid.clear();
  for (const RecentChoice& choice : request.overlay) {
    const Slot slot = model.catalogue.find(choice.item);
    if (slot == kNoSlot) continue;
    auto own = std::find_if(overlaid.begin(), overlaid.end(),
                            [&](const auto& entry) { return entry.first == slot; });
    if (own == overlaid.end()) {
      overlaid.emplace_back(slot, model.popularity.counts(slot));
      own = overlaid.end() - 1;
    }
    model.popularity.observe(own->second, static_cast<double>(value(choice.time)) / 1000.0);
  }

  const std::size_t n = model.item_count();
  const auto stride = static_cast<Eigen::Index>(model.items.stride());
  scores.resize(n);
  using Rows = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  const Eigen::Map<const Rows> out(model.items.out_rows().data(), static_cast<Eigen::Index>(n),
                                   stride);
  const Eigen::Map<const Eigen::VectorXf> interest(moment.attended.interest.data(), stride);
  Eigen::Map<Eigen::VectorXf> all(scores.data(), static_cast<Eigen::Index>(n));
  if (model.settings.parts.attention) {
    all.noalias() = out * (whole_gate(model, moment, nullptr) * interest);
  } else {
    all.setZero();
  }

  DenseWeights weights{whole_slopes(moment), 0.0F, moment.backoff};
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!kFeatures[f].sparse) continue;
    weights.level += weights.slope[f] * sparse_floor() +
                     whole_curve(model, static_cast<Feature>(f), sparse_floor());
  }
  for (std::size_t from = 0; from < n; from += kBlock) {
    add_dense(model, weights, moment.query.now_s, from, std::min(kBlock, n - from), &scores[from]);
  }
  // The few items that a memory touches, or the user has just had, are scored one by one.
  for (const SparseLine& line : moment.columns.lines()) {
    scores[line.slot] = terms_of(model, line.slot).score;
  }
  for (const auto& entry : overlaid) scores[entry.first] = terms_of(model, entry.first).score;
}

void SlateScorer::Impl::mask(const Model& model, const Behaviour& behaviour,
                             const SlateRequest& request) {
  const std::size_t n = model.item_count();
  masked.resize(n);
  for (std::size_t slot = 0; slot < n; ++slot) {
    masked[slot] = model.catalogue.live(static_cast<Slot>(slot)) ? 0 : 1;
  }
  if (settings.exclude_seen) {
    for (const OwnItem& own : behaviour.own_items) {
      const Slot slot = model.catalogue.find(own.item);
      if (slot != kNoSlot) masked[slot] = 1;
    }
  }
  if (!request.withdrawn && request.filter.empty()) return;
  for (std::size_t slot = 0; slot < n; ++slot) {
    if (masked[slot] != 0) continue;
    const auto at = static_cast<Slot>(slot);
    const bool withdrawn = request.withdrawn && request.withdrawn(model.catalogue.key(at));
    const bool wanted =
        std::all_of(request.filter.begin(), request.filter.end(), [&](const auto& entry) {
          return model.catalogue.info(at).matches(entry.first, entry.second);
        });
    masked[slot] = withdrawn || !wanted ? 1 : 0;
  }
}

ScoreSum SlateScorer::Impl::sum_scores(const Model& model) const {
  const std::size_t n = model.item_count();
  constexpr float kNone = -1e30F;
  float top = kNone;
  for (std::size_t slot = 0; slot < n; ++slot) {
    if (was_chosen(model, slot)) top = std::max(top, scores[slot]);
  }
  if (top == kNone) return {};
  double sum = 0.0;
  std::array<float, kBlock> share;
  for (std::size_t from = 0; from < n; from += kBlock) {
    const std::size_t block = std::min(kBlock, n - from);
    for (std::size_t i = 0; i < block; ++i) {
      share[i] = was_chosen(model, from + i) ? scores[from + i] - top : kNoShare;
    }
    for (std::size_t i = 0; i < block; ++i) share[i] = exp_same_bits(share[i]);
    sum += static_cast<double>(
        Eigen::Map<const Eigen::ArrayXf>(share.data(), static_cast<Eigen::Index>(block)).sum());
  }
  return {static_cast<double>(top), sum};
}

std::vector<RecommendedItem> SlateScorer::slate(const Model& model, const Behaviour& behaviour,
                                                const SlateRequest& request) {
  Impl& impl = *impl_;
  impl.score_all(model, behaviour, request);
  impl.mask(model, behaviour, request);
  const auto best = top_k(
      impl.scores, static_cast<std::size_t>(std::max(0, request.size)),
      [&](Slot slot) { return impl.masked[slot] == 0; },
      [&](Slot slot) { return model.catalogue.key(slot); });

  const ScoreSum all = impl.sum_scores(model);
  std::vector<RecommendedItem> slate;
  std::vector<double> likelihoods;
  slate.reserve(best.size());
  likelihoods.reserve(best.size());
  for (const Slot slot : best) {
    const ItemInfo& info = model.catalogue.info(slot);
    RecommendedItem item;
    item.item = {model.catalogue.key(slot), info.id};
    item.title = info.title;
    item.rank = static_cast<std::int32_t>(slate.size()) + 1;
    item.score = static_cast<double>(impl.scores[slot]);
    if (all.sum > 0.0) {
      item.probability = static_cast<float>(
          model.calibration.probability(all.log_odds(item.score, impl.was_chosen(model, slot))));
    }
    if (request.explain != ExplainLevel::kOff) {
      item.why = explain(model, impl.moment, slot, impl.counts(model, slot));
      if (request.explain == ExplainLevel::kBrief) {
        shorten(*item.why, kBriefHistory, kBriefFeatures);
      }
    }
    slate.push_back(std::move(item));
    likelihoods.push_back(static_cast<double>(impl.terms_of(model, slot).base));
  }

  share_attention(likelihoods, request.temperature, slate);
  return slate;
}

std::optional<Ranks> SlateScorer::rank(const Model& model, const Behaviour& behaviour,
                                       const SlateRequest& request, ItemKey target) {
  Impl& impl = *impl_;
  const Slot at = model.catalogue.find(target);
  if (at == kNoSlot) return std::nullopt;
  impl.score_all(model, behaviour, request);
  impl.mask(model, behaviour, request);
  Ranks ranks;
  for (std::size_t slot = 0; slot < model.item_count(); ++slot) {
    if (slot == at) continue;
    // Only what the stream has shown: an item announced and never chosen is no candidate here.
    if (!impl.was_chosen(model, slot)) continue;
    ++ranks.candidate_count;
    if (!(impl.scores[slot] < impl.scores[at])) ++ranks.rank;
  }
  ++ranks.candidate_count;
  return ranks;
}

std::span<const float> SlateScorer::current_interest() const {
  const auto& interest = impl_->moment.attended.interest;
  return {interest.data(),
          std::min(interest.size(), static_cast<std::size_t>(impl_->settings.dim))};
}

std::span<const float> SlateScorer::lasting_interest() const {
  const auto& lasting = impl_->moment.attended.lasting_mean;
  return {lasting.data(), std::min(lasting.size(), static_cast<std::size_t>(impl_->settings.dim))};
}

}  // namespace fovea::scorer
