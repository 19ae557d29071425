// `fovea run` end to end: two processes of one topology against a real broker, stopped and killed
// half way, and what must be true of the topics and the stores afterwards.
//
// The expectations are folds of the input topic as it lies there, made here, in one thread.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/recommendation_codec.h"
#include "profile_store/profile_codec.h"
#include "scorer/learner.h"
#include "scorer/learning_record_codec.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/process.h"
#include "topologies/config.h"
#include "topologies/event_step.h"
#include "topologies/snapshot_files.h"

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;
using test::DumpedRecord;
using test::Process;

constexpr std::int64_t kEvents = 15'000;

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

// The scorable events of each user, in the order of their partition.
struct Input {
  std::map<std::string, std::vector<std::pair<Partition, Offset>>> scorable;
  std::map<std::string, Behaviour> behaviours;
  std::size_t teaching = 0;
  std::map<std::string, std::string> poison;  // value -> reason
};

class RunTest : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    name_ = test::unique_name("run");
    directory_ = std::filesystem::temp_directory_path() / name_;
    std::filesystem::create_directories(directory_);
    settings_ = test::kafka_settings(address());
    for (const char* process : {"a", "b"}) write_topology(process);
    const auto loaded = load_config({topology("a"), {}, {}});
    ASSERT_TRUE(loaded) << loaded.error().message;
    config_ = *loaded;
    command({"topics", "create", topology("a")});
    command({"generate", "--events", std::to_string(kEvents), "--users", "400", "--items", "200",
             "--out", path("events.ndjson"), "--items-out", path("items.ndjson")});
  }

  void TearDown() override {
    if (HasFailure()) {
      for (const char* process : {"a", "b"}) {
        std::cout << "--- " << process << "\n" << file_text(path(process) + ".log");
      }
    }
    std::error_code ignored;
    std::filesystem::remove_all(directory_, ignored);
  }

  [[nodiscard]] virtual std::string address() const { return test::broker_address(); }
  [[nodiscard]] std::string path(const std::string& file) const {
    return (directory_ / file).string();
  }
  [[nodiscard]] std::string topology(const std::string& process) const {
    return path(process + ".toml");
  }

  void write_topology(const std::string& process) {
    std::ofstream(topology(process))
        << "name = \"" << name_ << "\"\n[group]\ninstance = \"" << process << "\"\n"
        << "[events.learn]\npositive = [\"play\", \"view\", \"like\"]\n"
        << "[slate]\nseen = \"exclude\"\n[model]\nhalf_life = \"10m\"\n"
        << "[metrics]\nlisten = \"127.0.0.1:0\"\n"
        << "[emit]\nmax_event_age = \"0\"\n[state]\ndirectory = \"" << path("state-" + process)
        << "\"\n[kafka]\n\"bootstrap.servers\" = \"" << address() << "\"\n";
  }

  std::unique_ptr<Process> start(const std::string& process) {
    return std::make_unique<Process>(
        std::vector<std::string>{FOVEA_BINARY, "run", topology(process)}, path(process + ".log"));
  }

  void command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FOVEA_BINARY);
    Process process(arguments, path("command.log"));
    ASSERT_EQ(process.wait(60s), 0) << file_text(path("command.log"));
  }

  void stop(Process& process) {
    // Twice, as timeout(1) does.
    process.signal(SIGTERM);
    process.signal(SIGTERM);
    ASSERT_EQ(process.wait(30s), 0);
  }

  std::vector<DumpedRecord> dump(const std::string& topic) {
    return test::dump_topic(settings_, topic);
  }

  // Waits until the learning log holds examples of so many events. Repeats do not count: after a
  // kill there are some.
  void await_learned(std::size_t at_least) {
    const auto deadline = std::chrono::steady_clock::now() + 60s;
    auto reader = ingest::open_partition_reader(settings_, {config_.topics.learning, 0}, 0);
    ASSERT_TRUE(reader) << reader.error().message;
    std::set<std::pair<Partition, Offset>> sources;
    std::vector<ingest::SourceRecord> batch;
    while (sources.size() < at_least) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline)
          << sources.size() << " of " << at_least << " events are in the learning log";
      batch.clear();
      // A broker may be away; the deadline is what counts.
      (void)(*reader)->poll(batch, 1'000, 100ms);
      for (const auto& record : batch) {
        const auto decoded = scorer::decode_learning_record(record.value.value_or(""));
        ASSERT_TRUE(decoded) << decoded.error().message;
        if (!std::holds_alternative<Example>(decoded->body)) continue;
        sources.emplace(decoded->source.partition, decoded->source.offset);
      }
    }
  }

  Input fold_input();
  void expect_covered(const Input& input);
  void expect_changelog_is_the_fold(const Input& input);
  void expect_dead_letters(const Input& input);
  void expect_learned_once(const Input& input, const std::string& process);

  std::string name_;
  std::filesystem::path directory_;
  ingest::KafkaSettings settings_;
  Config config_;
};

