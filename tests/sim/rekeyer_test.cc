// Re-keying over the simulated cluster: whatever fails and when, each event of the input is in
// topics.events, in its user's partition; exactly once, it is there once.

#include "topologies/rekeyer.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <set>
#include <string>

#include "ingest/keys.h"
#include "scorer/random.h"
#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_machine.h"
#include "topologies/log.h"

namespace fovea::sim {
namespace {

using ingest::TopicPartition;
using topologies::DeliveryMode;
using topologies::Rekeyer;

constexpr std::int32_t kPartitions = 3;
constexpr int kEvents = 200;

topologies::Config config_for(DeliveryMode mode) {
  const auto loaded = topologies::load_config_text(
      "name = \"t\"\n[input]\ntopics = [\"web\", \"app\"]\nkeyed_by_user = false\n", ".");
  EXPECT_TRUE(loaded) << loaded.error().message;
  topologies::Config config = *loaded;
  config.delivery.mode = mode;
  return config;
}

class RekeyRun {
 public:
  RekeyRun(std::uint64_t seed, DeliveryMode mode)
      : config_(config_for(mode)), random_(seed, 2), cluster_(clock_, plan_, seed) {
    for (const std::string& topic : config_.topics.input) cluster_.create_topic(topic, {2, false});
    cluster_.create_topic(config_.topics.events, {kPartitions, true});
    cluster_.create_topic(config_.topics.dead_letter, {1, false});
    cluster_.set_crash_hook([this](const char*) {
      if (!healed_ && random_.uniform() < .004F) throw Crash{};
    });
  }

