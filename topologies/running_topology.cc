#include "topologies/running_topology.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "profile_store/rocksdb_profile_store.h"
#include "topologies/learner_thread.h"
#include "topologies/local_state.h"
#include "topologies/log.h"
#include "topologies/metrics.h"
#include "topologies/standby.h"
#include "topologies/withdrawn_items.h"
#include "topologies/worker.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kAskTimeout{5'000};

std::optional<milliseconds> tombstones_kept(const std::vector<ingest::TopicDescription>& found,
                                            const std::string& changelog) {
  for (const ingest::TopicDescription& topic : found) {
    const auto config = topic.config.find("delete.retention.ms");
    if (topic.name != changelog || config == topic.config.end()) continue;
    std::int64_t kept = 0;
    const char* const end = config->second.data() + config->second.size();
    if (std::from_chars(config->second.data(), end, kept).ptr == end) return milliseconds(kept);
  }
  return std::nullopt;
}

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
  return Cluster{*id, partitions[input], tombstones_kept(*found, topics.profiles),
                 partitions[input] == partitions[topics.recommendations]};
}

// What this process had open when it was killed hides the end of the learning log until the broker
// gives it up, ten to twenty seconds later, or the ids are taken over. Workers do so when they
// join.
Result<void> settle_own_transactions(const Config& config, const ingest::KafkaSettings& kafka,
                                     const Patience& patience) {
  if (config.delivery.mode != DeliveryMode::kExactlyOnce) return {};
  for (std::int32_t i = 0; i < config.workers; ++i) {
    const std::string id = transactional_id(config, worker_name(config, i));
    auto settled = keep_trying(patience, "transactions", [&] {
      return ingest::open_kafka_transactional_sink(kafka, id, kAskTimeout);
    });
    if (!settled) return settled.error();
  }
  return {};
}

// A process that starts from nothing beside a log that has something in it does not join before it
// has learned what the others know. With a snapshot it serves at once.
Result<void> await_model(const Config& config, const ingest::KafkaSettings& kafka,
                         const LearnerThread& learner, const Patience& patience) {
  const LearnerLoop& loop = learner.loop();
  if (loop.restored() || loop.caught_up()) return {};
  if (auto settled = settle_own_transactions(config, kafka, patience); !settled) return settled;
  auto said_at = steady_clock::now();
  while (!loop.caught_up() && !patience.stopping) {
    if (const auto failure = learner.failure()) return *failure;
    std::this_thread::sleep_for(milliseconds(20));
    if (steady_clock::now() - said_at < seconds(3)) continue;
    said_at = steady_clock::now();
    log_info(fmt::format("learning from {}, position {}", config.topics.learning, loop.position()));
  }
  return {};
}

