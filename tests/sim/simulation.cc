#include "tests/sim/simulation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "ingest/keys.h"
#include "scorer/random.h"
#include "tests/sim/run_checks.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_disk.h"
#include "topologies/config.h"
#include "topologies/learner_loop.h"
#include "topologies/withdrawn_items.h"
#include "topologies/worker.h"

namespace fovea::sim {
namespace {

using namespace std::chrono_literals;
using topologies::Config;

constexpr std::int32_t kPartitions = 3;
constexpr std::size_t kMachines = 3;
// A run that has not come to rest after so many turns without a fault never will.
constexpr int kTurnsToRest = 20'000;
constexpr auto kRest = 30s;

Config small_model() {
  auto config = topologies::load_config_text(
      "name = \"t\"\n"
      "[events.learn]\npositive = [\"view\", \"like\"]\nnegative = [\"dislike\"]\n"
      "[emit]\non = [\"view\", \"like\"]\nmax_event_age = \"0\"\n"
      "[model]\ndim = 8\nnegatives = 8\nwarmup_examples = 20\n"
      "publish_budget = \"0\"\npair_rows = 64\nneighbour_ring = 256\n"
      "[learning]\nshed_lag = 0\n",
      ".");
  FOVEA_ASSERT(config.has_value());
  config->view.restart_target_ms = 0;  // a snapshot whenever one may be written
  return *std::move(config);
}

// The clients of one process.
class SimClients final : public ingest::ClientFactory {
 public:
  SimClients(SimCluster& cluster, ProcessId process) : cluster_(cluster), process_(process) {}
  Result<std::unique_ptr<ingest::Source>> open_source(
      const ingest::KafkaSettings&, const ingest::ConsumerSettings& consumer,
      ingest::AssignmentListener& listener) const override {
    return cluster_.open_source(consumer, listener, process_);
  }
  Result<std::unique_ptr<ingest::Sink>> open_sink(const ingest::KafkaSettings&) const override {
    return cluster_.open_sink(process_);
  }
  Result<std::unique_ptr<ingest::TransactionalSink>> open_transactional_sink(
      const ingest::KafkaSettings&, const std::string& id,
      std::chrono::milliseconds timeout) const override {
    return cluster_.open_transactional_sink(id, timeout, process_);
  }
  Result<std::unique_ptr<ingest::PartitionReader>> open_partition_reader(
      const ingest::KafkaSettings&, const ingest::TopicPartition& at, Offset start) const override {
    return cluster_.open_partition_reader(at, start, process_);
  }

 private:
  SimCluster& cluster_;
  const ProcessId process_;
};

// What dies together, in the order of its making.
struct Process {
  Process(SimCluster& cluster, ProcessId number) : id(number), clients(cluster, number) {}

  const ProcessId id;
  const SimClients clients;
  const ingest::KafkaSettings kafka;
  const std::atomic<bool> never{false};
  std::unique_ptr<profile_store::ProfileStore> store;
  std::unique_ptr<topologies::LearnerLoop> learner;
  topologies::PartitionClaims claims;
  topologies::WithdrawnItems withdrawn;
  std::unique_ptr<topologies::Worker> worker;  // once the model is there
};

// Outlives its processes.
struct Machine {
  Machine(const SimClock& clock, std::string place) : disk(clock), models(std::move(place)) {}

  SimDisk disk;
  std::string models;
  std::unique_ptr<Process> process;
};

class Simulation {
 public:
  Simulation(const SimulationOptions& options, std::string directory)
      : options_(options),
        random_(options.seed, 1),
        directory_(std::move(directory)),
        config_(small_model()),
        cluster_(clock_, plan_, options.seed) {
    for (const std::string& topic : {config_.topics.input.front(), config_.topics.profiles}) {
      cluster_.create_topic(topic, {kPartitions, false});
    }
    for (const std::string& topic : {config_.topics.items, config_.topics.learning,
                                     config_.topics.recommendations, config_.topics.dead_letter}) {
      cluster_.create_topic(topic, {1, false});
    }
    for (std::size_t i = 0; i < 1 + random_.below(kMachines); ++i) {
      machines_.push_back(std::make_unique<Machine>(clock_, fmt::format("{}/{}", directory_, i)));
    }
    crash_rate_ = chance(.5F) ? .02F * random_.uniform() : 0.0F;
    cluster_.set_crash_hook([this](const char*) {
      if (!healed_ && chance(crash_rate_) && may(Fault::kCrashAtEffect)) throw Crash{};
    });
  }

