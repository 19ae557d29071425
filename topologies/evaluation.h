#pragma once

// Test, then learn: the protocol of an evaluation, one event at a time.
//
// For each event that chooses an item (a positive type), whose user has a history and whose item
// was chosen before by anybody: rank that item among all items seen so far, minus, where the
// topology excludes seen items, what the user has had; ties count against us; then learn. Every
// k-th such event is ranked, every event is learned. Baselines are ranked on the same events with
// the same candidates. What a ranker shows is its ten best there, chosen or not.
//
// It is the serving code that runs: codec, fold, example, learner, view and scorer are those of
// `run`; profiles are current while the view lags as configured, and the user's own choices that
// the view has not learned are overlaid.
//
// Threads   Not thread-safe.
// Lifetime  The configuration outlives it.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "scorer/baselines/panel.h"
#include "scorer/learner.h"
#include "scorer/slate_scorer.h"
#include "topologies/commands.h"
#include "topologies/config.h"
#include "topologies/evaluation_figures.h"
#include "topologies/event_step.h"
#include "topologies/publish_schedule.h"
#include "topologies/recent_choices.h"
#include "vocab/event.h"
#include "vocab/item.h"
#include "vocab/result.h"

namespace fovea::topologies {

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
    std::vector<baselines::Spec> baselines;
    // Baselines tune themselves on this many events at the start; 0: on all.
    std::uint64_t tuning_events = 0;
    bool findings = false;     // look into the slates, which then are explained: slower
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
  [[nodiscard]] bool chosen(ItemKey item) const { return panel_.find(item).has_value(); }

  [[nodiscard]] const EvaluationFigures& figures() const { return figures_; }
  [[nodiscard]] const scorer::Learner& learner() const { return *learner_; }

 private:
  Evaluation(const Config& config, const Settings& settings);

  // ask(model) with the model as it is visible now.
  template <class Ask>
  auto with_model(Ask&& ask) const {
    // A view is held for as long as it is asked.
    return schedule_.immediate() ? ask(learner_->model()) : ask(*learner_->view());
  }
  [[nodiscard]] scorer::SlateRequest request(const EvaluatedUser& user, TimeMs now) const;
  Result<void> learn(const LearningRecord& record);
  void choose(const EvaluatedUser& user, const Event& event);
  void score(const EvaluatedUser& user, const Event& event);
  void show(const EvaluatedUser& user, const Event& event);
  [[nodiscard]] double share_of_choices(baselines::ItemIndex item) const;

  const Config* config_;
  Settings settings_;
  PublishSchedule schedule_;
  scorer::SlateScorer scorer_;
  std::unique_ptr<scorer::Learner> learner_;
  baselines::Panel panel_;
  std::unordered_map<std::string, EvaluatedUser> users_;
  std::vector<TimeMs> first_chosen_;  // by the panel's number of the item
  RecentChoices recent_;
  Offset learning_next_ = 0;
  TimeMs highest_{};
  EvaluationFigures figures_;
  std::vector<double> ndcg_;  // scratch: of the model and each baseline
};

}  // namespace fovea::topologies
