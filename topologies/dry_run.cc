#include "topologies/dry_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <vector>

#include "topologies/local_topology.h"
#include "topologies/log.h"
#include "topologies/output_records.h"

namespace fovea::topologies {
namespace {

constexpr std::chrono::milliseconds kPollTimeout{100};

class AnyStart final : public ingest::AssignmentListener {
 public:
  Result<std::vector<ingest::TopicPosition>> on_assigned(
      const std::vector<ingest::AssignedPartition>&) override {
    return std::vector<ingest::TopicPosition>();
  }
  void on_revoked(const std::vector<ingest::TopicPartition>&, bool) override {}
};

void print(const Config& config, const Effects& effects) {
  for (const Recommendation& recommendation : effects.recommendations) {
    fmt::print("{}\n", *recommendation_record(config, recommendation).value);
  }
  for (const ingest::OutputRecord& dead_letter : effects.dead_letters) {
    std::string line = "dead letter";
    for (const auto& [name, value] : dead_letter.headers)
      line += fmt::format(" {}={}", name, value);
    log_limited(LogLevel::kWarning, "dead letter", line);
  }
  std::fflush(stdout);
}

}  // namespace

Result<void> dry_run(const Config& config, const ingest::KafkaSettings& kafka, const Clock& clock,
                     const std::atomic<bool>& stopping) {
  LocalSettings settings;
  settings.clock = &clock;
  auto local = LocalTopology::create(config, settings);
  if (!local) return local.error();

  AnyStart listener;
  ingest::ConsumerSettings consumer;
  consumer.topics = config.topics.input;
  consumer.topics.push_back(config.topics.items);
  consumer.group_id = fmt::format("{}-dry-run-{}", config.group_id, ::getpid());
  consumer.start = config.start;
  auto source = ingest::open_kafka_source(kafka, consumer, listener);
  if (!source) return source.error();

  std::vector<ingest::SourceRecord> batch;
  while (!stopping) {
    batch.clear();
    auto polled = (*source)->poll(batch, config.delivery.batch_records_max, kPollTimeout);
    if (!polled) {
      if (polled.error().disposition == Disposition::kStop) return polled;
      log_limited(LogLevel::kWarning, "input", "input: " + polled.error().message);
    }
    if (batch.empty()) continue;
    const auto effects = local->step(batch);
    if (!effects) return effects.error();
    print(config, *effects);
  }
  const PipelineCounts& counts = local->counts();
  log_info(fmt::format("dry run: {} events, {} recommendations, nothing was written", counts.events,
                       counts.recommendations));
  return {};
}

}  // namespace fovea::topologies
