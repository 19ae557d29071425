#include "topologies/evaluation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "scorer/kernels.h"

namespace fovea::topologies {
namespace {

using Json = nlohmann::ordered_json;

std::string publish_text(const PublishEvery& every) {
  if (every.time_ms > 0) return fmt::format("every {} ms of stream time", every.time_ms);
  if (every.events > 0) return fmt::format("every {} events", every.events);
  return "after every event";
}

std::string parts_text(const scorer::Parts& parts) {
  std::string text;
  for (const auto& [on, name] : {std::pair{parts.learning, "learning"},
                                 {parts.attention, "attention"},
                                 {parts.memory, "memory"},
                                 {parts.content, "content"},
                                 {parts.pairs, "pairs"},
                                 {parts.neighbours, "neighbours"},
                                 {parts.repeat, "repeat"},
                                 {parts.ranking, "ranking"}}) {
    if (!on) text += fmt::format(" without {}", name);
  }
  return text;
}

double microseconds_each(std::chrono::nanoseconds total, std::uint64_t count) {
  if (count == 0) return 0;
  return std::chrono::duration<double, std::micro>(total).count() / static_cast<double>(count);
}

std::string row(const std::string& name, std::size_t width, const RankingFigures& ranking) {
  return fmt::format("  {:<{}} {:.4f} ({:.4f})  {:.4f} ({:.4f})  {:.4f}  {:.4f}", name, width,
                     ranking.ndcg_10.value(), ranking.ndcg_10.error(), ranking.hr_10.value(),
                     ranking.hr_10.error(), ranking.hr_20.value(), ranking.mrr_20.value());
}

// How many times as good the model is; empty where the baseline got nothing right.
std::string ratio_text(const EvaluationSummary& summary, std::size_t i) {
  const BaselineFigures& baseline = summary.figures.baselines[i];
  std::string text;
  if (baseline.ranking.ndcg_10.value() > 0) {
    text = fmt::format("{:.3f} ({:.3f} - {:.3f})", ratio(summary.figures.model, baseline),
                       summary.ratios[i].low, summary.ratios[i].high);
  }
  return fmt::format("    {:<21}  {:+.4f} ({:.4f})", text, baseline.model_minus.value(),
                     baseline.model_minus.error());
}

std::string exposure_text(const RankerFigures& ranker, const EvaluationFigures& figures) {
  return fmt::format("  {:.3f}  {:.3f}  {:5.1f}", ranker.exposure.coverage(figures.items),
                     ranker.exposure.gini(figures.items), ranker.exposure.novelty());
}

std::string cost_text(const RankerFigures& ranker, std::uint64_t learned, std::uint64_t scored) {
  return fmt::format("  {:6.1f} {:6.1f}", microseconds_each(ranker.learning, learned),
                     microseconds_each(ranker.scoring, scored));
}

Json rounded(double value) {
  return std::round(value * 1e6) / 1e6;
}

Json mean_json(const Mean& mean) {
  return {{"value", rounded(mean.value())}, {"error", rounded(mean.error())}};
}

Json ranking_json(const RankingFigures& ranking) {
  return {{"n", ranking.ndcg_10.count()},
          {"ndcg_10", mean_json(ranking.ndcg_10)},
          {"hr_10", mean_json(ranking.hr_10)},
          {"hr_20", mean_json(ranking.hr_20)},
          {"mrr_20", mean_json(ranking.mrr_20)}};
}

Json ranker_json(const RankerFigures& ranker, const EvaluationSummary& summary) {
  Json json = {{"name", ranker.name}};
  json.update(ranking_json(ranker.ranking));
  json["coverage"] = rounded(ranker.exposure.coverage(summary.figures.items));
  json["gini"] = rounded(ranker.exposure.gini(summary.figures.items));
  json["novelty_bits"] = rounded(ranker.exposure.novelty());
  json["learning_us"] = rounded(microseconds_each(ranker.learning, summary.figures.choices));
  json["scoring_us"] = rounded(microseconds_each(ranker.scoring, summary.figures.scored));
  return json;
}

Json baselines_json(const EvaluationSummary& summary) {
  Json json = Json::array();
  const EvaluationFigures& figures = summary.figures;
  for (std::size_t i = 0; i < figures.baselines.size(); ++i) {
    const BaselineFigures& baseline = figures.baselines[i];
    Json one = ranker_json(baseline, summary);
    one["model_minus"] = mean_json(baseline.model_minus);
    one["ratio"] = {{"value", rounded(ratio(figures.model, baseline))},
                    {"low", rounded(summary.ratios[i].low)},
                    {"high", rounded(summary.ratios[i].high)}};
    json.push_back(std::move(one));
  }
  return json;
}

Json strata_json(const EvaluationFigures& figures) {
  Json json = Json::array();
  for (const Strata& strata : figures.strata) {
    Json parts = Json::array();
    for (const Stratum& stratum : strata.parts) {
      Json part = {{"name", stratum.name}};
      part.update(ranking_json(stratum.model));
      Json baselines = Json::array();
      for (const Mean& mean : stratum.baselines) baselines.push_back(rounded(mean.value()));
      part["baselines_ndcg_10"] = std::move(baselines);
      parts.push_back(std::move(part));
    }
    json.push_back({{"title", strata.title}, {"parts", std::move(parts)}});
  }
  return json;
}

Json curve_json(const LearningCurve& curve) {
  Json windows = Json::array();
  std::uint64_t scored = 0;
  for (const LearningCurve::Window& window : curve.windows()) {
    scored += window.count;
    Json means = Json::array();
    for (const double sum : window.sums) {
      means.push_back(rounded(sum / static_cast<double>(window.count)));
    }
    windows.push_back({{"scored", scored},
                       {"n", window.count},
                       {"until_ms", value(window.last)},
                       {"ndcg_10", std::move(means)}});
  }
  return windows;
}

template <std::size_t n>
Json attention_json(const std::array<SlateFindings::Bin, n>& bins) {
  Json json = Json::array();
  for (const SlateFindings::Bin& bin : bins) {
    const auto count = static_cast<double>(bin.count);
    json.push_back(
        {{"n", bin.count}, {"mean", bin.count == 0 ? Json() : rounded(bin.sum / count)}});
  }
  return json;
}

template <std::size_t n>
Json calibration_json(const std::array<SlateFindings::Bin, n>& bins) {
  Json json = Json::array();
  for (const SlateFindings::Bin& bin : bins) {
    if (bin.count == 0) continue;
    const auto count = static_cast<double>(bin.count);
    json.push_back({{"n", bin.count},
                    {"predicted", rounded(bin.sum / count)},
                    {"chosen", rounded(static_cast<double>(bin.chosen) / count)}});
  }
  return json;
}

Json findings_json(const SlateFindings& slates) {
  return {{"probability", calibration_json(slates.probabilities())},
          {"calibration", calibration_json(slates.calibration())},
          {"attention_by_position", attention_json(slates.by_position())},
          {"attention_by_gap", attention_json(slates.by_gap())}};
}

}  // namespace

EvaluationSummary summarise(const Config& config, const EvaluateOptions& options,
                            const Evaluation& evaluation) {
  const auto stats = evaluation.learner().stats();
  EvaluationSummary summary;
  summary.topology = config.name;
  summary.options = options;
  summary.parts = config.model.parts;
  summary.half_life_s = config.model.half_life_s;
  summary.figures = evaluation.figures();
  summary.ratios = summary.figures.paired.ratio_intervals();
  summary.model_items = stats.items;
  summary.examples = stats.examples;
  summary.model_id = evaluation.learner().stamp().model_id;
  summary.digest = evaluation.learner().digest();
  return summary;
}

std::string running_figures(const EvaluationFigures& figures) {
  std::string text = fmt::format("NDCG@10 {:.4f}", figures.model.ranking.ndcg_10.value());
  const auto best = std::max_element(figures.baselines.begin(), figures.baselines.end(),
                                     [](const BaselineFigures& a, const BaselineFigures& b) {
                                       return a.ranking.ndcg_10.value() < b.ranking.ndcg_10.value();
                                     });
  if (best == figures.baselines.end()) return text;
  return text + fmt::format(", {} {:.4f}, ratio {:.3f}", best->name, best->ranking.ndcg_10.value(),
                            ratio(figures.model, *best));
}

std::string evaluation_table(const EvaluationSummary& summary) {
  const EvaluationFigures& figures = summary.figures;
  const EvaluateOptions& options = summary.options;
  std::string text =
      fmt::format("{}{}: {} events, {} eligible, every {}. scored: {}; view published {}\n",
                  summary.topology, parts_text(summary.parts), figures.events, figures.eligible,
                  options.every, figures.scored, publish_text(options.publish_every));
  std::size_t width = figures.model.name.size();
  for (const BaselineFigures& baseline : figures.baselines) {
    width = std::max(width, baseline.name.size());
  }
  text += fmt::format("  {:<{}} {:<15}  {:<15}  {:<6}  {:<6}  {:<5}  {:<5}  {:>5}  {:>6} {:>6}", "",
                      width, "NDCG@10 (s.e.)", "HR@10 (s.e.)", "HR@20", "MRR@20", "cover", "Gini",
                      "bits", "learn", "score");
  text += "    fovea / it (95 %)      fovea - it (s.e.)\n";
  const auto ranker = [&](const RankerFigures& one) {
    return row(one.name, width, one.ranking) + exposure_text(one, figures) +
           cost_text(one, figures.choices, figures.scored);
  };
  text += ranker(figures.model) + "\n";
  for (std::size_t i = 0; i < figures.baselines.size(); ++i) {
    text += ranker(figures.baselines[i]) + ratio_text(summary, i) + "\n";
  }
  for (const Strata& strata : figures.strata) {
    text += strata.title + "\n";
    for (const Stratum& stratum : strata.parts) {
      if (stratum.model.ndcg_10.count() == 0) continue;
      text += row(stratum.name, width, stratum.model) +
              fmt::format("   n {}\n", stratum.model.ndcg_10.count());
    }
  }
  if (figures.unknown_to_view > 0) {
    text += fmt::format("{} of the scored items were not in the view yet (misses)\n",
                        figures.unknown_to_view);
  }
  text += fmt::format(
      "{} items, {} examples; microseconds a choice and a scored event on one core, {} kernels; "
      "intervals from {} users\n"
      "model {:016x}, digest {:016x}\n",
      summary.model_items, summary.examples, scorer::name(options.kernels), figures.paired.users(),
      summary.model_id, summary.digest);
  return text;
}

std::string evaluation_json(const EvaluationSummary& summary) {
  const EvaluationFigures& figures = summary.figures;
  const EvaluateOptions& options = summary.options;
  const scorer::Parts& parts = summary.parts;
  Json json = {
      {"topology", summary.topology},
      {"half_life_s", summary.half_life_s},
      {"events", figures.events},
      {"eligible", figures.eligible},
      {"every", options.every},
      {"scored", figures.scored},
      {"users", figures.paired.users()},
      {"items", figures.items},
      {"publish_every",
       {{"time_ms", options.publish_every.time_ms}, {"events", options.publish_every.events}}},
      {"parts",
       {{"learning", parts.learning},
        {"attention", parts.attention},
        {"memory", parts.memory},
        {"pairs", parts.pairs},
        {"neighbours", parts.neighbours},
        {"repeat", parts.repeat},
        {"content", parts.content},
        {"ranking", parts.ranking}}},
      {"model", ranker_json(figures.model, summary)},
      {"baselines", baselines_json(summary)},
      {"strata", strata_json(figures)},
      {"curve", curve_json(figures.curve)},
      {"slates", findings_json(figures.slates)},
      {"unknown_to_view", figures.unknown_to_view},
      {"examples", summary.examples},
      {"kernels", scorer::name(options.kernels)},
      {"model_id", fmt::format("{:016x}", summary.model_id)},
      {"digest", fmt::format("{:016x}", summary.digest)}};
  return json.dump() + "\n";
}

}  // namespace fovea::topologies
