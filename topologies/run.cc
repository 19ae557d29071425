// fovea run: the topology against Kafka, until it is told to stop.

#include <fmt/format.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "ingest/kafka.h"
#include "profile_store/rocksdb_profile_store.h"
#include "topologies/commands.h"
#include "topologies/dry_run.h"
#include "topologies/learner_thread.h"
#include "topologies/local_state.h"
#include "topologies/log.h"
#include "topologies/patience.h"
#include "topologies/stop_signal.h"
#include "topologies/worker.h"
#include "vocab/clock.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kAskTimeout{5'000};
constexpr seconds kStatusInterval{10};

struct Cluster {
  std::string id;
  std::int32_t input_partitions = 0;
};

Result<Cluster> examine_cluster(const Config& config, ingest::KafkaAdmin& admin) {
  auto id = admin.cluster_id(kAskTimeout);
  if (!id) return id.error();
  const TopicNames& topics = config.topics;
  const std::string input = topics.input.front();
  const std::vector<std::string> needed{
      input,           topics.items,           topics.learning,
      topics.profiles, topics.recommendations, topics.dead_letter};
  auto found = admin.describe(needed, kAskTimeout);
  if (!found) return found.error();
  std::map<std::string, std::int32_t> partitions;
  for (const ingest::TopicDescription& topic : *found) partitions[topic.name] = topic.partitions;
  for (const std::string& name : needed) {
    if (!partitions.contains(name)) {
      return stop(
          fmt::format("topic {} does not exist: fovea topics create makes what is missing", name));
    }
  }
  if (partitions[topics.learning] != 1) {
    return stop(fmt::format("topic {} has {} partitions, it must have 1: one order for all",
                            topics.learning, partitions[topics.learning]));
  }
  if (partitions[input] != partitions[topics.profiles]) {
    return stop(
        fmt::format("topic {} has {} partitions and {} has {}: they must have the same number",
                    input, partitions[input], topics.profiles, partitions[topics.profiles]));
  }
  return Cluster{*id, partitions[input]};
}

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

// A process that starts from nothing beside a log that has something in it does not join before it
// has learned what the others know. With a snapshot it serves at once.
Result<void> await_model(const Config& config, const LearnerThread& learner,
                         const std::atomic<bool>& stopping) {
  if (learner.restored()) return {};
  auto said_at = steady_clock::now();
  while (!learner.caught_up() && !stopping) {
    if (const auto failure = learner.failure()) return *failure;
    std::this_thread::sleep_for(milliseconds(20));
    if (steady_clock::now() - said_at < seconds(3)) continue;
    said_at = steady_clock::now();
    log_info(
        fmt::format("learning from {}, position {}", config.topics.learning, learner.position()));
  }
  return {};
}

std::string status_line(const std::vector<std::unique_ptr<Worker>>& workers,
                        const LearnerThread& learner) {
  std::uint64_t events = 0;
  std::uint64_t recommendations = 0;
  std::uint64_t covered = 0;
  std::uint64_t scorable = 0;
  std::uint64_t held = 0;
  std::uint64_t dead_letters = 0;
  for (const auto& worker : workers) {
    const PipelineCounts counts = worker->counts();
    events += counts.events;
    recommendations += counts.recommendations;
    covered += counts.covered;
    scorable += counts.scorable;
    held += counts.held;
    for (const auto& [reason, count] : counts.dead_letters) dead_letters += count;
  }
  return fmt::format(
      "{} events, {} recommendations covering {} of {} scorable events ({} triggers held), {} dead "
      "letters, model at {}",
      events, recommendations, covered, scorable, held, dead_letters, learner.position());
}

// One thread a worker; the first failure stops all.
class Crew {
 public:
  // A dynamic member leaves the group at its end; a static one is waited for.
  Crew(const WorkerShared& shared, bool leave) {
    for (std::int32_t i = 0; i < shared.config.workers; ++i) {
      const std::string name = fmt::format("{}-{}", shared.config.instance_id, i);
      workers_.push_back(std::make_unique<Worker>(shared, name, leave ? "" : name));
    }
    for (const auto& worker : workers_) {
      threads_.emplace_back([this, raw = worker.get()] {
        const auto ended = raw->run();
        if (ended) return;
        const std::lock_guard lock(mutex_);
        if (!failure_) failure_ = ended.error();
      });
    }
  }
  ~Crew() { stop(); }
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void stop() {
    for (const auto& worker : workers_) worker->stop();
    for (std::thread& thread : threads_) {
      if (thread.joinable()) thread.join();
    }
  }

  [[nodiscard]] std::optional<Error> failure() const {
    const std::lock_guard lock(mutex_);
    return failure_;
  }
  [[nodiscard]] const std::vector<std::unique_ptr<Worker>>& workers() const { return workers_; }

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_
};

Result<void> supervise(const Crew& crew, const LearnerThread& learner,
                       const std::atomic<bool>& stopping) {
  auto said_at = steady_clock::now();
  std::string said;
  while (!stopping) {
    std::this_thread::sleep_for(milliseconds(50));
    if (const auto failure = crew.failure()) return *failure;
    if (const auto failure = learner.failure()) return *failure;
    if (steady_clock::now() - said_at < kStatusInterval) continue;
    said_at = steady_clock::now();
    std::string line = status_line(crew.workers(), learner);
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
  const ingest::KafkaSettings kafka{config.kafka,
                                    [](const std::string& line) { log_warning(line); }};
  const Patience patience{stopping, options.fail_fast};
  const SystemClock clock;

  auto admin = ingest::open_kafka_admin(kafka);
  if (!admin) return admin.error();
  auto cluster = keep_trying(patience, "start", [&] { return examine_cluster(config, **admin); });
  if (stopping) return {};
  if (!cluster) return cluster.error();
  if (options.dry_run) return dry_run(config, kafka, clock, stopping);

  auto store =
      profile_store::open_rocksdb_profile_store({profiles_directory(config),
                                                 {config.name, config.group_id, cluster->id},
                                                 config.state.memory_bytes});
  if (!store) return store.error();
  auto learner =
      LearnerThread::start(config, {kafka, config.instance_id, model_directory(config)}, patience);
  if (stopping) return {};
  if (!learner) return learner.error();
  if (const auto ready = await_model(config, **learner, stopping); !ready) return ready;
  if (stopping) return {};

  WithdrawnItems withdrawn;
  const WorkerShared shared{
      config, kafka, clock, **store, **learner, withdrawn, cluster->input_partitions};
  Crew crew(shared, options.leave);
  log_info(fmt::format("{}: reading {}", config.name, config.topics.input.front()));
  auto ended = supervise(crew, **learner, stopping);
  if (ended) log_info("stopping: committing what is open");
  crew.stop();
  if (const auto failure = crew.failure(); failure && ended) ended = *failure;
  (*learner)->stop();
  log_info("stopped: " + status_line(crew.workers(), **learner));
  return ended;
}

}  // namespace fovea::topologies
