#include "topologies/evaluation.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "ingest/keys.h"
#include "scorer/model_info.h"
#include "topologies/config_value.h"

namespace fovea::topologies {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Bound {
  std::uint32_t at_most;
  std::string_view name;
};
constexpr std::uint32_t kNoBound = 0xFFFFFFFFU;
constexpr std::array<Bound, 5> kPopularityBounds = {
    {{5, "1-5"}, {20, "6-20"}, {100, "21-100"}, {500, "101-500"}, {kNoBound, ">500"}}};
constexpr std::array<Bound, 5> kHistoryBounds = {
    {{1, "1"}, {3, "2-3"}, {10, "4-10"}, {49, "11-49"}, {kNoBound, "50+"}}};

std::vector<Stratum> strata(const std::array<Bound, 5>& bounds) {
  std::vector<Stratum> out;
  out.reserve(bounds.size());
  for (const Bound& bound : bounds) out.push_back({std::string(bound.name), {}});
  return out;
}

std::size_t stratum_index(const std::array<Bound, 5>& bounds, std::uint32_t value) {
  std::size_t i = 0;
  while (value > bounds[i].at_most) ++i;
  return i;
}

}  // namespace

Evaluation::Evaluation(const Config& config, const Settings& settings)
    : config_(&config),
      settings_(settings),
      schedule_(settings.publish_every),
      scorer_(config.model, settings.kernels) {}

Result<Evaluation> Evaluation::create(const Config& config, const Settings& settings) {
  if (settings.every < 1) return stop("every must be at least 1");
  if (const auto checked = scorer::check(config.model); !checked) return checked.error();
  Evaluation evaluation(config, settings);
  auto learner = scorer::Learner::create(config.model, settings.kernels);
  if (!learner) return learner.error();
  evaluation.learner_ = *std::move(learner);
  if (settings.baselines) {
    for (const double half_life_s : {config.model.half_life_s, config.model.half_life_s / 8}) {
      evaluation.add_baseline(
          scorer::make_popularity_baseline(half_life_s),
          ", half-life " + print_duration_ms(static_cast<std::int64_t>(half_life_s * 1000)));
    }
    evaluation.add_baseline(scorer::make_transitions_baseline(0.0), "");
    evaluation.add_baseline(scorer::make_transitions_baseline(0.02), ", forgetting .02");
  }
  evaluation.figures_.by_popularity = strata(kPopularityBounds);
  evaluation.figures_.by_history_length = strata(kHistoryBounds);
  return evaluation;
}

void Evaluation::add_baseline(std::unique_ptr<scorer::Baseline> baseline,
                              const std::string& detail) {
  figures_.baselines.push_back({std::string(baseline->name()) + detail, {}, {}});
  baselines_.push_back(std::move(baseline));
}

const EvaluatedUser* Evaluation::user(const std::string& id) const {
  const auto found = users_.find(id);
  return found == users_.end() ? nullptr : &found->second;
}

Result<void> Evaluation::learn_item(ItemChange change, SourceCoordinates at) {
  return learn({std::move(at), std::move(change)});
}

Result<void> Evaluation::learn(const LearningRecord& record) {
  const auto started = SteadyClock::now();
  const auto folded = learner_->fold(record, learning_next_++);
  figures_.learning += SteadyClock::now() - started;
  if (!folded) return folded.error();
  return {};
}

Result<void> Evaluation::step(const Event& event, SourceCoordinates at) {
  ++figures_.events;
  if (schedule_.due(event.event_time) && !schedule_.immediate()) {
    learner_->publish();
    recent_.forget_learned(learner_->stamp().position);
  }
  const auto [place, added] = users_.try_emplace(event.user.value);
  EvaluatedUser& user = place->second;
  if (added) user.key = ingest::user_key(config_->name, event.user.value);

  const EventVerdict verdict = judge_event(*config_, event, highest_, user.behaviour);
  const bool choice = verdict.teaches && config_->model.positive.contains(event.type);
  const bool eligible =
      choice && !user.behaviour.history.empty() && choices_.contains(event.item.key);
  if (eligible && settings_.rank_choices &&
      static_cast<std::int64_t>(figures_.eligible++) % settings_.every == 0) {
    score(user, event);
  }
  if (choice) {
    for (const auto& baseline : baselines_) {
      baseline->observe(user.behaviour, event.item.key, event.event_time);
    }
    ++choices_[event.item.key];
  }

  EventStep step = step_event(*config_, event, user.key, highest_, user.behaviour);
  if (!step.example) return {};
  if (auto learned = learn({std::move(at), *std::move(step.example)}); !learned) return learned;
  if (choice && !schedule_.immediate()) {
    recent_.add(user.key, {event.item.key, event.event_time});
    recent_.settle(learning_next_ - 1);
  }
  return {};
}

Rank Evaluation::rank(const EvaluatedUser& user, TimeMs now, ItemKey target) {
  scorer::SlateRequest request;
  request.user = user.key;
  request.now = now;
  request.explain = scorer::ExplainLevel::kOff;
  request.overlay = recent_.of(user.key);
  if (settings_.only_chosen) {
    request.withdrawn = [this](ItemKey item) { return !choices_.contains(item); };
  }
  const auto started = SteadyClock::now();
  std::optional<scorer::Ranks> ranks;
  if (schedule_.immediate()) {
    ranks = scorer_.rank(learner_->model(), user.behaviour, request, target);
  } else {
    ranks = scorer_.rank(*learner_->view(), user.behaviour, request, target);
  }
  figures_.scoring += SteadyClock::now() - started;
  return ranks ? Rank(ranks->rank) : Rank();
}

void Evaluation::score(const EvaluatedUser& user, const Event& event) {
  const Rank ours = rank(user, event.event_time, event.item.key);
  ++figures_.scored;
  if (!ours) ++figures_.unknown_to_view;
  figures_.model.add(ours);
  figures_.by_popularity[stratum_index(kPopularityBounds, choices_[event.item.key])].figures.add(
      ours);
  figures_
      .by_history_length[stratum_index(kHistoryBounds,
                                       static_cast<std::uint32_t>(user.behaviour.history.size()))]
      .figures.add(ours);

  excluded_.clear();
  if (config_->model.exclude_seen) {
    for (const OwnItem& own : user.behaviour.own_items) excluded_.push_back(own.item);
  }
  for (std::size_t i = 0; i < baselines_.size(); ++i) {
    const Rank theirs =
        baselines_[i]->rank(user.behaviour, event.event_time, event.item.key, excluded_);
    figures_.baselines[i].figures.add(theirs);
    figures_.baselines[i].model_minus.add(ndcg10(ours) - ndcg10(theirs));
  }
}

}  // namespace fovea::topologies
