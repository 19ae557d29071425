#pragma once

// Several baselines beside one another: numbered items, questions, ranks and slates.
//
// Lifetime  Slates are valid until the next call.
// Threads   Not thread-safe.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "scorer/baselines/baseline.h"
#include "scorer/baselines/spec.h"
#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::baselines {

// What one baseline answers.
struct Answer {
  // From 0, among all items observed so far minus the excluded (the target stays in), ties against
  // the target. Absent where the baseline leaves the target out.
  std::optional<std::int32_t> rank;
  // Its best ten, best first, ties to the item seen first; fewer where it has no reason for more.
  std::vector<ItemIndex> slate;
};

class Panel {
 public:
  // `half_life_s` is the topology's.
  Panel(const std::vector<Spec>& specs, double half_life_s);

  [[nodiscard]] std::size_t size() const { return members_.size(); }
  [[nodiscard]] const std::string& name(std::size_t member) const { return members_[member].name; }

  // Learns one choice of a user whose behaviour before it is given.
  void observe(UserKey user, const Behaviour& before, ItemKey item, TimeMs time);

  // One answer a member. Nothing if the target was never observed.
  // `exclude_seen`: what the user has had is no candidate.
  [[nodiscard]] std::span<const Answer> ask(UserKey user, const Behaviour& behaviour, TimeMs now,
                                            ItemKey target, bool exclude_seen);

  // Members that tune themselves stop here.
  void end_tuning();

  // The item's number, which is below item_count(); absent if it was never observed.
  [[nodiscard]] std::optional<ItemIndex> find(ItemKey item) const;
  [[nodiscard]] std::size_t item_count() const { return items_.size(); }
  // Choices so far, of an item and of all.
  [[nodiscard]] std::uint32_t choices(ItemIndex item) const { return choices_[item]; }
  [[nodiscard]] std::uint64_t all_choices() const { return all_choices_; }

  [[nodiscard]] std::chrono::nanoseconds learning(std::size_t member) const {
    return members_[member].learning;
  }
  [[nodiscard]] std::chrono::nanoseconds scoring(std::size_t member) const {
    return members_[member].scoring;
  }

 private:
  struct Member {
    std::string name;
    bool leaves_out_seen;
    std::unique_ptr<Baseline> baseline;
    std::chrono::nanoseconds learning{};  // in observe()
    std::chrono::nanoseconds scoring{};   // in score() and ranking
  };

  Question question(UserKey user, const Behaviour& behaviour, TimeMs now);

  std::vector<Member> members_;
  std::unordered_map<ItemKey, ItemIndex> items_;
  std::unordered_map<UserKey, UserIndex> users_;
  std::vector<std::uint32_t> choices_;
  std::uint64_t all_choices_ = 0;
  std::vector<ItemIndex> history_, own_;  // of the question
  Scores scores_;
  std::vector<std::uint8_t> none_, seen_;  // by item, all 0 between calls
  std::vector<Answer> answers_;
};

// Rank of `target` in `scores`, ties against it, without items marked in `excluded`.
[[nodiscard]] std::int32_t rank_of(const Scores& scores, ItemIndex target,
                                   std::span<const std::uint8_t> excluded);

// The best `size` items that have a score, without those marked in `excluded`.
void best_of(const Scores& scores, std::size_t size, std::span<const std::uint8_t> excluded,
             std::vector<ItemIndex>& best);

}  // namespace fovea::baselines
