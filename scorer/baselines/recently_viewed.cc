#include "scorer/baselines/recently_viewed.h"

namespace fovea::baselines {
namespace {

class RecentlyViewed final : public Baseline {
 public:
  void score(const Question& question, Scores& scores) override {
    for (std::size_t k = 0; k < question.own.size(); ++k) {
      scores.add(question.own[k], 1.0 / static_cast<double>(1 + k));
    }
  }
  void observe(const Question&, ItemIndex) override {}
};

}  // namespace

std::unique_ptr<Baseline> make_recently_viewed() {
  return std::make_unique<RecentlyViewed>();
}

}  // namespace fovea::baselines