  void run() {
    for (int turn = 0; turn < 4'000 && produced_ < kEvents; ++turn) {
      if (random_.uniform() < .2F) produce();
      if (random_.uniform() < .01F) {
        plan_.take_broker_away(clock_.monotonic(), std::chrono::milliseconds(random_.below(8'000)));
      }
      if (random_.uniform() < .01F) plan_.rebalance = true;
      turn_of_somebody();
    }
    ASSERT_EQ(produced_, kEvents);
    healed_ = true;
    for (int turn = 0; turn < 4'000 && !at_rest(); ++turn) turn_of_somebody();
    EXPECT_TRUE(at_rest());
    // A commit's markers come one by one, those of the offsets not last.
    const auto rests = clock_.monotonic();
    while (clock_.monotonic() - rests < std::chrono::seconds(5)) turn_of_somebody();
    processes_.clear();
  }

  void expect_each_in_its_users_partition(bool once) const {
    std::map<std::string, int> found;  // by id
    for (Partition partition = 0; partition < kPartitions; ++partition) {
      for (const LogRecord* record :
           cluster_.log().partition({config_.topics.events, partition}).committed()) {
        ASSERT_TRUE(record->key);
        EXPECT_EQ(ingest::murmur2_partition(*record->key, kPartitions), partition);
        const std::string& text = *record->value;
        const auto begin = text.find("\"id\":\"") + 6;
        ++found[text.substr(begin, text.find('"', begin) - begin)];
      }
    }
    EXPECT_EQ(found.size(), static_cast<std::size_t>(kEvents - poison_));
    for (const auto& [id, times] : found) {
      EXPECT_GE(times, 1);
      if (once) {
        EXPECT_EQ(times, 1) << id;
      }
    }
    const auto letters =
        cluster_.log().partition({config_.topics.dead_letter, 0}).committed().size();
    EXPECT_TRUE(once ? letters == static_cast<std::size_t>(poison_)
                     : letters >= static_cast<std::size_t>(poison_));
  }
  [[nodiscard]] int deaths() const { return deaths_; }

 private:
  struct Process {
    Process(SimCluster& cluster, const topologies::Config& config, const Clock& clock, int number)
        : id(cluster.start_process()), clients(cluster, id) {
      const std::string name = fmt::format("rekey-{}", number);
      rekeyer = *Rekeyer::create({config, kafka, clients, clock}, name, name);
    }
    const ProcessId id;
    const SimClients clients;
    const ingest::KafkaSettings kafka;
    std::unique_ptr<Rekeyer> rekeyer;
  };

  void produce() {
    LogRecord record;
    // No key, or one that says nothing.
    if (produced_ % 3 == 0) record.key = fmt::format("session-{}", produced_ % 7);
    record.value = fmt::format(R"({{"user":"u{}","type":"view","item":"i{}"{}}})", produced_ % 11,
                               produced_ % 5, produced_ % 2 == 0 ? "" : ",\"ts\":1000");
    if (produced_ % 40 == 39) {
      record.value = "not json";
      ++poison_;
    }
    record.record_time = clock_.now();
    cluster_.append(
        {config_.topics.input[random_.below(2)], static_cast<Partition>(random_.below(2))},
        std::move(record));
    ++produced_;
  }

  void turn_of_somebody() {
    const int number = static_cast<int>(random_.below(2));
    auto& process = processes_[number];
    try {
      if (!process) process = std::make_unique<Process>(cluster_, config_, clock_, number);
      if (process->rekeyer->turn()) return;
    } catch (const Crash&) {
    }
    ++deaths_;
    cluster_.kill(process->id);
    process.reset();
  }

  [[nodiscard]] bool at_rest() const {
    for (const std::string& topic : config_.topics.input) {
      for (const Partition partition : {0, 1}) {
        const TopicPartition at{topic, partition};
        const Offset end = cluster_.log().partition(at).end;
        if (end > 0 && cluster_.committed(config_.group_id + "-rekey", at) != end) return false;
      }
    }
    return true;
  }

  const topologies::Config config_;
  scorer::Random random_;
  SimClock clock_;
  FaultPlan plan_;
  SimCluster cluster_;
  std::map<int, std::unique_ptr<Process>> processes_;
  bool healed_ = false;
  int produced_ = 0;
  int poison_ = 0;
  int deaths_ = 0;
};

class RekeyerTest : public testing::TestWithParam<DeliveryMode> {};

TEST_P(RekeyerTest, EachEventReachesItsUsersPartitionWhateverFails) {
  topologies::set_up_log("text", "error");
  int deaths = 0;
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(fmt::format("seed {}", seed));
    RekeyRun run(seed, GetParam());
    run.run();
    run.expect_each_in_its_users_partition(GetParam() == DeliveryMode::kExactlyOnce);
    if (HasFailure()) return;
    deaths += run.deaths();
  }
  EXPECT_GT(deaths, 20);
}

INSTANTIATE_TEST_SUITE_P(BothWays, RekeyerTest,
                         testing::Values(DeliveryMode::kExactlyOnce, DeliveryMode::kAtLeastOnce),
                         [](const auto& one) {
                           return one.param == DeliveryMode::kExactlyOnce ? "ExactlyOnce"
                                                                          : "AtLeastOnce";
                         });

TEST(RekeyedRecord, HasTheUserAsKeyAndWhereItCameFrom) {
  const topologies::Config config = config_for(DeliveryMode::kExactlyOnce);
  ingest::SourceRecord record;
  record.topic = "web";
  record.partition = 1;
  record.offset = 7;
  record.record_time = TimeMs{5};
  Event event;
  event.user.value = "u";
  event.type = EventType::kView;
  event.item.id = "i";
  event.event_time = TimeMs{3};

  const auto made = topologies::rekeyed_record(config, event, record, 2);

  EXPECT_EQ(made.topic, "t.events");
  EXPECT_FALSE(made.partition);
  EXPECT_EQ(made.key, "u");
  EXPECT_EQ(made.value, R"({"user":"u","type":"view","item":"i","ts":3,"id":"web/1/7#2"})");
  EXPECT_EQ(made.headers, (Headers{{"fovea.topic", "web"},
                                   {"fovea.partition", "1"},
                                   {"fovea.offset", "7"},
                                   {"fovea.timestamp", "5"}}));
  event.id = "theirs";
  EXPECT_NE(topologies::rekeyed_record(config, event, record, 2).value->find("\"theirs\""),
            std::string::npos);
}

}  // namespace
}  // namespace fovea::sim
