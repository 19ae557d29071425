// Explanations against estimators that know nothing of the model's insides: they only ask what a
// score would be without some of the history.
//
//   KernelSHAP  weighted least squares over coalitions: Lundberg and Lee 2017, arXiv:1705.07874,
//               theorem 2
//   LIME        a ridge regression near the whole history: Ribeiro et al. 2016, arXiv:1602.04938

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <algorithm>
#include <bit>
#include <cmath>
#include <functional>
#include <iostream>
#include <numeric>
#include <vector>

#include "scorer/explain.h"
#include "scorer/slate_scorer.h"
#include "tests/scorer/small_stream.h"

namespace fovea::scorer {
namespace {

using Present = std::vector<bool>;  // by entry of the history, oldest first
using Game = std::function<double(const Present&)>;

const Kernels& fast() {
  return kernels(fastest_kernel_level());
}

// Rows of 0 and 1 with a weight and what the game paid.
class Regression {
 public:
  explicit Regression(Eigen::Index columns)
      : normal_(Eigen::MatrixXd::Zero(columns, columns)), right_(Eigen::VectorXd::Zero(columns)) {}
  void add(const Eigen::VectorXd& row, double value, double weight) {
    normal_ += weight * row * row.transpose();
    right_ += weight * value * row;
  }
  [[nodiscard]] Eigen::VectorXd solve(double ridge) const {
    const Eigen::Index n = normal_.rows();
    return (normal_ + ridge * Eigen::MatrixXd::Identity(n, n)).ldlt().solve(right_);
  }

