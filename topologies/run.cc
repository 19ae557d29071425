// fovea run: the topology against Kafka, until it is told to stop.

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>

#include "ingest/kafka.h"
#include "topologies/commands.h"
#include "topologies/dry_run.h"
#include "topologies/embedded_cluster.h"
#include "topologies/log.h"
#include "topologies/metrics.h"
#include "topologies/metrics_server.h"
#include "topologies/patience.h"
#include "topologies/running_topology.h"
#include "topologies/stop_signal.h"
#include "vocab/clock.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStatusInterval{10};

Result<void> check_runnable(const Config& config) {
  if (config.topics.input.size() != 1) {
    return stop(fmt::format("input.topics names {} topics: exactly one can be consumed directly",
                            config.topics.input.size()));
  }
  if (!config.keyed_by_user) {
    return stop(
        "input.keyed_by_user = false: input that is not keyed by user cannot be re-keyed yet");
  }
  return {};
}

Result<void> supervise(const RunningTopology& running, const std::atomic<bool>& stopping) {
  auto said_at = steady_clock::now();
  std::string said;
  while (!stopping) {
    std::this_thread::sleep_for(milliseconds(50));
    if (const auto failure = running.failure()) return *failure;
    if (steady_clock::now() - said_at < kStatusInterval) continue;
    said_at = steady_clock::now();
    std::string line = running.status();
    if (line != said) log_info(line);
    said = std::move(line);
  }
  return {};
}

}  // namespace

Result<void> run(const Config& config_in, const RunOptions& options) {
  Config config = config_in;
  if (options.from) config.start = *options.from;
  if (const auto runnable = check_runnable(config); !runnable) return runnable;

  const std::atomic<bool>& stopping = stop_on_signals();
  std::unique_ptr<EmbeddedCluster> embedded;
  if (config.transport == Transport::kEmbedded) {
    auto started = EmbeddedCluster::start(config);
    if (!started) return started.error();
    embedded = *std::move(started);
    config = embedded->config();
    for (const std::string& line : embedded->directions()) log_info(line);
  }
  ingest::KafkaSettings kafka;
  kafka.properties = config.kafka;
  kafka.log = [](const std::string& line) { log_warning(line); };
  const Patience patience{stopping, options.fail_fast};
  const SystemClock clock;

  Metrics metrics(config.name, clock, "waiting for a broker");
  std::unique_ptr<HttpServer> server;
  if (!options.dry_run) {
    auto served = serve_metrics(config, metrics);
    if (!served) return served.error();
    server = *std::move(served);
  }

  const auto cluster = await_cluster(config, kafka, patience);
  if (stopping) return {};
  if (!cluster) return cluster.error();
  if (options.dry_run) return dry_run(config, kafka, clock, stopping);

  auto running = RunningTopology::start(config, kafka, *cluster, clock, patience,
                                        options.leave || embedded != nullptr, &metrics);
  if (!running) return running.error();
  if (*running == nullptr) return {};
  log_info(fmt::format("{}: reading {}", config.name, config.topics.input.front()));
  auto ended = supervise(**running, stopping);
  if (ended) log_info("stopping: committing what is open");
  auto stopped = (*running)->stop();
  if (ended) ended = std::move(stopped);
  log_info("stopped: " + (*running)->status());
  return ended;
}

}  // namespace fovea::topologies
