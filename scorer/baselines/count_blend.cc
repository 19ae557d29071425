#include "scorer/baselines/count_blend.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "scorer/baselines/popularity.h"
#include "scorer/baselines/transitions.h"

namespace fovea::baselines {
namespace {

constexpr std::size_t kLast = 0, kFive = 1, kDecayed = 2, kDecayedShort = 3, kOwnLast = 4,
                      kOwnOlder = 5, kOwnLag = 6;
constexpr BlendTerms kStart = {0.5F, 1.0F, 0.25F, 0.25F, 0.0F, 0.0F, 0.0F};
constexpr BlendTerms kSteps = {0.5F, 0.5F, 0.25F, 0.25F, 4.0F, 4.0F, 4.0F};
constexpr double kCountFloor = -3.3;   // log2(.1)
constexpr std::size_t kBestKept = 60;  // of a question, by each term
constexpr std::uint64_t kFirstSearch = 128;
constexpr int kHalvings = 4;

float dot(const BlendTerms& a, const BlendTerms& b) {
  return std::inner_product(a.begin(), a.end(), b.begin(), 0.0F);
}

class CountBlend final : public Baseline {
 public:
  explicit CountBlend(const CountBlendSettings& settings)
      : settings_(settings),
        last_counts_({1, 1, settings.forgetting}),
        five_counts_({settings.lags, settings.lags, settings.forgetting}),
        decayed_(settings.half_life_s),
        decayed_short_(settings.half_life_s / 8) {}

  void score(const Question& question, Scores& scores) override {
    add_shares(question);
    const std::span<double> all = scores.all();
    for (ItemIndex item = 0; item < all.size(); ++item) {
      all[item] = weight(kDecayed) * log_count(decayed_, question, item) +
                  weight(kDecayedShort) * log_count(decayed_short_, question, item);
    }
    add_logs(last_, weight(kLast), all);
    add_logs(five_, weight(kFive), all);
    for (std::size_t k = 0; k < question.own.size(); ++k) {
      all[question.own[k]] +=
          k == 0 ? weight(kOwnLast) : weight(kOwnOlder) + weight(kOwnLag) / static_cast<double>(k);
    }
  }

  void observe(const Question& before, ItemIndex item) override {
    last_counts_.observe(before, item);
    five_counts_.observe(before, item);
    decayed_.observe(item, before.now_s);
    decayed_short_.observe(item, before.now_s);
  }

  void judge(const Question& question, ItemIndex chosen,
             std::span<const std::uint8_t> excluded) override {
    if (tuned_) return;
    if (judged_++ % stride_ == 0) keep(question, chosen, excluded);
    if (judged_ == next_search_) {
      weights_ = search_weights(kept_, weights_);
      next_search_ *= 2;
    }
  }

  void end_tuning() override {
    if (tuned_) return;
    tuned_ = true;
    weights_ = search_weights(kept_, weights_);
    kept_ = {};
  }

 private:
  [[nodiscard]] double weight(std::size_t term) const {
    return static_cast<double>(weights_[term]);
  }

  static double log_count(const DecayedCounts& counts, const Question& question, ItemIndex item) {
    return std::max(kCountFloor, counts.log2_count(item) - counts.offset(question.now_s));
  }
  [[nodiscard]] double log_share(double share) const {
    return std::log2(settings_.epsilon + share);
  }

  void add_shares(const Question& question) {
    last_.begin(question.item_count);
    five_.begin(question.item_count);
    last_counts_.add(
        question, [this](std::size_t, double total) { return 1 / (total + settings_.smoothing); },
        last_);
    // Of the rows together: a mean of their shares would trust a row that was met once.
    double pooled = settings_.smoothing;
    five_counts_.each_row(question, [&](std::size_t lag, double total) {
      pooled += total / static_cast<double>(1 + lag);
    });
    five_counts_.add(
        question,
        [pooled](std::size_t lag, double) { return 1 / (static_cast<double>(1 + lag) * pooled); },
        five_);
  }

  // Above what an item without a share has, which is the same for all.
  void add_logs(const Scores& shares, double weight, std::span<double> all) const {
    const double none = log_share(0.0);
    for (const ItemIndex item : shares.touched()) {
      all[item] += weight * (log_share(shares[item]) - none);
    }
  }

