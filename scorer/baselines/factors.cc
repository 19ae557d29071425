#include "scorer/baselines/factors.h"

#include <cmath>
#include <numbers>
#include <vector>

#include <Eigen/Core>

#include "scorer/random.h"

namespace fovea::baselines {
namespace {

using scorer::Random;
using Vector = Eigen::Map<Eigen::VectorXf>;

// Rows of normally distributed numbers, each a function of its index.
class Rows {
 public:
  Rows(std::size_t dim, float deviation, std::uint64_t seed)
      : dim_(static_cast<Eigen::Index>(dim)), deviation_(deviation), seed_(seed) {}

  void grow(std::size_t count) {
    for (; count_ < count; ++count_) {
      Random random(seed_, count_);
      for (Eigen::Index d = 0; d < dim_; ++d) values_.push_back(deviation_ * normal(random));
    }
  }
  [[nodiscard]] Vector operator[](std::size_t row) {
    return Vector(&values_[row * static_cast<std::size_t>(dim_)], dim_);
  }
  // The first `count` rows as a count x dim matrix.
  [[nodiscard]] auto first(std::size_t count) const {
    using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
    return Eigen::Map<const Matrix>(values_.data(), static_cast<Eigen::Index>(count), dim_);
  }

 private:
  // Box and Muller 1958.
  static float normal(Random& random) {
    const double radius = std::sqrt(-2.0 * std::log(1.0 - static_cast<double>(random.uniform())));
    const double angle = 2.0 * std::numbers::pi * static_cast<double>(random.uniform());
    return static_cast<float>(radius * std::cos(angle));
  }

  Eigen::Index dim_;
  float deviation_;
  std::uint64_t seed_;
  std::size_t count_ = 0;
  std::vector<float> values_;
};

class Factors : public Baseline {
 protected:
  Factors(const FactorsSettings& settings, float deviation)
      : settings_(settings),
        rate_(static_cast<float>(settings.rate)),
        decay_(static_cast<float>(settings.decay)),
        users_(settings.dim, deviation, 1),
        items_(settings.dim, deviation, 2) {}

  void grow(const Question& question) {
    users_.grow(question.user + std::size_t{1});
    items_.grow(question.item_count);
  }
  // p_u . q_i for every item.
  const Eigen::VectorXf& products(const Question& question) {
    grow(question);
    products_.noalias() = items_.first(question.item_count) * users_[question.user];
    return products_;
  }

  FactorsSettings settings_;
  float rate_;
  float decay_;
  Rows users_;
  Rows items_;
  Eigen::VectorXf products_;  // scratch
  Eigen::VectorXf before_;    // scratch
};

class Isgd final : public Factors {
 public:
  explicit Isgd(const FactorsSettings& settings) : Factors(settings, 0.1F) {}

  void score(const Question& question, Scores& scores) override {
    const Eigen::VectorXf& products = this->products(question);
    const std::span<double> all = scores.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = -std::abs(1.0 - static_cast<double>(products[static_cast<Eigen::Index>(i)]));
    }
  }

  void observe(const Question& before, ItemIndex item) override {
    grow(before);
    Vector user = users_[before.user];
    Vector chosen = items_[item];
    for (std::size_t step = 0; step < settings_.steps; ++step) {
      const float error = 1.0F - user.dot(chosen);
      before_ = user;
      user += rate_ * (error * chosen - decay_ * user);
      chosen += rate_ * (error * before_ - decay_ * chosen);
    }
  }
};

class Bpr final : public Factors {
 public:
  explicit Bpr(const FactorsSettings& settings) : Factors(settings, 0.01F) {}

  void score(const Question& question, Scores& scores) override {
    const Eigen::VectorXf& products = this->products(question);
    biases_.resize(question.item_count, 0.0F);
    const std::span<double> all = scores.all();
    for (std::size_t i = 0; i < all.size(); ++i) {
      all[i] = static_cast<double>(products[static_cast<Eigen::Index>(i)] + biases_[i]);
    }
  }

  void observe(const Question& before, ItemIndex item) override {
    grow(before);
    biases_.resize(before.item_count, 0.0F);
    Random random(3, observed_++);
    Vector user = users_[before.user];
    Vector chosen = items_[item];
    for (std::size_t step = 0; step < settings_.steps; ++step) {
      const ItemIndex other = random.below(static_cast<std::uint32_t>(before.item_count));
      if (other == item) continue;
      Vector passed = items_[other];
      const float x = biases_[item] - biases_[other] + user.dot(chosen - passed);
      const float slope = 1.0F / (1.0F + std::exp(x));
      before_ = user;
      user += rate_ * (slope * (chosen - passed) - decay_ * user);
      chosen += rate_ * (slope * before_ - decay_ * chosen);
      passed += rate_ * (-slope * before_ - decay_ * passed);
      biases_[item] += rate_ * (slope - decay_ * biases_[item]);
      biases_[other] += rate_ * (-slope - decay_ * biases_[other]);
    }
  }

 private:
  std::vector<float> biases_;
  std::uint64_t observed_ = 0;
};

}  // namespace

std::unique_ptr<Baseline> make_isgd(const FactorsSettings& settings) {
  return std::make_unique<Isgd>(settings);
}

std::unique_ptr<Baseline> make_bpr(const FactorsSettings& settings) {
  return std::make_unique<Bpr>(settings);
}

}  // namespace fovea::baselines
