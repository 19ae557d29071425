// What the transport does while its broker is killed, frozen or was never there.
//
// Each test that needs a broker starts one of its own, so that nobody else's is hurt.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
#include <thread>
#include <vector>

#include "ingest/kafka.h"
#include "tests/support/kafka_broker.h"

namespace fovea::ingest {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::kafka_settings;
using test::make_topic;
using test::unique_name;

// Goes on after the last record it has seen, as a store would; else where the group had got to.
class Keeper : public AssignmentListener {
 public:
  Result<std::vector<TopicPosition>> on_assigned(
      const std::vector<AssignedPartition>& partitions) override {
    ++assigned_count;
    std::vector<TopicPosition> told;
    for (const auto& partition : partitions) {
      committed = partition.committed;
      if (next == 0) next = committed.value_or(0);
      if (next > 0) told.push_back({partition.at, next});
    }
    return told;
  }
  void on_revoked(const std::vector<TopicPartition>&, bool) override { ++revoked_count; }

  Offset next = 0;
  std::optional<Offset> committed;
  int assigned_count = 0;
  int revoked_count = 0;
};

#define NEEDS_A_BROKER_OF_ITS_OWN(broker)                                          \
  do {                                                                             \
    if (!(broker).running()) {                                                     \
      const char* ci = std::getenv("CI");                                          \
      if (ci != nullptr && std::string(ci) == "true") FAIL() << (broker).output(); \
      GTEST_SKIP() << "NOT RUN: no Kafka broker: " << (broker).output();           \
    }                                                                              \
  } while (false)

// A port on which nobody listens: bound, and kept, so that nobody will.
class DeadPort {
 public:
  DeadPort() : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    socklen_t size = sizeof address;
    EXPECT_EQ(::getsockname(socket_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    bootstrap_ = "localhost:" + std::to_string(ntohs(address.sin_port));
  }
  ~DeadPort() { ::close(socket_); }
  DeadPort(const DeadPort&) = delete;
  DeadPort& operator=(const DeadPort&) = delete;
  [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }

 private:
  int socket_;
  std::string bootstrap_;
};

// Writes numbers to a topic of one partition and reads them back, expecting every one once.
class Loop {
 public:
  Loop(const KafkaSettings& settings, const std::string& topic, const std::string& group)
      : topic_(topic) {
    auto sink = open_kafka_sink(settings);
    auto source = open_kafka_source(settings, {{topic}, group, "one", "earliest"}, keeper);
    EXPECT_TRUE(sink && source);
    if (sink) sink_ = std::move(*sink);
    if (source) source_ = std::move(*source);
  }

  void write(int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE(sink_->append({topic_, 0, "k", std::to_string(written++), {}}));
    }
  }
  void read() {
    std::vector<SourceRecord> out;
    const auto polled = source_->poll(out, 100, 50ms);
    if (!polled) {
      ASSERT_EQ(polled.error().disposition, Disposition::kRetry) << polled.error().message;
      complaints.push_back(polled.error().message);
    }
    for (const auto& record : out) {
      ASSERT_EQ(record.offset, keeper.next++);
      ASSERT_EQ(record.value, std::to_string(record.offset));
    }
  }
  template <class Done>
  void read_until(const Done& done) {
    const auto deadline = steady_clock::now() + 30s;
    while (!done()) {
      ASSERT_NO_FATAL_FAILURE(read());
      ASSERT_LT(steady_clock::now(), deadline) << keeper.next << " of " << written;
    }
  }
  Result<void> flush(std::chrono::milliseconds timeout) { return sink_->flush(timeout); }
  Result<void> commit(Offset next) { return source_->commit({{{topic_, 0}, next}}); }
  std::optional<Offset> delivered_next() { return sink_->delivered_next({topic_, 0}); }

  Keeper keeper;
  int written = 0;
  std::vector<std::string> complaints;