 private:
  Eigen::MatrixXd normal_;
  Eigen::VectorXd right_;
};

Present draw(std::size_t n, Random& random) {
  Present present(n);
  for (std::size_t k = 0; k < n; ++k) present[k] = random.below(2) == 0;
  return present;
}

// Every value's share of game(all) - game(none). The last one follows from the others, because the
// shares add up: theorem 2's infinite weights of the two ends.
std::vector<double> kernel_shap(const Game& game, std::size_t n, int coalitions, Random& random) {
  const double none = game(Present(n, false));
  const double whole = game(Present(n, true)) - none;
  if (n == 1) return {whole};
  Regression regression(static_cast<Eigen::Index>(n) - 1);
  for (int i = 0; i < coalitions; ++i) {
    // Sizes as the kernel (n - 1) / (C(n, s) s (n - s)) has them: s with 1 / (s (n - s)), and of
    // each size every coalition alike.
    std::vector<double> by_size(n - 1);
    for (std::size_t s = 1; s < n; ++s) by_size[s - 1] = 1.0 / static_cast<double>(s * (n - s));
    double dice = static_cast<double>(random.uniform()) *
                  std::accumulate(by_size.begin(), by_size.end(), 0.0);
    std::size_t size = 1;
    while (size + 1 < n && (dice -= by_size[size - 1]) > 0.0) ++size;
    Present present(n, false);
    for (std::size_t drawn = 0; drawn < size;) {
      const std::size_t k = random.below(static_cast<std::uint32_t>(n));
      if (present[k]) continue;
      present[k] = true;
      ++drawn;
    }
    const double last = present[n - 1] ? 1.0 : 0.0;
    Eigen::VectorXd row(static_cast<Eigen::Index>(n) - 1);
    for (std::size_t k = 0; k + 1 < n; ++k) {
      row[static_cast<Eigen::Index>(k)] = (present[k] ? 1.0 : 0.0) - last;
    }
    regression.add(row, game(present) - none - last * whole, 1.0);
  }
  const Eigen::VectorXd found = regression.solve(0.0);
  std::vector<double> shares(found.data(), found.data() + found.size());
  shares.push_back(whole - found.sum());
  return shares;
}

// The slopes of the game near `all`.
std::vector<double> lime(const Game& game, std::size_t n, int samples, Random& random) {
  Regression regression(static_cast<Eigen::Index>(n) + 1);
  for (int i = 0; i < samples; ++i) {
    const Present present = draw(n, random);
    Eigen::VectorXd row(static_cast<Eigen::Index>(n) + 1);
    for (std::size_t k = 0; k < n; ++k) row[static_cast<Eigen::Index>(k)] = present[k] ? 1.0 : 0.0;
    row[static_cast<Eigen::Index>(n)] = 1.0;
    const auto missing = static_cast<double>(std::count(present.begin(), present.end(), false));
    regression.add(row, game(present), std::exp(-missing / (0.75 * static_cast<double>(n))));
  }
  const Eigen::VectorXd found = regression.solve(1e-9);
  return {found.data(), found.data() + n};
}

// Exact: an event's mean contribution over every order in which the events may come in.
std::vector<double> shapley(const Game& game, std::size_t n) {
  std::vector<double> paid(std::size_t{1} << n);
  for (std::size_t set = 0; set < paid.size(); ++set) {
    Present present(n);
    for (std::size_t k = 0; k < n; ++k) present[k] = (set >> k & 1U) != 0;
    paid[set] = game(present);
  }
  std::vector<double> shares(n);
  for (std::size_t set = 0; set < paid.size(); ++set) {
    const auto size = static_cast<double>(std::popcount(set));
    const auto count = static_cast<double>(n);
    // |S|! (n - |S| - 1)! / n!
    const double weight =
        std::exp(std::lgamma(size + 1) + std::lgamma(count - size) - std::lgamma(count + 1));
    for (std::size_t k = 0; k < n; ++k) {
      if ((set >> k & 1U) == 0) shares[k] += weight * (paid[set | std::size_t{1} << k] - paid[set]);
    }
  }
  return shares;
}

// By entry, oldest first, out of an explanation that has the strongest first.
std::vector<double> by_entry(const Explanation& why, const Query& query) {
  std::vector<double> out;
  for (const QueryEntry& entry : query.history) {
    const auto part = std::find_if(
        why.history.begin(), why.history.end(), [&entry](const HistoryContribution& candidate) {
          return candidate.item == entry.key && candidate.age_ms == entry.age_ms;
        });
    EXPECT_NE(part, why.history.end());
    out.push_back(part->contribution);
  }
  return out;
}

double score_of(const Model& model, const Moment& moment, Slot slot) {
  return static_cast<double>(
      item_terms(model, fast(), moment, slot, model.popularity.counts(slot)).score);
}

// The score with the weights as they are and some entries' vectors taken out of the sum.
Game masked(const Model& model, const Moment& moment, Slot slot) {
  return [&model, &moment, slot](const Present& present) {
    Moment without = moment;
    for (std::size_t k = 0; k < present.size(); ++k) {
      if (present[k]) continue;
      for (std::size_t d = 0; d < without.attended.interest.size(); ++d) {
        without.attended.interest[d] -= moment.attended.alpha[k] * moment.attended.entries[k][d];
      }
    }
    return score_of(model, without, slot);
  };
}

// The score of a history in which some events never happened; all weights follow.
Game deleted(const Model& model, const Moment& moment, Slot slot) {
  return [&model, &moment, slot](const Present& present) {
    Moment without;
    without.query = moment.query;
    without.query.history.clear();
    for (std::size_t k = 0; k < present.size(); ++k) {
      if (present[k]) without.query.history.push_back(moment.query.history[k]);
    }
    prepare(model, fast(), without);
    return score_of(model, without, slot);
  };
}

// Nothing but attention has a part in what the history contributes.
ModelSettings attention_alone() {
  ModelSettings settings = small_settings();
  settings.parts.memory = settings.parts.pairs = settings.parts.neighbours = false;
  settings.parts.content = false;
  return settings;
}

TEST(ExplainEstimators, KernelShapAndLimeFindTheLinearPart) {
  const ModelSettings settings = attention_alone();
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  fold(*learner, stream, 2000);
  const Model& model = learner->model();
  Random random(1, 0);
  double worst_shap = 0.0, worst_lime = 0.0, largest = 0.0;
  int parts = 0;
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    Moment moment;
    make_query(model, UserKey{user}, stream.users[user], stream.now(), moment.query);
    prepare(model, fast(), moment);
    const std::size_t n = moment.query.history.size();
    for (const Slot slot : {Slot{3}, Slot{17}, Slot{41}}) {
      const auto why =
          by_entry(explain(model, moment, slot, model.popularity.counts(slot)), moment.query);
      const Game game = masked(model, moment, slot);
      const auto shap = kernel_shap(game, n, 400, random);
      const auto slopes = lime(game, n, 400, random);
      for (std::size_t k = 0; k < n; ++k) {
        worst_shap = std::max(worst_shap, std::fabs(shap[k] - why[k]));
        worst_lime = std::max(worst_lime, std::fabs(slopes[k] - why[k]));
        largest = std::max(largest, std::fabs(why[k]));
        ++parts;
      }
    }
  }
  std::cout << parts << " parts of at most " << largest << ": KernelSHAP differs by at most "
            << worst_shap << ", LIME by " << worst_lime << "\n";
  EXPECT_GT(parts, 500);
  EXPECT_GT(largest, .1);
  EXPECT_LT(worst_shap, 1e-4);
  EXPECT_LT(worst_lime, 1e-4);
}

// Spearman's, of two lists without ties.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  const auto ranks = [](const std::vector<double>& values) {
    std::vector<double> out(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      out[i] = static_cast<double>(
          std::count_if(values.begin(), values.end(), [&](double v) { return v < values[i]; }));
    }
    return out;
  };
  const auto x = ranks(a), y = ranks(b);
  const auto n = static_cast<double>(a.size());
  double squares = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) squares += (x[i] - y[i]) * (x[i] - y[i]);
  return 1.0 - 6.0 * squares / (n * (n * n - 1.0));
}

