// T.model against a real broker: a process that starts from nothing takes the model from there, a
// publisher that is killed half way leaves one that can be taken, and the log is trimmed behind it.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "scorer/learner.h"
#include "scorer/learning_record_codec.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/process.h"
#include "topologies/config.h"
#include "topologies/model_topic.h"
#include "topologies/snapshot_files.h"

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::DumpedRecord;
using test::Process;

constexpr std::size_t kEvents = 3'000;

// For a process whose learning the test folds again: what it has learned is not trimmed.
const std::vector<std::string> kKeepTheLog{"--set", "learning.retention=1d"};

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

class ModelTopicTest : public testing::Test {
 protected:
  [[nodiscard]] virtual std::string address() const { return test::broker_address(); }

  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    name_ = test::unique_name("model");
    directory_ = std::filesystem::temp_directory_path() / name_;
    std::filesystem::create_directories(directory_);
    settings_ = test::kafka_settings(address());
    for (const char* process : {"a", "b"}) write_topology(process);
    const auto loaded = load_config({topology("a"), {}, {}});
    ASSERT_TRUE(loaded) << loaded.error().message;
    config_ = *loaded;
    command({"topics", "create", topology("a")});
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

  [[nodiscard]] std::string path(const std::string& file) const {
    return (directory_ / file).string();
  }
  [[nodiscard]] std::string topology(const std::string& process) const {
    return path(process + ".toml");
  }

  // A snapshot for every 100 ms of learning, no record too young to be trimmed.
  void write_topology(const std::string& process) {
    std::ofstream(topology(process))
        << "name = \"" << name_ << "\"\n[group]\ninstance = \"" << process << "\"\n"
        << "[events.learn]\npositive = [\"play\", \"view\", \"like\"]\n"
        << "[model]\nrestart_target = \"100ms\"\npublish_budget = \"64MiB\"\n"
        << "[learning]\nretention = \"0s\"\n[metrics]\nlisten = \"127.0.0.1:0\"\n"
        << "[emit]\nmax_event_age = \"0\"\n[state]\ndirectory = \"" << path("state-" + process)
        << "\"\n[kafka]\n\"bootstrap.servers\" = \"" << address() << "\"\n";
  }

  std::unique_ptr<Process> start(const std::string& process, std::vector<std::string> more = {}) {
    std::vector<std::string> line{FOVEA_BINARY, "run", topology(process)};
    line.insert(line.end(), more.begin(), more.end());
    return std::make_unique<Process>(line, path(process) + ".log");
  }

