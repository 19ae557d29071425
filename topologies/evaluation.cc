#include "topologies/evaluation.h"

#include <chrono>
#include <utility>

#include "ingest/keys.h"
#include "topologies/strata.h"

namespace fovea::topologies {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr std::int32_t kShown = 10;

// Where the topology excludes what the user has had, a baseline that does is the same as one that
// does not, and one that shows nothing else has nothing to show.
std::vector<baselines::Spec> that_differ(std::vector<baselines::Spec> specs, bool exclude_seen) {
  if (exclude_seen) {
    std::erase_if(specs, [](const baselines::Spec& spec) {
      return spec.leaves_out_seen || spec.kind->name == "recently-viewed";
    });
  }
  return specs;
}

}  // namespace

Evaluation::Evaluation(const Config& config, const Settings& settings)
    : config_(&config),
      settings_(settings),
      schedule_(settings.publish_every),
      scorer_(config.model, settings.kernels),
      panel_(that_differ(settings.baselines, config.model.exclude_seen), config.model.half_life_s) {
  figures_.model.name = "fovea";
  for (std::size_t i = 0; i < panel_.size(); ++i) {
    figures_.baselines.emplace_back().name = panel_.name(i);
  }
  figures_.strata = empty_strata(panel_.size());
  figures_.paired = PairedSums(1 + panel_.size());
  figures_.curve = LearningCurve(1 + panel_.size());
}

Result<Evaluation> Evaluation::create(const Config& config, const Settings& settings) {
  if (settings.every < 1) return stop("every must be at least 1");
  if (const auto checked = scorer::check(config.model); !checked) return checked.error();
  Evaluation evaluation(config, settings);
  auto learner = scorer::Learner::create(config.model, settings.kernels);
  if (!learner) return learner.error();
  evaluation.learner_ = *std::move(learner);
  return evaluation;
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
  figures_.model.learning += SteadyClock::now() - started;
  if (!folded) return folded.error();
  return {};
}

Result<void> Evaluation::step(const Event& event, SourceCoordinates at) {
  if (figures_.events++ == settings_.tuning_events && settings_.tuning_events > 0) {
    panel_.end_tuning();
  }
  if (schedule_.due(event.event_time) && !schedule_.immediate()) {
    learner_->publish();
    recent_.forget_learned(learner_->stamp().position);
  }
  const auto [place, added] = users_.try_emplace(event.user.value);
  EvaluatedUser& user = place->second;
  if (added) user.key = ingest::user_key(config_->name, event.user.value);

  const EventVerdict verdict = judge_event(*config_, event, highest_, user.behaviour);
  const bool choice = verdict.teaches && config_->model.positive.contains(event.type);
  const bool eligible = choice && !user.behaviour.history.empty() && chosen(event.item.key);
  if (eligible && settings_.rank_choices &&
      static_cast<std::int64_t>(figures_.eligible++) % settings_.every == 0) {
    score(user, event);
  }
  if (choice) choose(user, event);

  EventStep step = step_event(*config_, event, user.key, highest_, user.behaviour);
  if (!step.example) return {};
  if (auto learned = learn({std::move(at), *std::move(step.example)}); !learned) return learned;
  if (choice && !schedule_.immediate()) {
    recent_.add(user.key, {event.item.key, event.event_time});
    recent_.settle(learning_next_ - 1);
  }
  return {};
}

void Evaluation::choose(const EvaluatedUser& user, const Event& event) {
  panel_.observe(user.key, user.behaviour, event.item.key, event.event_time);
  if (panel_.item_count() > first_chosen_.size()) first_chosen_.push_back(event.event_time);
  figures_.items = panel_.item_count();
  figures_.choices = panel_.all_choices();
  for (std::size_t i = 0; i < panel_.size(); ++i) {
    figures_.baselines[i].learning = panel_.learning(i);
  }
}

scorer::SlateRequest Evaluation::request(const EvaluatedUser& user, TimeMs now) const {
  scorer::SlateRequest request;
  request.user = user.key;
  request.now = now;
  request.size = kShown;
  request.explain = scorer::ExplainLevel::kOff;
  request.overlay = recent_.of(user.key);
  if (settings_.only_chosen) {
    request.withdrawn = [this](ItemKey item) { return !chosen(item); };
  }
  return request;
}

Rank Evaluation::rank(const EvaluatedUser& user, TimeMs now, ItemKey target) {
  const auto asked = request(user, now);
  const auto started = SteadyClock::now();
  const auto ranks = with_model([&](const scorer::Model& model) {
    return scorer_.rank(model, user.behaviour, asked, target);
  });
  figures_.model.scoring += SteadyClock::now() - started;
  return ranks ? Rank(ranks->rank) : Rank();
}

void Evaluation::score(const EvaluatedUser& user, const Event& event) {
  const baselines::ItemIndex item = *panel_.find(event.item.key);
  const Rank ours = rank(user, event.event_time, event.item.key);
  ++figures_.scored;
  if (!ours) ++figures_.unknown_to_view;
  figures_.model.ranking.add(ours);
  ndcg_.assign(1, ndcg10(ours));
  show(user, event);

  const auto answers = panel_.ask(user.key, user.behaviour, event.event_time, event.item.key,
                                  config_->model.exclude_seen);
  for (std::size_t i = 0; i < answers.size(); ++i) {
    BaselineFigures& figures = figures_.baselines[i];
    const Rank theirs = answers[i].rank;
    figures.ranking.add(theirs);
    figures.scoring = panel_.scoring(i);
    ndcg_.push_back(ndcg10(theirs));
    figures.model_minus.add(ndcg_.front() - ndcg_.back());
    for (const baselines::ItemIndex shown : answers[i].slate) {
      figures.exposure.add(shown, share_of_choices(shown));
    }
  }

  figures_.paired.add(user.key, ndcg_);
  figures_.curve.add(event.event_time, ndcg_);
  const auto classes =
      strata_of({panel_.choices(item), milliseconds_between(first_chosen_[item], event.event_time),
                 static_cast<std::uint32_t>(user.behaviour.history.size()),
                 milliseconds_between(user.behaviour.history.back().time, event.event_time)});
  for (std::size_t s = 0; s < classes.size(); ++s) {
    Stratum& stratum = figures_.strata[s].parts[classes[s]];
    stratum.model.add(ours);
    for (std::size_t i = 0; i < answers.size(); ++i) stratum.baselines[i].add(ndcg_[1 + i]);
  }
}

// What the model would have shown, outside the time that ranking takes.
void Evaluation::show(const EvaluatedUser& user, const Event& event) {
  scorer::SlateRequest asked = request(user, event.event_time);
  if (settings_.findings) asked.explain = scorer::ExplainLevel::kFull;
  const auto slate = with_model(
      [&](const scorer::Model& model) { return scorer_.slate(model, user.behaviour, asked); });
  for (const RecommendedItem& shown : slate) {
    const auto item = panel_.find(shown.item.key);
    if (item) figures_.model.exposure.add(*item, share_of_choices(*item));
  }
  if (settings_.findings) {
    figures_.slates.add(slate, event.item.key, user.behaviour.history, event.event_time);
  }
}

double Evaluation::share_of_choices(baselines::ItemIndex item) const {
  return static_cast<double>(panel_.choices(item)) / static_cast<double>(panel_.all_choices());
}

}  // namespace fovea::topologies