Input RunTest::fold_input() {
  Input input;
  auto codec = ingest::EventCodec::create(config_.mapping);
  std::map<Partition, TimeMs> highest;
  for (const DumpedRecord& dumped : dump(config_.topics.input.front())) {
    ingest::SourceRecord record;
    record.topic = config_.topics.input.front();
    record.partition = dumped.partition;
    record.offset = dumped.offset;
    record.record_time = dumped.record_time;
    record.key = dumped.key;
    record.value = dumped.value;
    const auto decoded = codec->decode(record);
    if (!decoded) {
      input.poison[dumped.value.value_or("")] = decoded.error().reason;
      continue;
    }
    for (const Event& event : decoded->events) {
      Behaviour& behaviour = input.behaviours[event.user.value];
      const EventStep step = step_event(config_, event, {}, highest[dumped.partition], behaviour);
      if (step.example) ++input.teaching;
      if (config_.emit.on.contains(event.type)) {
        input.scorable[event.user.value].emplace_back(dumped.partition, dumped.offset);
      }
      behaviour.applied = dumped.offset;
    }
  }
  return input;
}

// Each slate covers the user's scorable events that end with its trigger. Together they cover all.
void RunTest::expect_covered(const Input& input) {
  std::map<std::string, std::set<std::size_t>> covered;
  for (const DumpedRecord& record : dump(config_.topics.recommendations)) {
    const auto slate = ingest::decode_recommendation(record.value.value_or(""));
    ASSERT_TRUE(slate) << slate.error().message;
    const auto& events = input.scorable.at(slate->user.value);
    const auto trigger = std::find(events.begin(), events.end(),
                                   std::pair(slate->trigger.partition, slate->trigger.offset));
    ASSERT_NE(trigger, events.end()) << "no such trigger: " << *record.value;
    const auto end = static_cast<std::size_t>(trigger - events.begin()) + 1;
    ASSERT_LE(slate->covers, end);
    for (std::size_t i = end - slate->covers; i < end; ++i) covered[slate->user.value].insert(i);
  }
  for (const auto& [user, events] : input.scorable) {
    EXPECT_EQ(covered[user].size(), events.size()) << user;
  }
}

void RunTest::expect_changelog_is_the_fold(const Input& input) {
  std::map<std::string, std::string> newest;
  for (const DumpedRecord& record : dump(config_.topics.profiles)) {
    newest[record.key.value_or("")] = record.value.value_or("");
  }
  EXPECT_EQ(newest.size(), input.behaviours.size());
  for (const auto& [user, behaviour] : input.behaviours) {
    const auto profile = profile_store::decode_profile(newest[user]);
    ASSERT_TRUE(profile) << user << ": " << profile.error().message;
    EXPECT_EQ(profile->behaviour, behaviour) << user;
    EXPECT_EQ(profile->served.pending_covers, 0U) << user;
  }
}

void RunTest::expect_dead_letters(const Input& input) {
  std::map<std::string, std::size_t> letters;
  for (const DumpedRecord& record : dump(config_.topics.dead_letter)) {
    ++letters[record.value.value_or("")];
  }
  EXPECT_EQ(letters.size(), input.poison.size());
  for (const auto& [value, reason] : input.poison) EXPECT_GE(letters[value], 1U) << reason;
}