  void command(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), FOVEA_BINARY);
    Process process(arguments, path("command.log"));
    ASSERT_EQ(process.wait(60s), 0) << file_text(path("command.log"));
  }

  void stop(Process& process) {
    process.signal(SIGTERM);
    ASSERT_EQ(process.wait(30s), 0);
  }

  [[nodiscard]] std::string said(const std::string& process) const {
    return file_text(path(process) + ".log");
  }

  // Waits until a process has said `what` so many times.
  void await_said(const std::string& process, const std::string& what, std::size_t times = 1) {
    const auto deadline = steady_clock::now() + 60s;
    for (;;) {
      const std::string text = said(process);
      std::size_t count = 0;
      for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) {
        ++count;
      }
      if (count >= times) return;
      ASSERT_LT(steady_clock::now(), deadline)
          << process << " has said \"" << what << "\" " << count << " of " << times << " times";
      std::this_thread::sleep_for(20ms);
    }
  }

  [[nodiscard]] std::vector<DumpedRecord> dump(const std::string& topic) const {
    return test::dump_topic(settings_, topic);
  }

  [[nodiscard]] Offset log_start() {
    auto reader = ingest::open_partition_reader(settings_, {config_.topics.learning, 0}, kNoOffset);
    EXPECT_TRUE(reader) << reader.error().message;
    const auto ends = (*reader)->ends(30s);
    EXPECT_TRUE(ends) << ends.error().message;
    return ends ? ends->low : 0;
  }

  // Waits until the learning log holds so many examples from an offset on.
  void await_examples(std::size_t at_least, Offset from = 0) {
    const auto deadline = steady_clock::now() + 60s;
    for (;;) {
      const auto log = dump(config_.topics.learning);
      const auto count = static_cast<std::size_t>(
          std::count_if(log.begin(), log.end(), [from](const DumpedRecord& dumped) {
            const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
            return dumped.offset >= from && record && std::holds_alternative<Example>(record->body);
          }));
      if (count >= at_least) return;
      ASSERT_LT(steady_clock::now(), deadline) << count << " of " << at_least << " examples";
    }
  }

  // Lets "a" learn until it has published twice and trimmed the log behind; then it is gone. How
  // much that takes is the machine's affair: a snapshot is made for so much time of learning.
  void learn_and_publish() {
    auto a = start("a");
    for (int seed = 1; said("a").find("trimmed, it begins at") == std::string::npos; ++seed) {
      ASSERT_LT(seed, 20) << "20 times " << kEvents << " events were learned too fast";
      command({"generate", "--events", std::to_string(kEvents), "--users", "200", "--items", "100",
               "--seed", std::to_string(seed), "--out", path("events.ndjson")});
      command({"produce", topology("a"), "--events", path("events.ndjson"), "--rate", "6000"});
    }
    stop(*a);
  }

  // The position after "restored from ... at position " in what the process said last.
  [[nodiscard]] Offset start_position(const std::string& process) const {
    const std::string text = said(process);
    const std::string words = " at position ";
    const auto line = text.rfind(" restored from ");
    if (line == std::string::npos) return kNoOffset;
    return std::stoll(text.substr(text.find(words, line) + words.size()));
  }

  std::string name_;
  std::filesystem::path directory_;
  ingest::KafkaSettings settings_;
  Config config_;
};

// The last mark of a process, and what it says.
std::map<std::string, Mark> last_marks(const std::vector<DumpedRecord>& log) {
  std::map<std::string, Mark> marks;
  for (const DumpedRecord& dumped : log) {
    const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
    if (!record) continue;
    if (const auto* mark = std::get_if<Mark>(&record->body)) marks[mark->process] = *mark;
  }
  return marks;
}

TEST_F(ModelTopicTest, AProcessWithoutStateStartsFromThePublishedModelAndAgreesWithTheOthers) {
  learn_and_publish();

  auto b = start("b", kKeepTheLog);
  await_said("b", "reading ");
  EXPECT_GT(start_position("b"), 0) << "not from nothing";
  EXPECT_NE(said("b").find("the published snapshot at position"), std::string::npos);
  const Offset learned_by_a = newest_snapshot(path("state-a/model"))->stamp.position;
  EXPECT_LE(start_position("b"), learned_by_a);
  // It learns what the published snapshot does not have, and something new.
  command({"generate", "--events", "500", "--users", "200", "--items", "100", "--seed", "99",
           "--out", path("events.ndjson")});
  command({"produce", topology("b"), "--events", path("events.ndjson")});
  await_examples(400, learned_by_a + 1);
  stop(*b);

  const auto log = dump(config_.topics.learning);
  const auto marks = last_marks(log);
  ASSERT_TRUE(marks.contains("b"));
  const Mark& mark = marks.at("b");
  EXPECT_GT(mark.position, learned_by_a);
  // What a has, folded on from there, has the digest that b says it has.
  auto oracle = scorer::Learner::create(config_.model);
  ASSERT_TRUE((*oracle)->restore(read_snapshot(*newest_snapshot(path("state-a/model")))->view()));
  for (const DumpedRecord& dumped : log) {
    if (dumped.offset <= learned_by_a || dumped.offset > mark.position) continue;
    const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
    ASSERT_TRUE(record);
    ASSERT_TRUE((*oracle)->fold(*record, dumped.offset));
  }
  EXPECT_EQ((*oracle)->digest(), mark.digest);
}

