#include "scorer/baselines/item_cosine.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "scorer/baselines/count_row.h"

namespace fovea::baselines {
namespace {

class ItemCosine final : public Baseline {
 public:
  explicit ItemCosine(const ItemCosineSettings& settings) : settings_(settings) {}

  void score(const Question& question, Scores& scores) override {
    const auto own = newest(question, settings_.last);
    for (std::size_t k = 0; k < own.size(); ++k) {
      if (own[k] >= rows_.size()) continue;
      const double weight = std::exp(-static_cast<double>(k) / settings_.decay) * norm(own[k]);
      rows_[own[k]].both.each([&](ItemIndex item, float count) {
        scores.add(item, weight * static_cast<double>(count) * norm(item));
      });
    }
  }

  void observe(const Question& before, ItemIndex item) override {
    rows_.resize(before.item_count);
    // Binary vectors: a user's second choice of an item adds nothing.
    if (std::find(before.own.begin(), before.own.end(), item) != before.own.end()) return;
    rows_[item].users += 1.0;
    for (const ItemIndex own : newest(before, settings_.window)) {
      rows_[item].both.at(own) += 1.0F;
      rows_[own].both.at(item) += 1.0F;
    }
  }

 private:
  struct Row {
    CountRow both;
    double users = 0.0;
  };

  static std::span<const ItemIndex> newest(const Question& question, std::size_t count) {
    return question.own.first(std::min(count, question.own.size()));
  }
  [[nodiscard]] double norm(ItemIndex item) const {
    return 1.0 / std::sqrt(rows_[item].users + settings_.damping);
  }

  ItemCosineSettings settings_;
  std::vector<Row> rows_;
};

}  // namespace

std::unique_ptr<Baseline> make_item_cosine(const ItemCosineSettings& settings) {
  return std::make_unique<ItemCosine>(settings);
}

}  // namespace fovea::baselines
