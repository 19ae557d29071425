// `fovea run` against librdkafka's own broker in this process: what run_test.cc shows on a real
// one, in seconds and without a JVM, and the faults that only this one can be told to have.
//
// A partition holds 5 MB here, so the logs are short.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "ingest/embedded_broker.h"
#include "ingest/event_codec.h"
#include "ingest/recommendation_codec.h"
#include "tests/integration/run_fixture.h"
#include "topologies/produce.h"
#include "topologies/topics.h"

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;
using ingest::KafkaFault;
using ingest::KafkaRequest;
using test::Process;

class EmbeddedRun : public RunFixture {
 protected:
  EmbeddedRun() : RunFixture({600, 100}) {
    // Static members are not told from others there: whoever goes must leave.
    run_options_ = {"--leave"};
    delivery_ = DeliveryMode::kAtLeastOnce;
  }

  void SetUp() override {
    auto started = ingest::EmbeddedBroker::start();
    ASSERT_TRUE(started) << started.error().message;
    broker_ = *std::move(started);
    RunFixture::SetUp();
  }

  [[nodiscard]] ingest::KafkaSettings kafka() const override {
    ingest::KafkaSettings settings = ingest::embedded_settings({}, *broker_);
    // How long a member that was killed is waited for, and a second less is what each change of
    // members takes. Not below the first assignment's three seconds: nobody is heard from in them.
    settings.properties["session.timeout.ms"] = "3500";
    return settings;
  }

  void make_topics() override {
    const auto made = broker_->create(plan_topics(config_, 0));
    ASSERT_TRUE(made) << made.error().message;
  }

  // events.ndjson as `fovea produce` sends it.
  [[nodiscard]] std::vector<ingest::OutputRecord> event_records() {
    std::vector<ingest::OutputRecord> records;
    auto codec = ingest::EventCodec::create(config_.mapping);
    std::ifstream in(path("events.ndjson"));
    for (std::string line; std::getline(in, line);) {
      ingest::OutputRecord record;
      record.topic = config_.topics.input.front();
      record.key = user_of(*codec, line);
      record.value = line;
      records.push_back(std::move(record));
    }
    EXPECT_EQ(records.size(), static_cast<std::size_t>(scale_.events));
    return records;
  }

  void end_as_if_nothing_had_happened(Process& a) {
    const auto input = fold_input();
    await_folded(input);
    stop(a);
    expect_covered(input);
    expect_changelog_is_the_fold(input);
    expect_learned_once(input, "a");
  }

  std::unique_ptr<ingest::EmbeddedBroker> broker_;
};

TEST_F(EmbeddedRun, LosesNothingAndLearnsOnceThroughStopsAndKills) {
  through_stops_and_kills();
}

TEST_F(EmbeddedRun, RestoresProfilesFromTheChangelogIntoAnEmptyStateDirectory) {
  restore_from_the_changelog();
}

TEST_F(EmbeddedRun, TheIndependentCheckerFindsNothingAfterAKill) {
  satisfy_the_independent_checker();
}

TEST_F(EmbeddedRun, ABrokerThatGoesAndComesBackLosesNothing) {
  const auto events = event_records();
  test::produce(settings_, {events.begin(), events.begin() + 300});
  auto a = start("a");
  await_learned(1);
  broker_->set_down();
  await_said("a", "Connection refused");
  broker_->set_up();
  test::produce(settings_, {events.begin() + 300, events.end()});

  end_as_if_nothing_had_happened(*a);
}

TEST_F(EmbeddedRun, FaultsThatPassLeaveNoTrace) {
  test::produce(settings_, event_records());
  const std::vector<KafkaFault> faults{KafkaFault::kNotLeader, KafkaFault::kRequestTimedOut,
                                       KafkaFault::kNotLeader};
  for (const KafkaRequest request : {KafkaRequest::kProduce, KafkaRequest::kFetch}) {
    broker_->fail_next(request, faults);
  }
  for (const KafkaRequest request :
       {KafkaRequest::kJoinGroup, KafkaRequest::kOffsetFetch, KafkaRequest::kOffsetCommit}) {
    broker_->fail_next(request, {KafkaFault::kCoordinatorNotAvailable});
  }
  auto a = start("a");
  // The faults are the process's: no other client of this test asks for anything before.
  await_said("a", "partitions assigned");

  end_as_if_nothing_had_happened(*a);
}

TEST_F(EmbeddedRun, ARecordRefusedForGoodIsWrittenAgainByNewClients) {
  test::produce(settings_, event_records());
  broker_->fail_next(KafkaRequest::kProduce, {KafkaFault::kInvalidRecord});
  auto a = start("a");
  await_said("a", "new clients");

  end_as_if_nothing_had_happened(*a);
}

// `fovea produce` with an input that the test holds, so that an outage meets it half way however
// fast the machine is: 100 of 300 records are with the broker when that goes.
class HeldProduce {
 public:
  HeldProduce(const std::string& topology, const std::string& events, const std::string& fifo,
              const std::string& log)
      : pipe_(make(fifo)),
        process_({FOVEA_BINARY, "produce", topology, "--events", fifo}, log),
        events_(events) {}
  ~HeldProduce() { close(); }
  HeldProduce(const HeldProduce&) = delete;
  HeldProduce& operator=(const HeldProduce&) = delete;