TEST_F(ModelTopicTest, APublisherKilledHalfWayLeavesAModelThatCanBeTaken) {
  learn_and_publish();
  const std::size_t before = dump(config_.topics.model).size();
  // Slow enough to be caught in the middle: a chunk at once and the next record far away.
  auto a = start("a", {"--set", "model.publish_budget=1KiB"});
  const auto deadline = steady_clock::now() + 60s;
  while (dump(config_.topics.model).size() == before) {
    ASSERT_LT(steady_clock::now(), deadline) << "nothing more was published";
  }
  a->signal(SIGKILL);
  ASSERT_EQ(a->wait(10s), 128 + SIGKILL);
  const auto records = dump(config_.topics.model);
  ASSERT_FALSE(records.back().key->ends_with("manifest")) << "it was caught too late";

  auto b = start("b");
  await_said("b", "reading ");
  EXPECT_GT(start_position("b"), 0);
  stop(*b);
}

TEST_F(ModelTopicTest, TheLogIsTrimmedBehindTwoSnapshotsAndAFreshProcessStillStarts) {
  learn_and_publish();
  const Offset begins = log_start();
  EXPECT_GT(begins, 0);

  auto b = start("b");
  await_said("b", "reading ");
  EXPECT_GE(start_position("b") + 1, begins);
  stop(*b);
}

TEST_F(ModelTopicTest, WithoutThePublishedModelATrimmedLogStopsTheStartAndNamesBothPositions) {
  learn_and_publish();
  const Offset begins = log_start();

  auto b = start("b", {"--set", "topics.model=" + test::make_topic(settings_, "other", 1)});

  EXPECT_EQ(b->wait(60s), 1);
  EXPECT_NE(said("b").find("position -1 but the log begins at " + std::to_string(begins)),
            std::string::npos);
}

TEST_F(ModelTopicTest, OtherSettingsBeginWithTheirParentInEveryProcess) {
  learn_and_publish();
  const SnapshotFile parent = *newest_snapshot(path("state-a/model"));
  const std::string parent_bytes(read_snapshot(parent)->view());
  const Offset learned = parent.stamp.position;

  // "a" has the old model's snapshot on its disk, "b" has nothing.
  std::vector<std::string> settings{"--set", "model.half_life=3h"};
  settings.insert(settings.end(), kKeepTheLog.begin(), kKeepTheLog.end());
  auto a = start("a", settings);
  await_said("a", "takes over all tables that fit of its parent");
  await_said("a", "reading ", 2);
  EXPECT_EQ(start_position("a"), learned);
  auto b = start("b", settings);
  await_said("b", "reading ");
  EXPECT_GE(start_position("b"), learned);
  EXPECT_EQ(said("b").find("takes over"), std::string::npos) << "it has a's";
  command({"generate", "--events", "500", "--users", "200", "--items", "100", "--seed", "99",
           "--out", path("events.ndjson")});
  command({"produce", topology("b"), "--events", path("events.ndjson")});
  await_examples(400, learned + 1);
  stop(*b);
  stop(*a);

  // What the parent had learned, taken over and folded on, is what both say they have.
  const auto config = load_config({topology("a"), {{"model.half_life", "3h"}}, {}});
  ASSERT_TRUE(config) << config.error().message;
  auto oracle = scorer::Learner::create(config->model);
  ASSERT_TRUE((*oracle)->take_over(parent_bytes));
  const auto log = dump(config_.topics.learning);
  const auto marks = last_marks(log);
  std::map<Offset, std::uint64_t> digests;
  for (const DumpedRecord& dumped : log) {
    if (dumped.offset <= learned) continue;
    const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
    ASSERT_TRUE(record);
    ASSERT_TRUE((*oracle)->fold(*record, dumped.offset));
    digests[dumped.offset] = (*oracle)->digest();
  }
  for (const char* process : {"a", "b"}) {
    ASSERT_TRUE(marks.contains(process));
    const Mark& mark = marks.at(process);
    EXPECT_EQ(mark.model_id, scorer::model_id(config->model));
    EXPECT_GT(mark.position, learned);
    EXPECT_EQ(mark.digest, digests[mark.position]) << process;
  }
  Process info({FOVEA_BINARY, "model", "info", topology("a"), "--set", "model.half_life=3h"},
               path("info.log"));
  ASSERT_EQ(info.wait(30s), 0) << file_text(path("info.log"));
  EXPECT_NE(file_text(path("info.log")).find(" at " + std::to_string(learned) + "\n"),
            std::string::npos)
      << file_text(path("info.log"));
}

