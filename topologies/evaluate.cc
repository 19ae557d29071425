// fovea evaluate: test, then learn, over a log.

#include <fmt/format.h>

#include <cstdio>
#include <limits>
#include <utility>

#include "ingest/file_sink.h"
#include "ingest/file_source.h"
#include "topologies/commands.h"
#include "topologies/count_lines.h"
#include "topologies/evaluation.h"
#include "topologies/evaluation_report.h"
#include "topologies/progress.h"
#include "topologies/trigger_evaluation.h"

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;

constexpr std::size_t kReadRecords = 1000;
constexpr auto kFileTimeout = std::chrono::milliseconds(1000);

// Calls `on_record` for each line of `path` until it answers false.
template <class OnRecord>
Result<void> read_file(const std::string& path, const std::string& topic, OnRecord on_record) {
  auto source = ingest::open_file_source(path, topic);
  if (!source) return source.error();
  std::vector<SourceRecord> batch;
  while (!(*source)->finished()) {
    batch.clear();
    if (auto polled = (*source)->poll(batch, kReadRecords, kFileTimeout); !polled) return polled;
    for (const SourceRecord& record : batch) {
      Result<bool> more = on_record(record);
      if (!more) return more.error();
      if (!*more) return {};
    }
  }
  return {};
}

Result<void> learn_catalogue(const Config& config, const std::string& path,
                             Evaluation& evaluation) {
  auto codec = ingest::ItemCodec::create(config.items);
  if (!codec) return codec.error();
  return read_file(path, config.topics.items, [&](const SourceRecord& record) -> Result<bool> {
    auto change = codec->decode(record);
    if (!change) {
      return stop(fmt::format("{}: line {}: {}", path, record.offset + 1, change.error().message));
    }
    SourceCoordinates at{std::string(record.topic), record.partition, record.offset, 0};
    auto learned = evaluation.learn_item(*std::move(change), std::move(at));
    if (!learned) return learned.error();
    return true;
  });
}

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
  return read_file(options.events, config.topics.input.front(), on_record);
}

Result<void> write_json(const std::string& path, const std::string& json) {
  std::FILE* file = std::fopen(path.c_str(), "wb");
  if (file == nullptr) return stop(path + " cannot be written");
  const bool whole = std::fwrite(json.data(), 1, json.size(), file) == json.size();
  if (std::fclose(file) != 0 || !whole) return stop(path + " cannot be written to its end");
  return {};
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

  Evaluation::Settings settings;
  settings.every = options.every;
  settings.publish_every = options.publish_every;
  settings.baselines = options.baselines;
  settings.only_chosen = !options.items.empty() || !config.model.negative.empty();
  settings.kernels = options.kernels;
  auto evaluation = Evaluation::create(config, settings);
  if (!evaluation) return evaluation.error();

  if (!options.items.empty()) {
    if (auto learned = learn_catalogue(config, options.items, *evaluation); !learned) {
      return learned;
    }
  }
  std::uint64_t total = count_lines(options.events);
  if (options.limit && total > 0) {
    total = std::min(total, static_cast<std::uint64_t>(*options.limit));
  }
  Progress progress("evaluate", total, [&evaluation] {
    const EvaluationFigures& figures = evaluation->figures();
    std::string text = fmt::format("NDCG@10 {:.4f}", figures.model.ndcg_10.value());
    for (const BaselineFigures& baseline : figures.baselines) {
      text += fmt::format("  {} {:.4f}", baseline.name, baseline.figures.ndcg_10.value());
    }
    return text;
  });
  Skipped skipped;
  if (auto read = step_events(config, options, *evaluation, progress, skipped); !read) return read;
  progress.finish();
  if (skipped.records > 0) {
    fmt::print(stderr, "{} records are not events and were left out, the first: {}\n",
               skipped.records, skipped.first);
  }

  fmt::print("{}", evaluation_table(config, options, *evaluation));
  if (options.json.empty()) return {};
  return write_json(options.json, evaluation_json(config, options, *evaluation));
}

}  // namespace fovea::topologies