 private:
  std::string topic_;
  std::unique_ptr<Sink> sink_;
  std::unique_ptr<Source> source_;
};

TEST(KafkaOutage, ABrokerKilledAndStartedAgainLosesAndRepeatsNothing) {
  test::ScopedBroker broker;
  NEEDS_A_BROKER_OF_ITS_OWN(broker);
  const auto settings = kafka_settings(broker.bootstrap());
  const auto topic = make_topic(settings, "outage", 1);
  const auto group = unique_name("group");
  {
    Loop loop(settings, topic, group);
    loop.write(1000);
    ASSERT_TRUE(loop.flush(20s));
    ASSERT_NO_FATAL_FAILURE(loop.read_until([&] { return loop.keeper.next >= 300; }));
    ASSERT_TRUE(loop.commit(200));

    // Nobody polls while the broker comes back: what the client makes of it must heal as well.
    broker.kill();
    loop.write(1000);  // queued until somebody is there to take them
    const auto dead = loop.flush(500ms);
    ASSERT_FALSE(dead);
    EXPECT_EQ(dead.error().disposition, Disposition::kRetry) << dead.error().message;
    ASSERT_NO_FATAL_FAILURE(loop.read_until([&] { return !loop.complaints.empty(); }));
    EXPECT_NE(
        loop.complaints.front().find("no broker of " + broker.bootstrap() + " has answered for "),
        std::string::npos)
        << loop.complaints.front();
    broker.start();
    ASSERT_TRUE(broker.running()) << broker.output();
    ASSERT_NO_FATAL_FAILURE(loop.read_until([&] { return loop.keeper.next == loop.written; }));

    // And while somebody does.
    broker.kill();
    loop.write(1000);
    std::thread starting([&] { broker.start(); });
    loop.read_until([&] { return loop.keeper.next == loop.written; });
    starting.join();
    ASSERT_FALSE(HasFatalFailure());

    const auto flushed = loop.flush(20s);
    ASSERT_TRUE(flushed) << flushed.error().message;
    EXPECT_EQ(loop.delivered_next(), loop.written);
    Result<void> committed = retry("not yet");
    ASSERT_NO_FATAL_FAILURE(loop.read_until([&] {
      committed = loop.commit(2500);
      return committed.has_value();
    }));
  }
  Loop after(settings, topic, group);
  ASSERT_NO_FATAL_FAILURE(after.read_until([&] { return after.keeper.next == 3000; }));
  EXPECT_EQ(after.keeper.committed, 2500);
}

TEST(KafkaOutage, ASecondProcessWithTheSameInstanceIdStopsTheFirst) {
  FOVEA_NEEDS_BROKER();
  const auto settings = kafka_settings(test::broker_address());
  const auto topic = make_topic(settings, "fenced", 1);
  const auto group = unique_name("group");
  Keeper first_keeper;
  Keeper second_keeper;
  auto first = open_kafka_source(settings, {{topic}, group, "one", "earliest"}, first_keeper);
  ASSERT_TRUE(first) << first.error().message;
  std::vector<SourceRecord> out;
  const auto deadline = steady_clock::now() + 30s;
  while (first_keeper.assigned_count == 0 && steady_clock::now() < deadline) {
    ASSERT_TRUE((*first)->poll(out, 10, 50ms));
  }
  auto second = open_kafka_source(settings, {{topic}, group, "one", "earliest"}, second_keeper);
  ASSERT_TRUE(second) << second.error().message;

  Result<void> polled;
  while (polled && steady_clock::now() < deadline) {
    ASSERT_TRUE((*second)->poll(out, 10, 20ms));
    polled = (*first)->poll(out, 10, 20ms);
  }

  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().disposition, Disposition::kStop);
  EXPECT_EQ(polled.error().message,
            "instance one of group " + group +
                " is fenced: another process has joined with the same instance id");
  EXPECT_TRUE((*first)->replaced());
  EXPECT_FALSE((*second)->replaced());
  EXPECT_EQ(second_keeper.assigned_count, 1);
}