TEST_F(ModelTopicTest, AGapIsGoneOnAfterWhereTheConfigurationSaysSo) {
  learn_and_publish();
  const std::string other = test::make_topic(settings_, "other", 1);
  auto b = start("b", {"--set", "topics.model=" + other, "--set", "model.on_gap=continue"});
  await_said("b", "it goes on as lineage ");
  await_said("b", "reading ");
  stop(*b);

  const auto snapshot = newest_snapshot(path("state-b/model"));
  ASSERT_TRUE(snapshot);
  EXPECT_NE(snapshot->stamp.lineage, scorer::kLineage);
  EXPECT_TRUE(scorer::same_arithmetic(snapshot->stamp.lineage, scorer::kLineage));
  // The next start has no gap and needs no permission.
  b = start("b", {"--set", "topics.model=" + other});
  await_said("b", "reading ", 2);
  EXPECT_EQ(start_position("b"), snapshot->stamp.position);
  stop(*b);
}

TEST_F(ModelTopicTest, AMissingModelTopicIsNamedAndTheLogIsEnough) {
  auto a = start("a", {"--set", "topics.model=nowhere", "--set", "model.publish_budget=0"});
  command({"generate", "--events", "1000", "--users", "200", "--items", "100", "--out",
           path("events.ndjson")});
  command({"produce", topology("a"), "--events", path("events.ndjson")});
  await_examples(800);
  stop(*a);

  auto b = start("b", {"--set", "topics.model=nowhere"});
  await_said("b", "reading ");
  stop(*b);
  EXPECT_NE(said("b").find("nowhere"), std::string::npos);
  EXPECT_NE(said("b").find("starts from nothing"), std::string::npos);
}

// With a broker of its own, because it kills it.
class ModelTopicOutage : public ModelTopicTest {
 protected:
  [[nodiscard]] std::string address() const override { return broker_.bootstrap(); }

  test::ScopedBroker broker_;
};

TEST_F(ModelTopicOutage, APublicationGoesOnWhenTheBrokerIsBack) {
  ASSERT_TRUE(broker_.running()) << broker_.output();
  learn_and_publish();
  // Seconds for a snapshot: the broker goes in the middle of it.
  auto a = start("a", {"--set", "model.publish_budget=200KiB"});
  const std::size_t before = dump(config_.topics.model).size();
  const std::string published = "published at position";
  const std::string earlier = said("a");
  std::size_t complete = 0;
  for (auto at = earlier.find(published); at != std::string::npos;
       at = earlier.find(published, at + 1)) {
    ++complete;
  }
  const auto deadline = steady_clock::now() + 60s;
  while (dump(config_.topics.model).size() <= before) {
    ASSERT_LT(steady_clock::now(), deadline) << "nothing more was published";
  }
  broker_.kill();
  broker_.start();
  ASSERT_TRUE(broker_.running()) << broker_.output();

  await_said("a", published, complete + 1);
  stop(*a);
  auto b = start("b");
  await_said("b", "reading ");
  EXPECT_GT(start_position("b"), 0);
  stop(*b);
}

}  // namespace
}  // namespace fovea::topologies
