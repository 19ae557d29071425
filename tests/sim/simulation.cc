#include "tests/sim/simulation.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "ingest/keys.h"
#include "scorer/random.h"
#include "tests/sim/run_checks.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_machine.h"
#include "topologies/config.h"

namespace fovea::sim {
namespace {

using namespace std::chrono_literals;
using topologies::Config;

constexpr std::int32_t kPartitions = 3;
constexpr std::size_t kMachines = 3;
// A run that has not come to rest after so many turns without a fault never will.
constexpr int kTurnsToRest = 20'000;
constexpr auto kRest = 30s;
// What passes where a process that is frozen has its turn.
constexpr auto kFrozenTurn = 50ms;
constexpr auto kWriteTakes = 100us;
// So short that a store now and then is too old for what it has.
constexpr auto kTombstonesKept = 200s;

Config small_model(topologies::DeliveryMode mode) {
  auto config = topologies::load_config_text(
      "name = \"t\"\n"
      "[events.learn]\npositive = [\"view\", \"like\"]\nnegative = [\"dislike\"]\n"
      "[emit]\non = [\"view\", \"like\"]\nmax_event_age = \"0\"\n"
      "[model]\ndim = 8\nnegatives = 8\nwarmup_examples = 20\n"
      "publish_budget = \"0\"\npair_rows = 64\nneighbour_ring = 256\n"
      "[learning]\nshed_lag = 0\n",
      ".");
  FOVEA_ASSERT(config.has_value());
  config->delivery.mode = mode;
  config->view.restart_target_ms = 0;  // a snapshot whenever one may be written
  return *std::move(config);
}

class Simulation {
 public:
  Simulation(const SimulationOptions& options, std::string directory)
      : options_(options),
        random_(options.seed, 1),
        directory_(std::move(directory)),
        config_(small_model(delivery(options))),
        cluster_(clock_, plan_, options.seed) {
    for (const std::string& topic : {config_.topics.input.front(), config_.topics.profiles}) {
      cluster_.create_topic(topic, {kPartitions, false});
    }
    for (const std::string& topic : {config_.topics.items, config_.topics.learning,
                                     config_.topics.recommendations, config_.topics.dead_letter}) {
      cluster_.create_topic(topic, {1, false});
    }
    for (std::size_t i = 0; i < 1 + random_.below(kMachines); ++i) {
      machines_.push_back(std::make_unique<SimMachine>(clock_, fmt::format("m{}", i),
                                                       fmt::format("{}/{}", directory_, i)));
    }
    crash_rate_ = chance(.5F) ? .02F * random_.uniform() : 0.0F;
    stall_rate_ = chance(.3F) ? .01F * random_.uniform() : 0.0F;
    cluster_.set_crash_hook([this](const char*) {
      // What a stalled process had on its way arrives; it does nothing itself.
      if (healed_ || acting_ == stalled_) return;
      if (chance(crash_rate_) && may(Fault::kCrashAtEffect)) throw Crash{};
      if (stalled_ == nullptr && chance(stall_rate_) && may(Fault::kFreeze)) stall();
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
    SimMachine& machine = *machines_[below(machines_.size())];
    if (!machine.process && (healed_ || chance(.2F))) start(machine);
    if (&machine == stalled_) return cluster_.run_for(kFrozenTurn);
    if (!machine.process) return;
    if (machine.process->frozen_until) {
      if (!healed_ && clock_.monotonic() < *machine.process->frozen_until) {
        return cluster_.run_for(kFrozenTurn);
      }
      machine.process->frozen_until.reset();
      cluster_.thaw(machine.process->id);
    }
    turn(machine);
  }

  void start(SimMachine& machine) {
    machine.process = std::make_unique<SimProcess>(cluster_, cluster_.start_process());
    surviving(machine, [&](SimProcess& process) {
      auto store = machine.disk.open(cluster_.crash_points(process.id));
      if (!store) return violated("the store does not open: " + store.error().message);
      process.store = *std::move(store);
      topologies::LearnerSettings settings{process.kafka, machine.name, machine.models};
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

  void turn(SimMachine& machine) {
    surviving(machine, [&](SimProcess& process) {
      const bool knows = process.learner->restored() || process.learner->caught_up();
      if (!knows || chance(.4F)) {
        if (auto stepped = process.learner->step(); !stepped) return end(machine, stepped.error());
        return;
      }
      if (!process.worker) join(machine, process);
      if (process.standby && standby_random_.uniform() < .2F) {
        const auto kept = process.standby->turn();
        if (!kept && kept.error().disposition == Disposition::kStop) end(machine, kept.error());
        return;
      }
      if (leaving_random_.uniform() < leave_rate_ && !healed_) process.leave();
      if (auto turned = process.worker->turn(); !turned) {
        if (process.leaves && !at_fault(turned.error())) {
          violated(machine.name + " was told to stop and fails: " + turned.error().message);
        }
        return end(machine, turned.error());
      }
    });
    if (machine.process && machine.process->worker && machine.process->worker->closed()) {
      leave(machine);
    }
  }

  // Its disk, or another process in its name: an operator's to mend.
  static bool at_fault(const Error& why) {
    return why.message.find("no space left") != std::string::npos ||
           why.message.find("a group.instance of its own") != std::string::npos;
  }

  // As a process that was told to stop goes, but for its last snapshot and mark.
  void leave(SimMachine& machine) {
    const ProcessId id = machine.process->id;
    surviving(machine, [](SimProcess& process) {
      process.standby.reset();
      process.worker.reset();
    });
    if (!machine.process) return;
    ++result_.left;
    machine.process.reset();
    cluster_.kill(id);
    machine.disk.process_crash();
  }

  void join(const SimMachine& machine, SimProcess& process) {
    const topologies::ProcessShared shared{config_,     process.kafka,  process.clients,
                                           clock_,      *process.store, process.claims,
                                           kPartitions, nullptr,        kTombstonesKept};
    process.worker = std::make_unique<topologies::Worker>(
        topologies::WorkerShared{shared, *process.learner, process.withdrawn}, machine.name,
        static_members_ ? machine.name : "");
    if (standby_) process.standby = std::make_unique<topologies::Standby>(shared);
  }

  // Calls `act`; a crash in it is the process's end.
  template <class Act>
  void surviving(SimMachine& machine, const Act& act) {
    SimMachine* const before = std::exchange(acting_, &machine);
    try {
      act(*machine.process);
    } catch (const Crash&) {
      ++result_.crashes;
      bury(machine);
    }
    acting_ = before;
  }

  // The process that is acting is frozen between two of its effects, and the others go on.
  void stall() {
    const ProcessId process = acting_->process->id;
    stalled_ = acting_;
    const Time until = clock_.monotonic() + std::chrono::milliseconds(1 + below(30'000));
    cluster_.freeze(process);
    while (clock_.monotonic() < until) {
      if (chance(.3F)) produce();
      some_process_turns();
    }
    cluster_.thaw(process);
    stalled_ = nullptr;
  }

  // A failure that ends a process: an operator would look; here it is started again.
  void end(SimMachine& machine, const Error& why) {
    // What went wrong before may still end it.
    if (healed_ && ++ends_ > machines_.size()) {
      violated(machine.name + " ends though nothing is wrong: " + why.message);
    }
    cluster_.kill(machine.process->id);
    throw Crash{};
  }

  void bury(SimMachine& machine) {
    if (cluster_.alive(machine.process->id)) cluster_.kill(machine.process->id);
    if (chance(.3F) && may(Fault::kMachineCrash)) {
      machine.disk.machine_crash(random_);
    } else {
      machine.disk.process_crash();
    }
    machine.process.reset();
  }

  // ---- what goes wrong ----

  void go_wrong() {
    SimMachine& machine = *machines_[below(machines_.size())];
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
      case Fault::kFreeze:
        if (!machine.process || machine.process->frozen_until) return;
        machine.process->frozen_until = clock_.monotonic() + lasts;
        return cluster_.freeze(machine.process->id);
      case Fault::kDiskSlow:
        return machine.disk.set_slow(chance(.5F) ? lasts / 10 : kWriteTakes);
      case Fault::kTransactionsAway:
        plan_.transactions_away = {clock_.monotonic(), clock_.monotonic() + lasts};
        return;
      case Fault::kTransactionAnswerLost:
        ++plan_.lose_end_answers;
        return;
      case Fault::kTakenOver:
        plan_.take_over = true;
        return;
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
    plan_.postpone_commits = plan_.lose_commit_answers = plan_.lose_end_answers = 0;
    plan_.rebalance = plan_.take_over = false;
    for (Outage* outage : {&plan_.broker_away, &plan_.transactions_away}) {
      outage->until = std::min(outage->until, clock_.monotonic());
    }
    for (const auto& machine : machines_) {
      machine->disk.mend();
      machine->disk.set_slow(kWriteTakes);
    }
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
    const Offset log_end = cluster_.log().partition({config_.topics.learning, 0}).committed_end();
    for (const auto& machine : machines_) {
      const SimProcess* process = machine->process.get();
      if (process == nullptr || process->worker == nullptr) return machine->name + " is down";
      if (process->learner->position() + 1 < log_end) {
        return fmt::format("{} has learned to {} of {}", machine->name,
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
    catch_up_standbys();
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
      check_store(checks, partition);
    }
    for (const auto& machine : machines_) {
      const auto counts = machine->process->worker->counts();
      for (std::string& violation : RunChecks::accounts(machine->name, counts)) {
        violated(std::move(violation));
      }
      const auto& learner = *machine->process->learner;
      for (std::string& violation :
           checks.model(machine->name, learner.digest(), learner.position())) {
        violated(std::move(violation));
      }
    }
  }

  void catch_up_standbys() {
    for (const auto& machine : machines_) {
      for (int i = 0; i < kPartitions && machine->process->standby; ++i) {
        const auto kept = machine->process->standby->turn();
        if (!kept) violated(machine->name + ": " + kept.error().message);
      }
    }
  }

  // Of whoever owns the partition; what others have of it is of before, but for a standby.
  void check_store(RunChecks& checks, Partition partition) {
    const auto owner = cluster_.owner(config_.group_id, {config_.topics.input.front(), partition});
    bool owned = false;
    for (const auto& machine : machines_) {
      owned = owned || machine->process->id == owner;
      if (!machine->process->standby && machine->process->id != owner) continue;
      for (std::string& violation :
           checks.store(machine->name, *machine->process->store, partition)) {
        violated(std::move(violation));
      }
    }
    if (!owned) violated(fmt::format("nobody has partition {}", partition));
  }

  void violated(std::string what) { result_.violations.push_back(std::move(what)); }

  const SimulationOptions options_;
  scorer::Random random_;
  const std::string directory_;
  const Config config_;
  SimClock clock_;
  FaultPlan plan_;
  SimCluster cluster_;
  std::vector<std::unique_ptr<SimMachine>> machines_;
  const bool static_members_ = chance(.5F);
  scorer::Random standby_random_{options_.seed, 2};
  const bool standby_ = standby_random_.uniform() < .3F;
  scorer::Random leaving_random_{options_.seed, 3};
  const float leave_rate_ = may(Fault::kToldToStop) && leaving_random_.uniform() < .3F
                                ? .02F * leaving_random_.uniform()
                                : 0.0F;
  float crash_rate_ = 0.0F;
  float stall_rate_ = 0.0F;
  SimMachine* acting_ = nullptr;
  SimMachine* stalled_ = nullptr;  // in the middle of what it does
  bool healed_ = false;
  std::size_t ends_ = 0;  // of processes, by a failure, since then
  SimulationResult result_;
};

}  // namespace

std::string scratch_directory() {
  const std::filesystem::path memory = "/dev/shm";
  const auto place =
      std::filesystem::is_directory(memory) ? memory : std::filesystem::temp_directory_path();
  return (place / fmt::format("fovea-sim-{}", ::getpid())).string();
}

topologies::DeliveryMode delivery(const SimulationOptions& options) {
  if (options.delivery) return *options.delivery;
  return options.seed % 2 == 0 ? topologies::DeliveryMode::kExactlyOnce
                               : topologies::DeliveryMode::kAtLeastOnce;
}

SimulationResult simulate(const SimulationOptions& options, const std::string& directory) {
  std::filesystem::remove_all(directory);
  std::filesystem::create_directories(directory);
  SimulationResult result = Simulation(options, directory).run();
  std::filesystem::remove_all(directory);
  return result;
}

}  // namespace fovea::sim