// Nothing is held fast here: without an event the other weights grow, buckets and memories change.
TEST(ExplainEstimators, TheShapleyValuesOfDeletionRankEventsAsTheExplanationDoes) {
  ModelSettings settings = small_settings();
  settings.exclude_seen = true;  // own items have terms that go by the history as a whole
  SmallStream stream(settings);
  const auto learner = new_learner(settings);
  fold(*learner, stream, 2000);
  const Model& model = learner->model();
  int cases = 0, same_first = 0;
  double correlation = 0.0;
  for (std::size_t user = 0; user < SmallStream::kUsers; ++user) {
    Behaviour behaviour = stream.users[user];
    if (behaviour.history.size() > 8) {
      behaviour.history.erase(behaviour.history.begin(), behaviour.history.end() - 8);
    }
    Moment moment;
    make_query(model, UserKey{user}, behaviour, stream.now(), moment.query);
    prepare(model, fast(), moment);
    const std::size_t n = moment.query.history.size();
    if (n < 4) continue;
    for (Slot slot = 0; slot < 60; slot += 7) {
      const auto why =
          by_entry(explain(model, moment, slot, model.popularity.counts(slot)), moment.query);
      const auto exact = shapley(deleted(model, moment, slot), n);
      const auto strongest = std::max_element(why.begin(), why.end()) - why.begin();
      if (why[static_cast<std::size_t>(strongest)] < .3) continue;  // nothing speaks for the item
      ++cases;
      if (strongest == std::max_element(exact.begin(), exact.end()) - exact.begin()) ++same_first;
      correlation += rank_correlation(why, exact);
    }
  }
  std::cout << cases << " cases: the same event first in " << same_first
            << ", mean rank correlation " << correlation / cases << "\n";
  ASSERT_GT(cases, 30);
  EXPECT_GT(same_first, cases / 2);
  EXPECT_GT(correlation / cases, .5);
}

