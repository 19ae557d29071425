#pragma once

// Test, then learn: the protocol of an evaluation, one event at a time.
//
// For each event that chooses an item (a positive type), whose user has a history and whose item
// was chosen before by anybody: rank that item among all items seen so far, minus, where the
// topology excludes seen items, what the user has had; ties count against us; then learn. Every
// k-th such event is ranked, every event is learned. Baselines are ranked on the same events with
// the same candidates.
//
// It is the serving code that runs: codec, fold, example, learner, view and scorer are those of
// `run`; profiles are current while the view lags as configured, and the user's own choices that
// the view has not learned are overlaid.
//
// Threads   Not thread-safe.
// Lifetime  The configuration outlives it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "scorer/baselines.h"
#include "scorer/learner.h"
#include "scorer/slate_scorer.h"
#include "topologies/commands.h"
#include "topologies/config.h"
#include "topologies/event_step.h"
#include "topologies/publish_schedule.h"
#include "topologies/ranking_figures.h"
#include "topologies/recent_choices.h"
#include "vocab/event.h"
#include "vocab/item.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct BaselineFigures {
  std::string name;
  RankingFigures figures;
  Mean model_minus;  // per-event difference in NDCG@10
};

struct Stratum {
  std::string name;
  RankingFigures figures;
};

struct EvaluationFigures {
  std::uint64_t events = 0;
  std::uint64_t eligible = 0;
  std::uint64_t scored = 0;
  std::uint64_t unknown_to_view = 0;  // scored as a miss: the view had not met the item
  RankingFigures model;
  std::vector<BaselineFigures> baselines;
  std::vector<Stratum> by_popularity;      // of the item, by its earlier choices
  std::vector<Stratum> by_history_length;  // of the user
  std::chrono::nanoseconds learning{};
  std::chrono::nanoseconds scoring{};
};

// What is known of one user while a log is evaluated.
struct EvaluatedUser {
  UserKey key{};
  Behaviour behaviour;
};

class Evaluation {
 public:
  struct Settings {
    std::int64_t every = 1;
    PublishEvery publish_every;
    bool baselines = true;
    bool rank_choices = true;  // off: the caller ranks by itself, see rank()
    // Candidates must have been chosen before; on where a catalogue or other types of events make
    // items known without a choice.
    bool only_chosen = false;
    scorer::KernelLevel kernels = scorer::KernelLevel::kPortable;
  };

  // Errors: kStop naming the setting at fault.
  [[nodiscard]] static Result<Evaluation> create(const Config& config, const Settings& settings);

  // Folds a catalogue change.
  Result<void> learn_item(ItemChange change, SourceCoordinates at);

  // Ranks the event where it is its turn, then folds and learns it.
  Result<void> step(const Event& event, SourceCoordinates at);

  // Where `target` stands for this user at `now`, in the view as it is. Absent if unknown to it.
  [[nodiscard]] Rank rank(const EvaluatedUser& user, TimeMs now, ItemKey target);

  // Absent for a user without events so far.
  [[nodiscard]] const EvaluatedUser* user(const std::string& id) const;

  // True if any positive event has chosen it so far.
  [[nodiscard]] bool chosen(ItemKey item) const { return choices_.contains(item); }

  [[nodiscard]] const EvaluationFigures& figures() const { return figures_; }
  [[nodiscard]] const scorer::Learner& learner() const { return *learner_; }

 private:
  Evaluation(const Config& config, const Settings& settings);

  void add_baseline(std::unique_ptr<scorer::Baseline> baseline, const std::string& detail);
  Result<void> learn(const LearningRecord& record);
  void score(const EvaluatedUser& user, const Event& event);

  const Config* config_;
  Settings settings_;
  PublishSchedule schedule_;
  scorer::SlateScorer scorer_;
  std::unique_ptr<scorer::Learner> learner_;
  std::vector<std::unique_ptr<scorer::Baseline>> baselines_;
  std::unordered_map<std::string, EvaluatedUser> users_;
  std::unordered_map<ItemKey, std::uint32_t> choices_;  // positive events an item so far
  RecentChoices recent_;
  Offset learning_next_ = 0;
  TimeMs highest_{};
  std::vector<ItemKey> excluded_;  // scratch
  EvaluationFigures figures_;
};

}  // namespace fovea::topologies
