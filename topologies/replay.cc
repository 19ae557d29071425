// fovea replay: the topology from files to files, the same bytes for the same input.

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <optional>
#include <utility>

#include "ingest/file_sink.h"
#include "ingest/file_source.h"
#include "topologies/commands.h"
#include "topologies/count_lines.h"
#include "topologies/learning_log_file.h"
#include "topologies/local_topology.h"
#include "topologies/output_records.h"
#include "topologies/profile_json.h"
#include "topologies/progress.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;
using ingest::SourceRecord;

constexpr auto kFileTimeout = std::chrono::milliseconds(1000);

// Reads `source` to its end in batches of exactly `batch_max` records, the last one shorter: the
// cut into batches decides which events share a slate, so it must not depend on the reader.
template <class OnBatch>
Result<void> for_each_batch(ingest::Source& source, std::size_t batch_max, OnBatch on_batch) {
  std::vector<SourceRecord> batch;
  for (bool finished = false; !finished;) {
    batch.clear();
    while (batch.size() < batch_max && !source.finished()) {
      if (auto polled = source.poll(batch, batch_max - batch.size(), kFileTimeout); !polled) {
        return polled;
      }
    }
    finished = source.finished();
    if (batch.empty()) continue;
    if (auto done = on_batch(batch); !done) return done;
  }
  return {};
}

Result<void> append_effects(const Config& config, Effects& effects, ingest::Sink& sink) {
  for (const Recommendation& recommendation : effects.recommendations) {
    const auto record = recommendation_record(config, recommendation);
    if (auto appended = sink.append(record); !appended) return appended;
  }
  for (const OutputRecord& dead_letter : effects.dead_letters) {
    if (auto appended = sink.append(dead_letter); !appended) return appended;
  }
  return {};
}

Result<void> write_profiles(const std::string& path, profile_store::ProfileStore& store) {
  auto sink = ingest::open_file_sink({{"profiles", path}});
  if (!sink) return sink.error();
  const auto walked = store.for_each(
      [&sink](Partition partition, const UserId& user, const Profile& profile) -> Result<void> {
        OutputRecord record;
        record.topic = "profiles";
        record.value = encode_profile_json(partition, user, profile);
        return (*sink)->append(record);
      });
  if (!walked) return walked;
  return (*sink)->flush(kFileTimeout);
}

void print_summary(const Config& config, const LocalTopology& local, std::FILE* out) {
  const PipelineCounts& counts = local.counts();
  std::uint64_t dead_letters = 0;
  for (const auto& [reason, count] : counts.dead_letters) dead_letters += count;
  const auto stamp = local.learner().stamp();
  fmt::print(
      out,
      "{}: {} events, {} recommendations covering {} of {} scorable events, {} dead letters\n"
      "model {:016x} at position {}, {} examples, digest {:016x}\n",
      config.name, counts.events, counts.recommendations, counts.covered, counts.scorable,
      dead_letters, stamp.model_id, stamp.position, local.learner().stats().examples,
      local.learner().digest());
  for (const auto& [reason, count] : counts.dead_letters) {
    fmt::print(out, "dead letters, {}: {}\n", reason, count);
  }
}

}  // namespace

Result<void> replay(const Config& config, const ReplayOptions& options) {
  if (config.topics.input.empty()) return stop("input.topics is empty");

  LocalSettings settings;
  settings.kernels = options.kernels;
  std::optional<LearningLogFile> log;
  if (!options.learning_log.empty()) {
    auto created = LearningLogFile::create(options.learning_log);
    if (!created) return created.error();
    log = *std::move(created);
    settings.on_learning = [&log](const LearningRecord& record) { return log->append(record); };
  }
  auto local = LocalTopology::create(config, std::move(settings));
  if (!local) return local.error();

  std::map<std::string, std::string> paths{{config.topics.recommendations, options.out}};
  if (!options.dead_letter_out.empty()) {
    paths[config.topics.dead_letter] = options.dead_letter_out;
  }
  auto sink = ingest::open_file_sink(paths);
  if (!sink) return sink.error();

  Progress progress("replay", count_lines(options.items) + count_lines(options.events), [&] {
    return fmt::format("{} recommendations", local->counts().recommendations);
  });
  const auto on_batch = [&](const std::vector<SourceRecord>& batch) -> Result<void> {
    auto effects = local->step(batch);
    if (!effects) return effects.error();
    progress.advance(batch.size());
    return append_effects(config, *effects, **sink);
  };

  // The catalogue first: a log of events rarely says what the items are.
  const auto batch_max = static_cast<std::size_t>(config.view.publish_examples);
  const std::pair<std::string, std::string> inputs[] = {
      {options.items, config.topics.items}, {options.events, config.topics.input.front()}};
  for (const auto& [path, topic] : inputs) {
    if (path.empty()) continue;
    auto source = ingest::open_file_source(path, topic);
    if (!source) return source.error();
    if (auto read = for_each_batch(**source, batch_max, on_batch); !read) return read;
  }
  progress.finish();

  if (auto flushed = (*sink)->flush(kFileTimeout); !flushed) return flushed;
  if (log) {
    if (auto closed = log->close(); !closed) return closed;
  }
  if (!options.profiles_out.empty()) {
    if (auto written = write_profiles(options.profiles_out, local->store()); !written) {
      return written;
    }
  }
  // Where the recommendations are the output, the summary must not mix with them.
  print_summary(config, *local, options.out == "-" ? stderr : stdout);
  return {};
}

}  // namespace fovea::topologies