// A stream with a known cause: of eight causes one comes, then one to five items that mean nothing,
// then the effect of that cause.
class PlantedCause {
 public:
  static constexpr std::uint64_t kCauses = 8;
  static constexpr std::uint64_t kNoise = 44;
  static ItemRef cause(std::uint64_t number) { return small_item(number); }
  static ItemRef effect(std::uint64_t number) { return small_item(kCauses + number); }

  explicit PlantedCause(const ModelSettings& settings) : stream_(settings) {}

  ItemRef noise() {
    return small_item(2 * kCauses + stream_.random.below(static_cast<std::uint32_t>(kNoise)));
  }
  std::uint64_t below(std::uint32_t limit) { return stream_.random.below(limit); }

  void choose(Behaviour& behaviour, const ItemRef& item) { stream_.apply(behaviour, event(item)); }
  void teach(Learner& learner, std::size_t user, const ItemRef& item) {
    const Event chosen = event(item);
    fold(learner, stream_.record_of(chosen, user), position_++);
    stream_.apply(stream_.users[user], chosen);
  }
  [[nodiscard]] TimeMs now() const { return stream_.now(); }

 private:
  Event event(const ItemRef& item) {
    stream_.now_ms += 5'000;
    Event event;
    event.event_time = event.record_time = stream_.now();
    event.type = EventType::kClick;
    event.item = item;
    return event;
  }

  SmallStream stream_;
  Offset position_ = 0;
};

TEST(ExplainEstimators, AttentionFindsAPlantedCause) {
  ModelSettings settings = attention_alone();
  settings.parts.repeat = false;
  PlantedCause planted(settings);
  const auto learner = new_learner(settings);
  for (int round = 0; round < 6'000; ++round) {
    const std::size_t user = planted.below(SmallStream::kUsers);
    const std::uint64_t number = planted.below(PlantedCause::kCauses);
    planted.teach(*learner, user, PlantedCause::cause(number));
    for (std::uint64_t i = planted.below(5); i < 5; ++i) {
      planted.teach(*learner, user, planted.noise());
    }
    planted.teach(*learner, user, PlantedCause::effect(number));
  }

  const Model& model = learner->model();
  int cases = 0, most_attended = 0, first_reason = 0;
  double share = 0.0, even = 0.0;
  for (std::uint64_t number = 0; number < PlantedCause::kCauses; ++number) {
    for (int after = 1; after <= 5; ++after) {
      Behaviour behaviour;
      for (int i = 0; i < 4; ++i) planted.choose(behaviour, planted.noise());
      planted.choose(behaviour, PlantedCause::cause(number));
      for (int i = 0; i < after; ++i) planted.choose(behaviour, planted.noise());
      Moment moment;
      make_query(model, UserKey{1'000 + number}, behaviour, planted.now(), moment.query);
      prepare(model, fast(), moment);
      const auto& alpha = moment.attended.alpha;
      ++cases;
      share += static_cast<double>(alpha[4]);
      even += 1.0 / static_cast<double>(alpha.size());
      if (std::max_element(alpha.begin(), alpha.end()) - alpha.begin() == 4) ++most_attended;
      const Slot slot = model.catalogue.find(PlantedCause::effect(number).key);
      const Explanation why = explain(model, moment, slot, model.popularity.counts(slot));
      if (why.history.front().item == PlantedCause::cause(number).key) ++first_reason;
    }
  }
  std::cout << cases << " causes: attention " << share / cases << " where an even share is "
            << even / cases << ", the largest in " << most_attended << ", the first reason in "
            << first_reason << "\n";
  EXPECT_GT(most_attended, cases * 9 / 10);
  EXPECT_GT(first_reason, cases * 9 / 10);
  EXPECT_GT(share, 2.0 * even);
}

}  // namespace
}  // namespace fovea::scorer
