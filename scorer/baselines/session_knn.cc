#include "scorer/baselines/session_knn.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace fovea::baselines {
namespace {

class SessionKnn final : public Baseline {
 public:
  explicit SessionKnn(const SessionKnnSettings& settings) : settings_(settings) {}

  void score(const Question& question, Scores& scores) override {
    find_neighbours(question);
    keep_most_similar(question);
    for (const UserIndex user : met_) add(users_[user], scores);
    for (const UserIndex user : all_met_) users_[user].similarity = 0.0;
  }

  void observe(const Question& before, ItemIndex item) override {
    if (before.user >= users_.size()) users_.resize(before.user + 1);
    occurrences_.resize(before.item_count);
    User& user = users_[before.user];
    std::vector<Occurrence>& of_item = occurrences_[item];
    of_item.push_back({before.user, static_cast<std::uint32_t>(user.items.size())});
    // Only the newest are ever looked at.
    if (of_item.size() >= 2 * settings_.sample) {
      of_item.erase(of_item.begin(), of_item.end() - static_cast<std::ptrdiff_t>(settings_.sample));
    }
    user.items.push_back(item);
    user.last_s = before.now_s;
  }

 private:
  struct Occurrence {
    UserIndex user;
    std::uint32_t position;  // in the user's items
  };
  struct User {
    std::vector<ItemIndex> items;  // oldest first
    double last_s = 0.0;
    // Of the question that is being answered.
    double similarity = 0.0;     // 0: not met
    std::uint32_t anchor = 0;    // position of the newest item in common
    std::uint32_t anchor_k = 0;  // and which of the user's it is
    std::uint32_t counted_k = 0;
  };

  [[nodiscard]] double weight(std::size_t k) const {
    const auto lag = static_cast<double>(k);
    return settings_.time_aware ? std::exp(-lag / settings_.item_decay)
                                : std::max(0.0, 1.0 - lag / 10.0);
  }

  void find_neighbours(const Question& question) {
    met_.clear();
    const std::size_t n = std::min(settings_.last, question.own.size());
    for (std::size_t k = 0; k < n; ++k) {
      const double similarity = weight(k);
      if (similarity <= 0.0 || question.own[k] >= occurrences_.size()) break;
      const std::vector<Occurrence>& of_item = occurrences_[question.own[k]];
      const std::size_t count = std::min(settings_.sample, of_item.size());
      for (std::size_t back = 0; back < count; ++back) {
        const Occurrence& at = of_item[of_item.size() - 1 - back];
        if (at.user == question.user) continue;
        User& user = users_[at.user];
        if (user.similarity == 0.0) {
          met_.push_back(at.user);
          user.anchor = at.position;
          user.anchor_k = static_cast<std::uint32_t>(k);
        } else if (user.counted_k == k) {
          continue;  // has it more than once
        }
        user.counted_k = static_cast<std::uint32_t>(k);
        user.similarity += similarity;
      }
    }
    all_met_ = met_;
  }

  void keep_most_similar(const Question& question) {
    for (const UserIndex index : met_) {
      User& user = users_[index];
      if (!settings_.time_aware) continue;
      user.similarity /= std::sqrt(static_cast<double>(user.items.size()) *
                                   static_cast<double>(question.history.size()));
      if (settings_.recency_s > 0.0) {
        // Kept above 0, which says that the user was not met.
        const double age = std::max(0.0, question.now_s - user.last_s);
        user.similarity *= std::exp(-std::min(200.0, age / settings_.recency_s));
      }
    }
    if (met_.size() <= settings_.neighbours) return;
    const auto more_similar = [this](UserIndex a, UserIndex b) {
      const User& x = users_[a];
      const User& y = users_[b];
      if (x.similarity != y.similarity) return x.similarity > y.similarity;
      if (x.last_s != y.last_s) return x.last_s > y.last_s;
      return a > b;
    };
    const auto end = met_.begin() + static_cast<std::ptrdiff_t>(settings_.neighbours);
    std::nth_element(met_.begin(), end, met_.end(), more_similar);
    met_.erase(end, met_.end());
  }

  void add(const User& user, Scores& scores) {
    const std::size_t from = user.anchor > settings_.reach ? user.anchor - settings_.reach : 0;
    const std::size_t to = std::min(user.items.size(), user.anchor + settings_.reach + 1);
    for (std::size_t at = from; at < to; ++at) {
      const double distance = std::abs(static_cast<double>(at) - static_cast<double>(user.anchor));
      const double near = settings_.time_aware ? std::exp(-distance / settings_.position_decay)
                                               : weight(user.anchor_k);
      scores.add(user.items[at], user.similarity * near);
    }
  }

  SessionKnnSettings settings_;
  std::vector<User> users_;
  std::vector<std::vector<Occurrence>> occurrences_;  // by item, oldest first
  std::vector<UserIndex> met_;                        // scratch
  std::vector<UserIndex> all_met_;                    // scratch
};

}  // namespace

std::unique_ptr<Baseline> make_session_knn(const SessionKnnSettings& settings) {
  return std::make_unique<SessionKnn>(settings);
}

}  // namespace fovea::baselines
