// fovea run: the topology against Kafka, until it is told to stop.

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
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
#include "topologies/rekeyer.h"
#include "topologies/running_topology.h"
#include "topologies/stop_signal.h"
#include "vocab/clock.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStatusInterval{10};

Result<void> check_runnable(const Config& config, const RunOptions& options) {
  if (config.keyed_by_user && config.topics.input.size() != 1) {
    return stop(
        fmt::format("input.topics names {} topics: keyed by user, exactly one can be "
                    "consumed; input.keyed_by_user = false re-keys them into one",
                    config.topics.input.size()));
  }
  if (!config.keyed_by_user && options.dry_run) {
    return stop("--dry-run writes nothing, so it cannot re-key: input.keyed_by_user = false");
  }
  return {};
}

// Re-keys on a thread of its own, where the input asks for it.
class Rekeying {
 public:
  Rekeying(const Config& config, const ingest::KafkaSettings& kafka, const Clock& clock,
           Metrics& metrics, bool leave) {
    if (config.keyed_by_user) return;
    const std::string name = "rekey-" + config.instance_id;
    auto made = Rekeyer::create({config, kafka, ingest::kafka_clients(), clock, &metrics}, name,
                                leave ? "" : name);
    if (!made) {
      ended_ = made.error();
      return;
    }
    rekeyer_ = *std::move(made);
    thread_ = std::thread([this] {
      auto ended = rekeyer_->run();
      const std::lock_guard lock(mutex_);
      ended_ = std::move(ended);
    });
  }
  ~Rekeying() { stop(); }
  Rekeying(const Rekeying&) = delete;
  Rekeying& operator=(const Rekeying&) = delete;

  void stop() {
    if (rekeyer_) rekeyer_->stop();
    if (thread_.joinable()) thread_.join();
  }
  [[nodiscard]] std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return ended_ ? std::nullopt : std::optional(ended_.error());
  }

 private:
  std::unique_ptr<Rekeyer> rekeyer_;
  mutable std::mutex mutex_;
  Result<void> ended_;  // guarded by mutex_
  std::thread thread_;
};

Result<void> supervise(const RunningTopology& running, const Rekeying& rekeying,
                       const std::atomic<bool>& stopping) {
  auto said_at = steady_clock::now();
  std::string said;
  while (!stopping) {
    std::this_thread::sleep_for(milliseconds(50));
    if (const auto failure = running.failure()) return *failure;
    if (const auto failure = rekeying.failure()) return *failure;
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
  if (const auto runnable = check_runnable(config, options); !runnable) return runnable;

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
  // Each of a process's clients says it when a broker is away.
  kafka.log = [](const std::string& line) { log_limited(LogLevel::kWarning, line, line); };
  const Patience patience{stopping, options.fail_fast};
  const SystemClock clock;

  Metrics metrics(config.name, clock, "waiting for a broker");
  std::unique_ptr<HttpServer> server;
  if (!options.dry_run) {
    auto served = serve_metrics(config, metrics);
    if (!served) return served.error();
    server = *std::move(served);
  }

  const Config tasks = config_of_tasks(config);
  const auto cluster = await_cluster(tasks, kafka, patience);
  if (stopping) return {};
  if (!cluster) return cluster.error();
  if (options.dry_run) return dry_run(config, kafka, clock, stopping);

  const bool leave = options.leave || embedded != nullptr;
  auto running = RunningTopology::start(tasks, kafka, *cluster, clock, patience, leave, &metrics);
  if (!running) return running.error();
  if (*running == nullptr) return {};
  Rekeying rekeying(config, kafka, clock, metrics, leave);
  log_info(fmt::format("{}: reading {}", config.name, fmt::join(config.topics.input, ", ")));
  auto ended = supervise(**running, rekeying, stopping);
  if (ended) log_info("stopping: committing what is open");
  rekeying.stop();
  auto stopped = (*running)->stop();
  if (ended) ended = std::move(stopped);
  log_info("stopped: " + (*running)->status());
  return ended;
}

}  // namespace fovea::topologies