  [[nodiscard]] BlendTerms terms(const Question& question, ItemIndex item) const {
    BlendTerms x{};
    x[kLast] = static_cast<float>(log_share(last_[item]));
    x[kFive] = static_cast<float>(log_share(five_[item]));
    x[kDecayed] = static_cast<float>(log_count(decayed_, question, item));
    x[kDecayedShort] = static_cast<float>(log_count(decayed_short_, question, item));
    const auto own = std::find(question.own.begin(), question.own.end(), item);
    if (own == question.own.end()) return x;
    const auto lag = own - question.own.begin();
    x[kOwnLast] = lag == 0 ? 1.0F : 0.0F;
    x[kOwnOlder] = lag == 0 ? 0.0F : 1.0F;
    x[kOwnLag] = lag == 0 ? 0.0F : 1.0F / static_cast<float>(lag);
    return x;
  }

  // Takes the best of `from` by `value`.
  template <class Value>
  void take_best(std::vector<ItemIndex>& from, Value&& value) {
    const auto count = static_cast<std::ptrdiff_t>(std::min(kBestKept, from.size()));
    std::nth_element(from.begin(), from.begin() + count, from.end(),
                     [&](ItemIndex a, ItemIndex b) { return value(a) > value(b); });
    taken_.insert(taken_.end(), from.begin(), from.begin() + count);
  }

  void keep(const Question& question, ItemIndex chosen, std::span<const std::uint8_t> excluded) {
    taken_.assign(question.own.begin(), question.own.end());
    for (const Scores* shares : {&last_, &five_}) {
      pool_.assign(shares->touched().begin(), shares->touched().end());
      take_best(pool_, [shares](ItemIndex item) { return (*shares)[item]; });
    }
    pool_.resize(question.item_count);
    std::iota(pool_.begin(), pool_.end(), ItemIndex{0});
    for (const DecayedCounts* counts : {&decayed_, &decayed_short_}) {
      take_best(pool_, [counts](ItemIndex item) { return counts->log2_count(item); });
    }
    std::sort(taken_.begin(), taken_.end());
    taken_.erase(std::unique(taken_.begin(), taken_.end()), taken_.end());

    BlendQuestion kept{terms(question, chosen), {}};
    for (const ItemIndex item : taken_) {
      if (item != chosen && excluded[item] == 0) kept.rivals.push_back(terms(question, item));
    }
    kept_.push_back(std::move(kept));
    if (kept_.size() < settings_.sample) return;
    for (std::size_t i = 0; 2 * i < kept_.size(); ++i) std::swap(kept_[i], kept_[2 * i]);
    kept_.resize((kept_.size() + 1) / 2);
    stride_ *= 2;
  }

  CountBlendSettings settings_;
  TransitionCounts last_counts_;
  TransitionCounts five_counts_;
  DecayedCounts decayed_;
  DecayedCounts decayed_short_;
  BlendTerms weights_ = kStart;
  Scores last_, five_;  // shares, of the last question
  bool tuned_ = false;
  std::uint64_t judged_ = 0;
  std::uint64_t next_search_ = kFirstSearch;
  std::uint64_t stride_ = 1;
  std::vector<BlendQuestion> kept_;
  std::vector<ItemIndex> taken_, pool_;  // scratch
};

}  // namespace

double blend_quality(const std::vector<BlendQuestion>& questions, const BlendTerms& weights) {
  double sum = 0.0;
  for (const BlendQuestion& question : questions) {
    const float own = dot(question.chosen, weights);
    const auto rank =
        std::count_if(question.rivals.begin(), question.rivals.end(),
                      [&](const BlendTerms& rival) { return dot(rival, weights) >= own; });
    if (rank < 10) sum += 1.0 / std::log2(static_cast<double>(rank) + 2.0);
  }
  return questions.empty() ? 0.0 : sum / static_cast<double>(questions.size());
}

BlendTerms search_weights(const std::vector<BlendQuestion>& questions, const BlendTerms& start) {
  BlendTerms best = start;
  double quality = blend_quality(questions, best);
  const auto try_step = [&](std::size_t term, float step) {
    BlendTerms changed = best;
    changed[term] += step;
    if (term < kOwnLast) changed[term] = std::max(0.0F, changed[term]);
    const double reached = changed == best ? quality : blend_quality(questions, changed);
    if (reached <= quality) return false;
    quality = reached;
    best = changed;
    return true;
  };
  BlendTerms steps = kSteps;
  for (int halving = 0; halving < kHalvings;) {
    bool better = false;
    for (std::size_t term = 0; term < kBlendTerms; ++term) {
      for (const float direction : {1.0F, -1.0F}) {
        if (!try_step(term, direction * steps[term])) continue;
        better = true;
        while (try_step(term, direction * steps[term])) {
        }
        break;
      }
    }
    if (better) continue;
    ++halving;
    for (float& step : steps) step /= 2;
  }
  return best;
}

std::unique_ptr<Baseline> make_count_blend(const CountBlendSettings& settings) {
  return std::make_unique<CountBlend>(settings);
}

}  // namespace fovea::baselines