  void send(int lines) {
    std::string text;
    for (std::string line; lines > 0 && std::getline(events_, line); --lines) text += line + '\n';
    ASSERT_EQ(::write(pipe_, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }
  void close() {
    if (pipe_ >= 0) ::close(pipe_);
    pipe_ = -1;
  }
  Process& process() { return process_; }

 private:
  static int make(const std::string& fifo) {
    EXPECT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
    // For reading too, so that opening waits for nobody.
    return ::open(fifo.c_str(), O_RDWR | O_CLOEXEC);
  }

  int pipe_;
  Process process_;
  std::ifstream events_;
};

TEST_F(EmbeddedRun, ProduceOutlastsAnOutageAndSaysWhatIsThereWhenItDoesNot) {
  const auto& topic = config_.topics.input.front();
  const auto held = [&](const std::string& log) {
    return std::make_unique<HeldProduce>(topology("a"), path("events.ndjson"), path(log + ".fifo"),
                                         path(log + ".log"));
  };
  const auto meet_an_outage = [&](HeldProduce& produce, const std::string& log) {
    const auto there = dump(topic).size();
    produce.send(100);
    await_records(topic, there + 100);
    broker_->set_down();
    produce.send(200);
    produce.close();
    await_said(log, "trying again");
  };

  auto outlasting = held("outlasting");
  ASSERT_NO_FATAL_FAILURE(meet_an_outage(*outlasting, "outlasting"));
  broker_->set_up();
  EXPECT_EQ(outlasting->process().wait(30s), 0) << file_text(path("outlasting.log"));
  const auto there = dump(topic).size();
  EXPECT_EQ(there, 300U);

  auto stopped = held("stopped");
  ASSERT_NO_FATAL_FAILURE(meet_an_outage(*stopped, "stopped"));
  stopped->process().signal(SIGINT);
  EXPECT_EQ(stopped->process().wait(30s), 1);
  broker_->set_up();
  const std::string said = file_text(path("stopped.log"));
  const std::string words = " of 300 records were acknowledged";
  const auto end = said.find(words);
  ASSERT_NE(end, std::string::npos) << said;
  const auto begin = said.rfind(' ', end - 1) + 1;
  const auto acknowledged = std::stoul(said.substr(begin, end - begin));
  EXPECT_GE(acknowledged, 1U);
  EXPECT_LE(acknowledged, dump(topic).size() - there);
}

// One partition and one worker, so that the learning log has the order of the input.
class EmbeddedReplies : public EmbeddedRun {
 protected:
  EmbeddedReplies() { more_settings_ = "[topics]\npartitions = 1\n"; }

  // By request, without what differs by nature: when it was sent, and the position, since the log
  // has marks in it.
  static void add_reply(const std::string& json, std::map<std::string, std::string>& replies) {
    auto slate = ingest::decode_recommendation(json);
    ASSERT_TRUE(slate) << slate.error().message;
    slate->emitted_at = slate->event_time;
    slate->model.position = 0;
    replies[slate->request_id] = ingest::encode_recommendation(*slate);
  }
};

TEST_F(EmbeddedReplies, AreThoseThatReplayComputesFromTheSameInput) {
  const std::vector<std::string> on_request{"--set", "emit.on=[\"request\"]"};
  constexpr int kRequests = 50;
  {
    std::ofstream requests(path("requests.ndjson"));
    for (int user = 0; user < kRequests; ++user) {
      requests << R"({"type":"request","user":"u)" << user << R"(","request_id":"r)" << user
               << R"(","ts":1767225660000)"
               << "}\n";
    }
  }
  std::ofstream(path("all.ndjson"))
      << file_text(path("events.ndjson")) << file_text(path("requests.ndjson"));
  const auto lines = file_text(path("items.ndjson"));
  const auto items = static_cast<std::size_t>(std::count(lines.begin(), lines.end(), '\n'));

  auto a = start("a", on_request);
  command({"produce", topology("a"), "--items", path("items.ndjson")});
  await_records(config_.topics.learning, items);
  command({"produce", topology("a"), "--events", path("events.ndjson")});
  await_learned(600);
  stop(*a);
  command({"produce", topology("a"), "--events", path("requests.ndjson")});
  // A start goes to the log's end before it works, so the requests see all that was learned.
  a = start("a", on_request);
  await_records(config_.topics.recommendations, kRequests);
  stop(*a);
  std::map<std::string, std::string> served;
  for (const auto& record : dump(config_.topics.recommendations)) {
    add_reply(record.value.value_or(""), served);
  }

  // Batches of 100, so that the requests are one, after the last event was learned.
  command({"replay", topology("a"), "--events", path("all.ndjson"), "--items", path("items.ndjson"),
           "--out", path("replayed.ndjson"), on_request[0], on_request[1], "--set",
           "model.view.publish_examples=100"});
  std::map<std::string, std::string> replayed;
  std::ifstream in(path("replayed.ndjson"));
  for (std::string line; std::getline(in, line);) add_reply(line, replayed);

  EXPECT_EQ(served.size(), static_cast<std::size_t>(kRequests));
  EXPECT_EQ(served, replayed);
}

}  // namespace
}  // namespace fovea::topologies