  SimulationResult run() {
    for (int turn = 0; turn < options_.turns && result_.violations.empty(); ++turn) {
      if (chance(.3F)) produce();
      if (chance(.02F)) go_wrong();
      some_process_turns();
    }
    come_to_rest();
    if (result_.violations.empty()) check();
    result_.digest = cluster_.digest();
    return std::move(result_);
  }

 private:
  [[nodiscard]] bool chance(float probability) { return random_.uniform() < probability; }
  [[nodiscard]] bool may(Fault fault) const {
    return (options_.faults >> static_cast<std::uint32_t>(fault) & 1U) != 0;
  }
  [[nodiscard]] std::size_t below(std::size_t n) {
    return static_cast<std::size_t>(random_.below(static_cast<std::uint32_t>(n)));
  }

  // ---- the input ----

  void produce() {
    const std::size_t user = below(12);
    const std::string name = fmt::format("u{}", user);
    const std::int64_t age_ms = chance(.1F) ? static_cast<std::int64_t>(random_.below(600'000)) : 0;
    std::string value = fmt::format(R"({{"user":"{}","type":"{}","item":"i{}","ts":{}{}}})", name,
                                    std::array{"view", "like", "dislike", "view"}[below(4)],
                                    below(15), fovea::value(clock_.now()) - age_ms,
                                    // Some ids come again.
                                    chance(.3F) ? fmt::format(R"(,"id":"e{}")", below(40)) : "");
    if (chance(.02F) && may(Fault::kPoison)) value = fmt::format("not json {}", result_.events);
    LogRecord record;
    record.key = name;
    record.value = std::move(value);
    record.record_time = clock_.now();
    const auto partition = ingest::murmur2_partition(name, kPartitions);
    cluster_.append({config_.topics.input.front(), partition}, std::move(record));
    ++result_.events;
  }

  // ---- processes ----

  void some_process_turns() {
    Machine& machine = *machines_[below(machines_.size())];
    if (!machine.process && (healed_ || chance(.2F))) start(machine);
    if (machine.process) turn(machine);
  }

  void start(Machine& machine) {
    machine.process = std::make_unique<Process>(cluster_, cluster_.start_process());
    surviving(machine, [&](Process& process) {
      auto store = machine.disk.open(cluster_.crash_points(process.id));
      if (!store) return violated("the store does not open: " + store.error().message);
      process.store = *std::move(store);
      topologies::LearnerSettings settings{process.kafka, name_of(machine), machine.models};
      settings.clock = &clock_;
      settings.clients = &process.clients;
      settings.kernels = scorer::KernelLevel::kPortable;
      settings.snapshots = std::launch::deferred;
      // Where it is away at the start, whoever supervises the process starts it again.
      auto learner = topologies::LearnerLoop::open(config_, std::move(settings),
                                                   {process.never, true, clock_});
      if (!learner) return end(machine, learner.error());
      process.learner = *std::move(learner);
    });
  }

  void turn(Machine& machine) {
    surviving(machine, [&](Process& process) {
      const bool knows = process.learner->restored() || process.learner->caught_up();
      if (!knows || chance(.4F)) {
        if (auto stepped = process.learner->step(); !stepped) return end(machine, stepped.error());
        return;
      }
      if (!process.worker) process.worker = new_worker(machine, process);
      if (auto turned = process.worker->turn(); !turned) return end(machine, turned.error());
    });
  }

  std::unique_ptr<topologies::Worker> new_worker(const Machine& machine, Process& process) {
    const topologies::WorkerShared shared{config_,          process.kafka,     process.clients,
                                          clock_,           *process.store,    process.claims,
                                          *process.learner, process.withdrawn, kPartitions};
    const std::string name = name_of(machine);
    return std::make_unique<topologies::Worker>(shared, name, static_members_ ? name : "");
  }

  // Calls `act`; a crash in it is the process's end.
  template <class Act>
  void surviving(Machine& machine, const Act& act) {
    try {
      act(*machine.process);
    } catch (const Crash&) {
      ++result_.crashes;
      bury(machine);
    }
  }

  // A failure that ends a process: an operator would look; here it is started again.
  void end(Machine& machine, const Error& why) {
    // What went wrong before may still end it.
    if (healed_ && ++ends_ > machines_.size()) {
      violated(name_of(machine) + " ends though nothing is wrong: " + why.message);
    }
    cluster_.kill(machine.process->id);
    throw Crash{};
  }

  void bury(Machine& machine) {
    if (cluster_.alive(machine.process->id)) cluster_.kill(machine.process->id);
    if (chance(.3F) && may(Fault::kMachineCrash)) {
      machine.disk.machine_crash(random_);
    } else {
      machine.disk.process_crash();
    }
    machine.process.reset();
  }

  [[nodiscard]] std::string name_of(const Machine& machine) const {
    return fmt::format("m{}", machine.models.substr(machine.models.rfind('/') + 1));
  }

  // ---- what goes wrong ----

  void go_wrong() {
    Machine& machine = *machines_[below(machines_.size())];
    const auto while_ms = [&](std::size_t most) {
      return std::chrono::milliseconds(1 + static_cast<std::int64_t>(below(most)));
    };
    const auto fault = static_cast<Fault>(below(static_cast<std::size_t>(Fault::kKill) + 1));
    const auto lasts = while_ms(20'000);
    if (!may(fault)) return;
    switch (fault) {
      case Fault::kBrokerAway:
        return plan_.take_broker_away(clock_.monotonic(), lasts);
      case Fault::kQueueFull:
        plan_.queue_full += 3;
        return;
      case Fault::kAnswerLost:
        ++plan_.lose_answers;
        return;
      case Fault::kBatchRefused:
        ++plan_.refuse_batches;
        return;
      case Fault::kCommitPostponed:
        ++plan_.postpone_commits;
        return;
      case Fault::kCommitAnswerLost:
        ++plan_.lose_commit_answers;
        return;
      case Fault::kRebalance:
        ++result_.rebalances;
        plan_.rebalance = true;
        return;
      case Fault::kClockJump:
        return clock_.jump(lasts * 20 - 200s);
      case Fault::kCutOff:
        if (machine.process) cluster_.cut_off(machine.process->id, lasts);
        return;
      case Fault::kDiskFull:
        return machine.disk.fail_next();
      default:
        if (!machine.process) return;
        ++result_.crashes;
        return bury(machine);
    }
  }

  // ---- the end ----

  void come_to_rest() {
    healed_ = true;
    plan_.queue_full = plan_.refuse_batches = plan_.lose_answers = 0;
    plan_.postpone_commits = plan_.lose_commit_answers = 0;
    plan_.rebalance = false;
    plan_.broker_away.until = std::min(plan_.broker_away.until, clock_.monotonic());
    for (const auto& machine : machines_) machine->disk.mend();
    // And stays so: what comes late is looked for a while after a partition was taken.
    std::optional<Time> rests_since;
    for (int turn = 0; turn < kTurnsToRest; ++turn) {
      if (!result_.violations.empty()) return;
      if (!unrest().empty())
        rests_since.reset();
      else if (!rests_since)
        rests_since = clock_.monotonic();
      else if (clock_.monotonic() - *rests_since > kRest)
        return;
      some_process_turns();
    }
    violated("the run does not come to rest: " + unrest());
  }

  // What is missing until everything is committed and every model stands at the end of the log;
  // empty when nothing is.
  [[nodiscard]] std::string unrest() const {
    const Offset log_end = cluster_.log().partition({config_.topics.learning, 0}).end;
    for (const auto& machine : machines_) {
      const Process* process = machine->process.get();
      if (process == nullptr || process->worker == nullptr) return name_of(*machine) + " is down";
      if (process->learner->position() + 1 < log_end) {
        return fmt::format("{} has learned to {} of {}", name_of(*machine),
                           process->learner->position(), log_end);
      }
    }
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      const ingest::TopicPartition at{config_.topics.input.front(), partition};
      const Offset end = cluster_.log().partition(at).end;
      const auto committed = cluster_.committed(config_.group_id, at);
      if (end > 0 && committed != end) {
        return fmt::format("partition {} is committed to {} of {}", partition,
                           committed.value_or(kNoOffset), end);
      }
    }
    return {};
  }

  void check() {
    RunChecks checks(config_, cluster_.log());
    for (std::string& violation : checks.topics()) violated(std::move(violation));
    for (const auto& machine : machines_) {
      const auto& learner = *machine->process->learner;
      for (std::string& violation :
           checks.model(name_of(*machine), learner.digest(), learner.position())) {
        violated(std::move(violation));
      }
    }
  }

  void violated(std::string what) { result_.violations.push_back(std::move(what)); }

  const SimulationOptions options_;
  scorer::Random random_;
  const std::string directory_;
  const Config config_;
  SimClock clock_;
  FaultPlan plan_;
  SimCluster cluster_;
  std::vector<std::unique_ptr<Machine>> machines_;
  const bool static_members_ = chance(.5F);
  float crash_rate_ = 0.0F;
  bool healed_ = false;
  std::size_t ends_ = 0;  // of processes, by a failure, since then
  SimulationResult result_;
};

}  // namespace

const char* name(Fault fault) {
  constexpr std::array<const char*, kFaults> kNames{"broker away",
                                                    "queue full",
                                                    "answer lost",
                                                    "batch refused",
                                                    "commit postponed",
                                                    "commit answer lost",
                                                    "rebalance",
                                                    "clock jump",
                                                    "cut off",
                                                    "disk full",
                                                    "kill",
                                                    "crash at an effect",
                                                    "machine crash",
                                                    "poison"};
  return kNames[static_cast<std::size_t>(fault)];
}

std::string scratch_directory() {
  const std::filesystem::path memory = "/dev/shm";
  const auto place =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  return (place / fmt::format("fovea-sim-{}", ::getpid())).string();
}

SimulationResult simulate(const SimulationOptions& options, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  SimulationResult result = Simulation(options, directory).run();
  std::filesystem::remove_all(directory);
  return result;
}

namespace {

// A violation without what differs from seed to seed.
std::string kind(const std::vector<std::string>& violations) {
  if (violations.empty()) return {};
  std::string letters = violations.front();
  std::erase_if(letters, [](char c) { return c >= '0' && c <= '9'; });
  return letters;
}

}  // namespace

SimulationOptions shrink(SimulationOptions failing, const std::string& directory) {
  const std::string wanted = kind(simulate(failing, directory).violations);
  const auto fails = [&](const SimulationOptions& options) {
    return kind(simulate(options, directory).violations) == wanted;
  };
  for (std::uint32_t fault = 0; fault < kFaults; ++fault) {
    SimulationOptions less = failing;
    less.faults &= ~(1U << fault);
    if (less.faults != failing.faults && fails(less)) failing = less;
  }
  for (int step = failing.turns / 2; step > 0; step /= 2) {
    SimulationOptions less = failing;
    less.turns -= step;
    if (less.turns > 0 && fails(less)) failing = less;
  }
  return failing;
}

}  // namespace fovea::sim
