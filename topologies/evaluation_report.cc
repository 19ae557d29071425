#include "topologies/evaluation_report.h"

#include <fmt/format.h>

#include "scorer/kernels.h"

namespace fovea::topologies {
namespace {

std::string publish_text(const PublishEvery& every) {
  if (every.time_ms > 0) return fmt::format("every {} ms of stream time", every.time_ms);
  if (every.events > 0) return fmt::format("every {} events", every.events);
  return "after every event";
}

std::string parts_text(const scorer::Parts& parts) {
  std::string text;
  if (!parts.learning) text += " without learning";
  if (!parts.attention) text += " without attention";
  if (!parts.memory) text += " without memory";
  return text;
}

std::string row(const std::string& name, const RankingFigures& figures) {
  return fmt::format("  {:<32} {:.4f} ({:.4f})  {:.4f} ({:.4f})  {:.4f}  {:.4f}", name,
                     figures.ndcg_10.value(), figures.ndcg_10.error(), figures.hr_10.value(),
                     figures.hr_10.error(), figures.hr_20.value(), figures.mrr_20.value());
}

double microseconds_each(std::chrono::nanoseconds total, std::uint64_t count) {
  if (count == 0) return 0;
  return std::chrono::duration<double, std::micro>(total).count() / static_cast<double>(count);
}

std::string mean_json(const std::string& name, const Mean& mean) {
  return fmt::format(R"("{}":{:.6f},"{}_error":{:.6f})", name, mean.value(), name, mean.error());
}

std::string figures_json(const RankingFigures& figures) {
  return fmt::format(R"("n":{},{},{},{},{})", figures.ndcg_10.count(),
                     mean_json("ndcg_10", figures.ndcg_10), mean_json("hr_10", figures.hr_10),
                     mean_json("hr_20", figures.hr_20), mean_json("mrr_20", figures.mrr_20));
}

std::string strata_json(const std::vector<Stratum>& strata) {
  std::string json;
  for (const Stratum& stratum : strata) {
    json += fmt::format(R"({}{{"name":"{}",{}}})", json.empty() ? "" : ",", stratum.name,
                        figures_json(stratum.figures));
  }
  return json;
}

}  // namespace

std::string evaluation_table(const Config& config, const EvaluateOptions& options,
                             const Evaluation& evaluation) {
  const EvaluationFigures& figures = evaluation.figures();
  std::string text =
      fmt::format("{}{}: {} events, {} eligible, every {}. scored: {}; view published {}\n",
                  config.name, parts_text(config.model.parts), figures.events, figures.eligible,
                  options.every, figures.scored, publish_text(options.publish_every));
  text += fmt::format("  {:<32} {:<15}  {:<15}  {:<6}  {:<6}\n", "", "NDCG@10 (s.e.)",
                      "HR@10 (s.e.)", "HR@20", "MRR@20");
  text += row("fovea", figures.model) + "\n";
  for (const BaselineFigures& baseline : figures.baselines) {
    text += row(baseline.name, baseline.figures) + fmt::format("   fovea {:+.4f} ({:.4f})\n",
                                                               baseline.model_minus.value(),
                                                               baseline.model_minus.error());
  }
  const auto section = [&text](const char* title, const std::vector<Stratum>& strata) {
    text += fmt::format("{}\n", title);
    for (const Stratum& stratum : strata) {
      if (stratum.figures.ndcg_10.count() == 0) continue;
      text += row(stratum.name, stratum.figures) +
              fmt::format("   n {}\n", stratum.figures.ndcg_10.count());
    }
  };
  section("by earlier choices of the item", figures.by_popularity);
  section("by length of the history", figures.by_history_length);
  if (figures.unknown_to_view > 0) {
    text += fmt::format("{} of the scored items were not in the view yet (misses)\n",
                        figures.unknown_to_view);
  }
  const auto stats = evaluation.learner().stats();
  text += fmt::format(
      "{} items, {} examples; learning {:.1f} us an example, ranking {:.1f} us an event ({}, one "
      "core)\nmodel {:016x}, digest {:016x}\n",
      stats.items, stats.examples, microseconds_each(figures.learning, stats.examples),
      microseconds_each(figures.scoring, figures.scored), scorer::name(options.kernels),
      evaluation.learner().stamp().model_id, evaluation.learner().digest());
  return text;
}

std::string evaluation_json(const Config& config, const EvaluateOptions& options,
                            const Evaluation& evaluation) {
  const EvaluationFigures& figures = evaluation.figures();
  const auto stats = evaluation.learner().stats();
  std::string baselines;
  for (const BaselineFigures& baseline : figures.baselines) {
    baselines +=
        fmt::format(R"({}{{"name":"{}",{},{}}})", baselines.empty() ? "" : ",", baseline.name,
                    figures_json(baseline.figures), mean_json("fovea_minus", baseline.model_minus));
  }
  return fmt::format(
      R"({{"topology":"{}","events":{},"eligible":{},"every":{},"scored":{},)"
      R"("publish_every":{{"time_ms":{},"events":{}}},)"
      R"("parts":{{"learning":{},"attention":{},"memory":{}}},"model":{{{}}},"baselines":[{}],)"
      R"("by_item_choices":[{}],"by_history_length":[{}],"unknown_to_view":{},"items":{},)"
      R"("examples":{},"learning_us":{:.2f},"ranking_us":{:.2f},"kernels":"{}",)"
      R"("model_id":"{:016x}","digest":"{:016x}"}})"
      "\n",
      config.name, figures.events, figures.eligible, options.every, figures.scored,
      options.publish_every.time_ms, options.publish_every.events, config.model.parts.learning,
      config.model.parts.attention, config.model.parts.memory, figures_json(figures.model),
      baselines, strata_json(figures.by_popularity), strata_json(figures.by_history_length),
      figures.unknown_to_view, stats.items, stats.examples,
      microseconds_each(figures.learning, stats.examples),
      microseconds_each(figures.scoring, figures.scored), scorer::name(options.kernels),
      evaluation.learner().stamp().model_id, evaluation.learner().digest());
}

}  // namespace fovea::topologies
