#include "tests/integration/run_fixture.h"

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <set>
#include <thread>
#include <variant>

#include "ingest/event_codec.h"
#include "ingest/recommendation_codec.h"
#include "profile_store/profile_codec.h"
#include "scorer/learner.h"
#include "scorer/learning_record_codec.h"
#include "topologies/event_step.h"
#include "topologies/snapshot_files.h"

namespace fovea::topologies {

using namespace std::chrono_literals;
using test::DumpedRecord;
using test::Process;

std::string file_text(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

void RunFixture::SetUp() {
  name_ = test::unique_name("run");
  directory_ = std::filesystem::temp_directory_path() / name_;
  std::filesystem::create_directories(directory_);
  settings_ = kafka();
  for (const std::string process : {"a", "b"}) {
    std::ofstream file(topology(process));
    file << "name = \"" << name_ << "\"\n[group]\ninstance = \"" << process << "\"\n"
         << "[events.learn]\npositive = [\"play\", \"view\", \"like\"]\n"
         << "[slate]\nseen = \"exclude\"\n[model]\nhalf_life = \"10m\"\n"
         << "[delivery]\nmode = \"" << (exactly_once() ? "exactly_once" : "at_least_once") << "\"\n"
         << "[metrics]\nlisten = \"127.0.0.1:0\"\n"
         << "[emit]\nmax_event_age = \"0\"\n[state]\ndirectory = \"" << path("state-" + process)
         << "\"\n"
         << more_settings_ << "[kafka]\n";
    for (const auto& [key, value] : settings_.properties) {
      file << '"' << key << "\" = \"" << value << "\"\n";
    }
  }
  const auto loaded = load_config({topology("a"), {}, {}});
  ASSERT_TRUE(loaded) << loaded.error().message;
  config_ = config_of_tasks(*loaded);
  make_topics();
  command({"generate", "--events", std::to_string(scale_.events), "--users", "400", "--items",
           "200", "--out", path("events.ndjson"), "--items-out", path("items.ndjson")});
}

void RunFixture::TearDown() {
  if (HasFailure()) {
    for (const std::string process : {"a", "b"}) {
      std::cout << "--- " << process << "\n" << file_text(path(process) + ".log");
    }
  }
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

std::unique_ptr<Process> RunFixture::start(const std::string& process,
                                           const std::vector<std::string>& more) {
  std::vector<std::string> line{FOVEA_BINARY, "run", topology(process)};
  line.insert(line.end(), run_options_.begin(), run_options_.end());
  line.insert(line.end(), more.begin(), more.end());
  said_before_[process] = file_text(path(process + ".log")).size();
  return std::make_unique<Process>(line, path(process + ".log"));
}

void RunFixture::command(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), FOVEA_BINARY);
  Process process(arguments, path("command.log"));
  ASSERT_EQ(process.wait(kWithin), 0) << file_text(path("command.log"));
}

void RunFixture::stop(Process& process) {
  // Twice, as timeout(1) does.
  process.signal(SIGTERM);
  process.signal(SIGTERM);
  ASSERT_EQ(process.wait(kWithin), 0);
}

void RunFixture::kill(Process& process) {
  process.signal(SIGKILL);
  ASSERT_EQ(process.wait(10s), 128 + SIGKILL);
}

std::vector<DumpedRecord> RunFixture::dump(const std::string& topic) {
  return test::dump_topic(settings_, topic);
}

void RunFixture::await_learned(std::int64_t at_least) {
  const auto deadline = std::chrono::steady_clock::now() + kWithin;
  auto reader = ingest::open_partition_reader(settings_, {config_.topics.learning, 0}, 0);
  ASSERT_TRUE(reader) << reader.error().message;
  std::set<std::pair<Partition, Offset>> sources;
  std::vector<ingest::SourceRecord> batch;
  while (static_cast<std::int64_t>(sources.size()) < at_least) {
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

void RunFixture::await_catalogue() {
  const std::size_t said = dump(config_.topics.items).size();
  const auto deadline = std::chrono::steady_clock::now() + kWithin;
  for (;;) {
    std::set<std::pair<Partition, Offset>> learned;
    for (const DumpedRecord& dumped : dump(config_.topics.learning)) {
      const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
      ASSERT_TRUE(record) << record.error().message;
      if (!std::holds_alternative<ItemChange>(record->body)) continue;
      learned.emplace(record->source.partition, record->source.offset);
    }
    if (learned.size() == said) return;
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << learned.size() << " of " << said << " records of the catalogue are in the learning log";
    std::this_thread::sleep_for(50ms);
  }
}

void RunFixture::await_records(const std::string& topic, std::size_t at_least) {
  const auto deadline = std::chrono::steady_clock::now() + kWithin;
  std::size_t there = 0;
  while ((there = dump(topic).size()) < at_least) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << there << " of " << at_least << " records are in " << topic;
    std::this_thread::sleep_for(20ms);
  }
}

void RunFixture::await_said(const std::string& process, const std::string& what) {
  const auto deadline = std::chrono::steady_clock::now() + kWithin;
  while (file_text(path(process + ".log")).find(what, said_before_[process]) == std::string::npos) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << process << " has not said \"" << what << '"';
    std::this_thread::sleep_for(20ms);
  }
}

RunFixture::Input RunFixture::fold_input() {
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

void RunFixture::expect_covered(const Input& input) {
  std::map<std::string, std::set<std::size_t>> covered;
  for (const DumpedRecord& record : dump(config_.topics.recommendations)) {
    const auto slate = ingest::decode_recommendation(record.value.value_or(""));
    ASSERT_TRUE(slate) << slate.error().message;
    const auto user = input.scorable.find(slate->user.value);
    ASSERT_NE(user, input.scorable.end())
        << "of " << input.scorable.size() << " users not one: " << *record.value;
    const auto& events = user->second;
    const auto trigger = std::find(events.begin(), events.end(),
                                   std::pair(slate->trigger.partition, slate->trigger.offset));
    ASSERT_NE(trigger, events.end()) << "no such trigger: " << *record.value;
    const auto end = static_cast<std::size_t>(trigger - events.begin()) + 1;
    ASSERT_LE(slate->covers, end);
    for (std::size_t i = end - slate->covers; i < end; ++i) {
      const bool fresh = covered[slate->user.value].insert(i).second;
      EXPECT_TRUE(fresh || !exactly_once()) << "covered twice: " << *record.value;
    }
  }
  for (const auto& [user, events] : input.scorable) {
    EXPECT_EQ(covered[user].size(), events.size()) << user;
  }
}

void RunFixture::await_folded(const Input& input) {
  const auto deadline = std::chrono::steady_clock::now() + kWithin;
  for (;;) {
    std::map<std::string, Offset> applied;
    for (const DumpedRecord& record : dump(config_.topics.profiles)) {
      const auto profile = profile_store::decode_profile(record.value.value_or(""));
      ASSERT_TRUE(profile) << profile.error().message;
      applied[record.key.value_or("")] = profile->behaviour.applied;
    }
    const auto behind = std::find_if(
        input.behaviours.begin(), input.behaviours.end(), [&applied](const auto& expected) {
          const auto found = applied.find(expected.first);
          return found == applied.end() || found->second < expected.second.applied;
        });
    if (behind == input.behaviours.end()) return;
    ASSERT_LT(std::chrono::steady_clock::now(), deadline)
        << behind->first << " is not folded up to " << behind->second.applied;
    std::this_thread::sleep_for(50ms);
  }
}

void RunFixture::expect_changelog_is_the_fold(const Input& input) {
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

void RunFixture::expect_dead_letters(const Input& input) {
  std::map<std::string, std::size_t> letters;
  for (const DumpedRecord& record : dump(config_.topics.dead_letter)) {
    ++letters[record.value.value_or("")];
  }
  EXPECT_EQ(letters.size(), input.poison.size());
  for (const auto& [value, reason] : input.poison) {
    EXPECT_GE(letters[value], 1U) << reason;
    EXPECT_TRUE(letters[value] == 1 || !exactly_once()) << reason;
  }
}

void RunFixture::expect_learned_once(const Input& input, const std::string& process) {
  auto learner = scorer::Learner::create(config_.model);
  ASSERT_TRUE(learner);
  std::map<Offset, std::uint64_t> digests;
  std::size_t marks = 0;
  std::size_t examples = 0;
  for (const DumpedRecord& dumped : dump(config_.topics.learning)) {
    const auto record = scorer::decode_learning_record(dumped.value.value_or(""));
    ASSERT_TRUE(record) << record.error().message;
    ASSERT_TRUE((*learner)->fold(*record, dumped.offset));
    digests[dumped.offset] = (*learner)->digest();
    if (std::holds_alternative<Example>(record->body)) ++examples;
    if (const auto* mark = std::get_if<Mark>(&record->body)) {
      ++marks;
      EXPECT_EQ(mark->digest, digests[mark->position]) << mark->process;
    }
  }
  EXPECT_EQ((*learner)->stats().examples, static_cast<std::uint64_t>(input.teaching));
  EXPECT_TRUE(examples == static_cast<std::size_t>(input.teaching) || !exactly_once())
      << examples << " examples of " << input.teaching << " events";
  EXPECT_GT(marks, 0U);

  const auto snapshot = newest_snapshot(path("state-" + process) + "/model");
  ASSERT_TRUE(snapshot);
  const auto bytes = read_snapshot(*snapshot);
  ASSERT_TRUE(bytes);
  auto restored = scorer::Learner::create(config_.model);
  ASSERT_TRUE((*restored)->restore(bytes->view()));
  EXPECT_EQ((*restored)->digest(), digests[snapshot->stamp.position]);
}

void RunFixture::through_stops_and_kills() {
  auto a = start("a");
  auto b = start("b");
  Process produce({FOVEA_BINARY, "produce", topology("a"), "--events", path("events.ndjson"),
                   "--items", path("items.ndjson"), "--rate", std::to_string(scale_.rate)},
                  path("produce.log"));

  await_learned(scale_.events / 5);
  stop(*a);
  a = start("a");
  std::vector<ingest::OutputRecord> poison(2);
  poison[0].topic = poison[1].topic = config_.topics.input.front();
  poison[0].value = "not json";
  poison[1].value = R"({"type":"view","item":"i1"})";
  test::produce(settings_, poison);
  await_learned(scale_.events * 2 / 5);
  kill(*b);
  b = start("b");
  await_learned(scale_.events * 3 / 5);
  kill(*a);
  kill(*b);
  a = start("a");
  b = start("b");
  ASSERT_EQ(produce.wait(kWithin), 0) << file_text(path("produce.log"));
  const auto input = fold_input();
  await_folded(input);
  for (const char* process : {"a", "b"}) await_said(process, "reading");
  stop(*a);
  stop(*b);

  ASSERT_EQ(input.poison.size(), 2U);
  expect_covered(input);
  expect_changelog_is_the_fold(input);
  expect_dead_letters(input);
  expect_learned_once(input, "a");
  expect_learned_once(input, "b");
}

void RunFixture::restore_from_the_changelog() {
  const std::int64_t first = scale_.events / 5;
  const std::int64_t second = first / 2;
  command({"produce", topology("a"), "--events", path("events.ndjson"), "--limit",
           std::to_string(first)});
  auto a = start("a");
  await_learned(first);
  stop(*a);
  std::filesystem::remove_all(path("state-a"));

  a = start("a");
  command({"generate", "--events", std::to_string(second), "--users", "400", "--items", "200",
           "--seed", "2", "--out", path("events.ndjson")});
  command({"produce", topology("a"), "--events", path("events.ndjson")});
  const auto input = fold_input();
  await_folded(input);
  await_said("a", "changelog records restored");
  stop(*a);

  expect_covered(input);
  expect_changelog_is_the_fold(input);
  expect_learned_once(input, "a");
}

void RunFixture::satisfy_the_independent_checker() {
  command({"produce", topology("a"), "--events", path("events.ndjson"), "--items",
           path("items.ndjson")});
  std::vector<ingest::OutputRecord> poison(1);
  poison[0].topic = config_.topics.input.front();
  poison[0].value = R"({"user":"u1","type":"view","item":"i1","ts":"when"})";
  test::produce(settings_, poison);
  auto a = start("a");
  await_learned(scale_.events / 4);
  kill(*a);
  a = start("a");
  await_folded(fold_input());
  await_catalogue();
  await_said("a", "reading");
  stop(*a);

  const std::string scripts = FOVEA_SOURCE_DIR "/scripts/";
  Process print_config({FOVEA_BINARY, "run", topology("a"), "--print-config"}, path("config.toml"));
  ASSERT_EQ(print_config.wait(kWithin), 0);
  Process profiles({FOVEA_BINARY, "profile", "export", topology("a")}, path("profiles.ndjson"));
  ASSERT_EQ(profiles.wait(kWithin), 0);
  Process dumps({"/usr/bin/env", "bash", scripts + "dump_topics.sh",
                 settings_.properties.at("bootstrap.servers"), path("config.toml"), path("dumps")},
                path("dumps.log"));
  ASSERT_EQ(dumps.wait(kWithin), 0) << file_text(path("dumps.log"));
  std::vector<std::string> line{"/usr/bin/env", "python3",           scripts + "check_run.py",
                                "--config",     path("config.toml"), "--dumps",
                                path("dumps"),  "--profiles",        path("profiles.ndjson")};
  if (!exactly_once()) line.emplace_back("--restarts");
  Process check(line, path("check.log"));
  EXPECT_EQ(check.wait(kWithin), 0) << file_text(path("check.log"));
}

}  // namespace fovea::topologies