// The log folded here agrees with every mark in it and with the snapshot that the process left,
// and holds each teaching event once, however often it was written.
void RunTest::expect_learned_once(const Input& input, const std::string& process) {
  auto learner = scorer::Learner::create(config_.model);
  ASSERT_TRUE(learner);
  std::map<Offset, std::uint64_t> digests;
  std::size_t marks = 0;
  for (const DumpedRecord& dumped : dump(config_.topics.learning)) {
    const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
    ASSERT_TRUE(record) << record.error().message;
    ASSERT_TRUE((*learner)->fold(*record, dumped.offset));
    digests[dumped.offset] = (*learner)->digest();
    if (const auto* mark = std::get_if<Mark>(&record->body)) {
      ++marks;
      EXPECT_EQ(mark->digest, digests[mark->position]) << mark->process;
    }
  }
  EXPECT_EQ((*learner)->stats().examples, input.teaching);
  EXPECT_GT(marks, 0U);

  const auto snapshot = newest_snapshot(path("state-" + process) + "/model");
  ASSERT_TRUE(snapshot);
  const auto bytes = read_snapshot(*snapshot);
  ASSERT_TRUE(bytes);
  auto restored = scorer::Learner::create(config_.model);
  ASSERT_TRUE((*restored)->restore(*bytes));
  EXPECT_EQ((*restored)->digest(), digests[snapshot->stamp.position]);
}