// One thread a worker; the first failure is kept.
class Crew {
 public:
  // A dynamic member leaves the group at its end; a static one is waited for.
  Crew(const WorkerShared& shared, bool leave) {
    for (std::int32_t i = 0; i < shared.config.workers; ++i) {
      const std::string name = worker_name(shared.config, i);
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

  [[nodiscard]] PipelineCounts counts() const {
    PipelineCounts sum;
    for (const auto& worker : workers_) add(worker->counts(), sum);
    return sum;
  }

 private:
  std::vector<std::unique_ptr<Worker>> workers_;
  std::vector<std::thread> threads_;
  mutable std::mutex mutex_;
  std::optional<Error> failure_;  // guarded by mutex_
};

// The standby on its thread.
class Keeper {
 public:
  explicit Keeper(const ProcessShared& shared)
      : standby_(shared), thread_([this] { standby_.run(); }) {}
  ~Keeper() {
    stop();
    thread_.join();
  }
  void stop() { standby_.stop(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

 private:
  Standby standby_;
  std::thread thread_;
};

}  // namespace

// In the order of their making; they end the other way round.
class RunningTopology::Parts {
 public:
  ~Parts() {
    if (metrics) metrics->watch_store(nullptr);
  }

  Metrics* metrics = nullptr;
  std::unique_ptr<profile_store::ProfileStore> store;
  std::unique_ptr<LearnerThread> learner;
  PartitionClaims claims;
  WithdrawnItems withdrawn;
  std::unique_ptr<Crew> crew;
  std::unique_ptr<Keeper> keeper;  // where asked for
};

Result<Cluster> await_cluster(const Config& config, const ingest::KafkaSettings& kafka,
                              const Patience& patience) {
  auto admin = ingest::open_kafka_admin(kafka);
  if (!admin) return admin.error();
  return keep_trying(patience, "start", [&] { return examine_cluster(config, **admin); });
}

RunningTopology::RunningTopology(std::unique_ptr<Parts> parts) : parts_(std::move(parts)) {}

RunningTopology::~RunningTopology() {
  static_cast<void>(stop());
}

Result<std::unique_ptr<RunningTopology>> RunningTopology::start(
    const Config& config, const ingest::KafkaSettings& kafka, const Cluster& cluster,
    const Clock& clock, const Patience& patience, bool leave, Metrics* metrics) {
  const auto set_phase = [metrics](const std::string& phase) {
    if (metrics) metrics->set_phase(phase);
  };
  auto parts = std::make_unique<Parts>();
  parts->metrics = metrics;
  set_phase("opening the profile store");
  auto store =
      profile_store::open_rocksdb_profile_store({profiles_directory(config),
                                                 {config.name, config.group_id, cluster.id},
                                                 config.state.memory_bytes});
  if (!store) return store.error();
  parts->store = *std::move(store);
  if (metrics) metrics->watch_store(parts->store.get());
  set_phase("restoring the model");
  LearnerSettings learning{kafka, config.instance_id, model_directory(config)};
  learning.clock = &clock;
  learning.metrics = metrics;
  auto learner = LearnerThread::start(config, std::move(learning), patience);
  if (patience.stopping) return std::unique_ptr<RunningTopology>();
  if (!learner) return learner.error();
  parts->learner = *std::move(learner);
  set_phase("learning what the learning log holds");
  if (const auto ready = await_model(config, kafka, *parts->learner, patience); !ready) {
    return ready.error();
  }
  if (patience.stopping) return std::unique_ptr<RunningTopology>();

  const ProcessShared shared{config,
                             kafka,
                             ingest::kafka_clients(),
                             clock,
                             *parts->store,
                             parts->claims,
                             cluster.input_partitions,
                             metrics,
                             cluster.tombstones_kept};
  parts->crew =
      std::make_unique<Crew>(WorkerShared{shared, parts->learner->loop(), parts->withdrawn,
                                          cluster.slates_by_input_partition},
                             leave);
  if (config.state.standby) parts->keeper = std::make_unique<Keeper>(shared);
  set_phase("");
  return std::unique_ptr<RunningTopology>(new RunningTopology(std::move(parts)));
}

Result<void> RunningTopology::stop() {
  if (parts_->metrics) parts_->metrics->set_phase("stopping");
  if (parts_->keeper) parts_->keeper->stop();
  parts_->crew->stop();
  parts_->keeper.reset();
  parts_->learner->stop();
  if (const auto failed = failure()) return *failed;
  return {};
}

std::optional<Error> RunningTopology::failure() const {
  if (auto failed = parts_->crew->failure()) return failed;
  return parts_->learner->failure();
}

PipelineCounts RunningTopology::counts() const {
  return parts_->crew->counts();
}

const LearnerLoop& RunningTopology::learner() const {
  return parts_->learner->loop();
}

std::string RunningTopology::status() const {
  const PipelineCounts sum = counts();
  std::uint64_t dead_letters = 0;
  for (const auto& [reason, count] : sum.dead_letters) dead_letters += count;
  return fmt::format(
      "{} events, {} recommendations covering {} of {} scorable events ({} triggers held), {} dead "
      "letters, model at {}",
      sum.events, sum.recommendations, sum.covered, sum.scorable, sum.held, dead_letters,
      learner().position());
}

}  // namespace fovea::topologies