TEST(KafkaOutage, ClosingDoesNotWaitForABrokerThatDoesNotAnswer) {
  test::ScopedBroker broker;
  NEEDS_A_BROKER_OF_ITS_OWN(broker);
  const auto settings = kafka_settings(broker.bootstrap());
  const auto topic = make_topic(settings, "frozen", 1);
  Keeper listener;
  auto source =
      open_kafka_source(settings, {{topic}, unique_name("group"), "", "earliest"}, listener);
  ASSERT_TRUE(source) << source.error().message;
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  ASSERT_TRUE((*sink)->append({topic, 0, "k", "v", {}}));
  ASSERT_TRUE((*sink)->flush(20s));
  auto reader = open_partition_reader(settings, {topic, 0}, 0);
  ASSERT_TRUE(reader) << reader.error().message;
  std::vector<SourceRecord> out;
  const auto deadline = steady_clock::now() + 20s;
  while (out.empty() && steady_clock::now() < deadline) {
    ASSERT_TRUE((*source)->poll(out, 10, 100ms));
  }
  ASSERT_EQ(out.size(), 1U);
  broker.freeze();
  ASSERT_TRUE((*sink)->append({topic, 0, "k", "v", {}}));

  const auto begun = steady_clock::now();
  reader->reset();
  sink->reset();
  const auto rest = steady_clock::now();
  source->reset();

  EXPECT_LT(rest - begun, 3s);
  EXPECT_LT(steady_clock::now() - rest, 13s);
  EXPECT_EQ(listener.revoked_count, 1);
}

TEST(KafkaOutage, WithoutABrokerEverythingAsksForAnotherTryAndNamesIt) {
  const DeadPort nobody;
  auto settings = kafka_settings(nobody.bootstrap());
  std::vector<std::string> lines;
  settings.log = [&](const std::string& line) { lines.push_back(line); };
  auto admin = open_kafka_admin(settings);
  ASSERT_TRUE(admin) << admin.error().message;
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  Keeper listener;
  auto source = open_kafka_source(settings, {{"t"}, "g", "i", "earliest"}, listener);
  ASSERT_TRUE(source) << source.error().message;

  const auto id = (*admin)->cluster_id(500ms);
  ASSERT_FALSE(id);
  EXPECT_EQ(id.error().disposition, Disposition::kRetry);
  EXPECT_NE(id.error().message.find(nobody.bootstrap()), std::string::npos) << id.error().message;
  const auto described = (*admin)->describe({"t"}, 500ms);
  ASSERT_FALSE(described);
  EXPECT_EQ(described.error().disposition, Disposition::kRetry);

  std::vector<std::string> complaints;
  const auto begun = steady_clock::now();
  while (steady_clock::now() - begun < 7s) {
    std::vector<SourceRecord> out;
    const auto polled = (*source)->poll(out, 10, 100ms);
    if (polled) continue;
    ASSERT_EQ(polled.error().disposition, Disposition::kRetry) << polled.error().message;
    complaints.push_back(polled.error().message);
  }
  ASSERT_EQ(complaints.size(), 2U);
  EXPECT_NE(complaints[1].find("no broker of " + nobody.bootstrap() + " has answered for 6 s"),
            std::string::npos)
      << complaints[1];
  EXPECT_NE(complaints[1].find("Connection refused"), std::string::npos) << complaints[1];
  EXPECT_FALSE(lines.empty());
  EXPECT_LT(lines.size(), 40U);  // the client tries ten times a second; the log does not say so
}

TEST(KafkaOutage, AProducersLogBeginsWithWhatMattersAndNotWithTheExpectedWarning) {
  const DeadPort nobody;
  auto settings = kafka_settings(nobody.bootstrap());
  std::vector<std::string> lines;
  settings.log = [&](const std::string& line) { lines.push_back(line); };
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;

  const auto begun = steady_clock::now();
  while (lines.empty() && steady_clock::now() - begun < 10s) (void)(*sink)->flush(100ms);

  ASSERT_FALSE(lines.empty());
  EXPECT_NE(lines.front().find("Connection refused"), std::string::npos) << lines.front();
}

}  // namespace
}  // namespace fovea::ingest