TEST_F(RunTest, LosesNothingAndLearnsOnceThroughStopsAndKills) {
  auto a = start("a");
  auto b = start("b");
  Process produce({FOVEA_BINARY, "produce", topology("a"), "--events", path("events.ndjson"),
                   "--items", path("items.ndjson"), "--rate", "1500"},
                  path("produce.log"));

  await_learned(3'000);
  stop(*a);
  a = start("a");
  std::vector<ingest::OutputRecord> poison(2);
  poison[0].topic = poison[1].topic = config_.topics.input.front();
  poison[0].value = "not json";
  poison[1].value = R"({"type":"view","item":"i1"})";
  test::produce(settings_, poison);
  await_learned(6'000);
  b->signal(SIGKILL);
  EXPECT_EQ(b->wait(10s), 128 + SIGKILL);
  b = start("b");
  await_learned(9'000);
  a->signal(SIGKILL);
  b->signal(SIGKILL);
  a = start("a");
  b = start("b");
  ASSERT_EQ(produce.wait(60s), 0) << file_text(path("produce.log"));
  const auto input = fold_input();
  await_learned(input.teaching);
  stop(*a);
  stop(*b);

  ASSERT_EQ(input.poison.size(), 2U);
  expect_covered(input);
  expect_changelog_is_the_fold(input);
  expect_dead_letters(input);
  expect_learned_once(input, "a");
  expect_learned_once(input, "b");
}

TEST_F(RunTest, RestoresProfilesFromTheChangelogIntoAnEmptyStateDirectory) {
  command({"produce", topology("a"), "--events", path("events.ndjson"), "--limit", "3000"});
  auto a = start("a");
  await_learned(3'000);
  stop(*a);
  std::filesystem::remove_all(path("state-a"));

  a = start("a");
  command({"generate", "--events", "2000", "--users", "400", "--items", "200", "--seed", "2",
           "--out", path("events.ndjson")});
  command({"produce", topology("a"), "--events", path("events.ndjson")});
  await_learned(5'000);
  stop(*a);

  EXPECT_NE(file_text(path("a.log")).find("changelog records restored"), std::string::npos);
  const auto input = fold_input();
  expect_covered(input);
  expect_changelog_is_the_fold(input);
  expect_learned_once(input, "a");
}

// Python's own parsers, fold and sums over what the run left: scripts/check_run.py.
TEST_F(RunTest, TheIndependentCheckerFindsNothingAfterAKill) {
  command({"produce", topology("a"), "--events", path("events.ndjson"), "--items",
           path("items.ndjson")});
  std::vector<ingest::OutputRecord> poison(1);
  poison[0].topic = config_.topics.input.front();
  poison[0].value = R"({"user":"u1","type":"view","item":"i1","ts":"when"})";
  test::produce(settings_, poison);
  auto a = start("a");
  await_learned(4'000);
  a->signal(SIGKILL);
  a = start("a");
  await_learned(static_cast<std::size_t>(kEvents));
  stop(*a);

  const std::string scripts = FOVEA_SOURCE_DIR "/scripts/";
  Process print_config({FOVEA_BINARY, "run", topology("a"), "--print-config"}, path("config.toml"));
  ASSERT_EQ(print_config.wait(30s), 0);
  Process profiles({FOVEA_BINARY, "profile", "export", topology("a")}, path("profiles.ndjson"));
  ASSERT_EQ(profiles.wait(30s), 0);
  Process dumps({"/usr/bin/env", "bash", scripts + "dump_topics.sh", address(), path("config.toml"),
                 path("dumps")},
                path("dumps.log"));
  ASSERT_EQ(dumps.wait(60s), 0) << file_text(path("dumps.log"));
  Process check(
      {"/usr/bin/env", "python3", scripts + "check_run.py", "--config", path("config.toml"),
       "--dumps", path("dumps"), "--profiles", path("profiles.ndjson"), "--restarts"},
      path("check.log"));
  EXPECT_EQ(check.wait(120s), 0) << file_text(path("check.log"));
}

// With a broker of its own, because it kills it.
class RunOutage : public RunTest {
 protected:
  [[nodiscard]] std::string address() const override { return broker_.bootstrap(); }

  test::ScopedBroker broker_;
};

TEST_F(RunOutage, ABrokerThatIsKilledAndComesBackLosesNothing) {
  ASSERT_TRUE(broker_.running()) << broker_.output();
  command({"produce", topology("a"), "--events", path("events.ndjson")});
  auto a = start("a");
  await_learned(1'000);

  broker_.kill();
  broker_.start();
  ASSERT_TRUE(broker_.running()) << broker_.output();

  const auto input = fold_input();
  await_learned(input.teaching);
  stop(*a);
  expect_covered(input);
  expect_changelog_is_the_fold(input);
  expect_learned_once(input, "a");
}

TEST_F(RunTest, AMissingTopicIsNamedWithTheCommandThatCreatesIt) {
  Process run({FOVEA_BINARY, "run", topology("a"), "--set", "topics.items=nowhere.items"},
              path("a.log"));

  EXPECT_EQ(run.wait(30s), 1);
  const std::string said = file_text(path("a.log"));
  EXPECT_NE(said.find("nowhere.items"), std::string::npos) << said;
  EXPECT_NE(said.find("fovea topics create"), std::string::npos) << said;
}

TEST_F(RunTest, FailFastEndsAStartWithoutABroker) {
  Process run({FOVEA_BINARY, "run", topology("a"), "--fail-fast", "--set",
               "kafka.bootstrap.servers=127.0.0.1:1"},
              path("a.log"));

  EXPECT_EQ(run.wait(30s), 1);
  EXPECT_NE(file_text(path("a.log")).find("127.0.0.1:1"), std::string::npos);
}

TEST_F(RunTest, ALearningTopicCreatedAnewStopsTheStartAndNamesBothPositions) {
  command({"produce", topology("a"), "--events", path("events.ndjson"), "--limit", "500"});
  auto a = start("a");
  await_learned(500);
  stop(*a);
  a.reset();

  Process again({FOVEA_BINARY, "run", topology("a"), "--set",
                 "topics.learning=" + test::make_topic(settings_, "learning", 1)},
                path("again.log"));
  EXPECT_EQ(again.wait(30s), 1);
  const std::string said = file_text(path("again.log"));
  EXPECT_NE(said.find("ends at 0"), std::string::npos) << said;
  EXPECT_NE(said.find("position 49"), std::string::npos) << said;
}

}  // namespace
}  // namespace fovea::topologies
