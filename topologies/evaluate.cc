// fovea evaluate: test, then learn, over a log.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <utility>

#include "topologies/commands.h"
#include "topologies/count_lines.h"
#include "topologies/evaluation.h"
#include "topologies/evaluation_input.h"
#include "topologies/evaluation_page.h"
#include "topologies/evaluation_report.h"
#include "topologies/progress.h"
#include "topologies/trigger_evaluation.h"
#include "topologies/write_file.h"

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;

// Of the log, from its start: what baselines that tune themselves may see.
constexpr std::uint64_t kTuningPercent = 30;

struct Skipped {
  std::uint64_t records = 0;
  std::string first;
};

Result<void> step_events(const Config& config, const EvaluateOptions& options,
                         Evaluation& evaluation, Progress& progress, Skipped& skipped) {
  auto codec = ingest::EventCodec::create(config.mapping);
  if (!codec) return codec.error();
  const std::int64_t limit = options.limit.value_or(std::numeric_limits<std::int64_t>::max());
  std::int64_t events = 0;
  const auto on_record = [&](const SourceRecord& record) -> Result<bool> {
    if (events >= limit) return false;
    progress.advance();
    auto decoded = codec->decode(record);
    if (!decoded) {
      if (skipped.records++ == 0) {
        skipped.first = fmt::format("line {}: {}", record.offset + 1, decoded.error().message);
      }
      return true;
    }
    SourceCoordinates at{std::string(record.topic), record.partition, record.offset, 0};
    for (const Event& event : decoded->events) {
      if (events++ >= limit) return false;
      auto stepped = evaluation.step(event, at);
      if (!stepped) return stepped.error();
      ++at.ordinal;
    }
    return true;
  };
  return read_records(options.events, config.topics.input.front(), on_record);
}

// A model of other choices of random numbers, to see how much of a figure is luck.
Config with_options(const Config& config, const EvaluateOptions& options) {
  Config changed = config;
  changed.model.parts = options.parts;
  if (options.seed != 1) changed.model.topology += fmt::format("/seed-{}", options.seed);
  return changed;
}

}  // namespace

Result<void> evaluate(const Config& config_in, const EvaluateOptions& options) {
  const Config config = with_options(config_in, options);
  if (config.topics.input.empty()) return stop("input.topics is empty");
  if (!options.triggers.empty()) return evaluate_triggers(config, options);

  std::uint64_t total = count_lines(options.events);
  if (options.limit && total > 0) {
    total = std::min(total, static_cast<std::uint64_t>(*options.limit));
  }
  Evaluation::Settings settings;
  settings.tuning_events = total * kTuningPercent / 100;
  settings.every = options.every;
  settings.publish_every = options.publish_every;
  settings.baselines = options.baselines;
  settings.findings = !options.report.empty();
  settings.only_chosen = !options.items.empty() || !config.model.negative.empty();
  settings.kernels = options.kernels;
  auto evaluation = Evaluation::create(config, settings);
  if (!evaluation) return evaluation.error();

  if (!options.items.empty()) {
    if (auto learned = learn_catalogue(config, options.items, *evaluation); !learned) {
      return learned;
    }
  }
  Progress progress("evaluate", total,
                    [&evaluation] { return running_figures(evaluation->figures()); });
  Skipped skipped;
  if (auto read = step_events(config, options, *evaluation, progress, skipped); !read) return read;
  progress.finish();
  if (skipped.records > 0) {
    fmt::print(stderr, "{} records are not events and were left out, the first: {}\n",
               skipped.records, skipped.first);
  }

  const EvaluationSummary summary = summarise(config, options, *evaluation);
  fmt::print("{}", evaluation_table(summary));
  const std::string json = evaluation_json(summary);
  if (!options.json.empty()) {
    if (auto written = write_file(options.json, json); !written) return written;
  }
  if (options.report.empty()) return {};
  return write_report(options.report, json);
}

}  // namespace fovea::topologies
