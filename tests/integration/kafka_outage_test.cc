// What the transport does while its broker is killed, frozen or was never there.
//
// Each test that needs a broker starts one of its own, so that nobody else's is hurt.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <string>
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

class Quiet : public AssignmentListener {
 public:
  Result<std::vector<TopicPosition>> on_assigned(
      const std::vector<AssignedPartition>& partitions) override {
    ++assigned_count;
    for (const auto& partition : partitions) committed = partition.committed;
    return std::vector<TopicPosition>{};
  }
  void on_revoked(const std::vector<TopicPartition>&, bool) override { ++revoked_count; }
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

TEST(KafkaOutage, ABrokerKilledAndStartedAgainLosesAndRepeatsNothing) {
  test::ScopedBroker broker;
  NEEDS_A_BROKER_OF_ITS_OWN(broker);
  const auto settings = kafka_settings(broker.bootstrap());
  const auto topic = make_topic(settings, "outage", 1);
  const auto group = unique_name("group");
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  Quiet listener;
  auto source = open_kafka_source(settings, {{topic}, group, "one", "earliest"}, listener);
  ASSERT_TRUE(source) << source.error().message;
  int written = 0;
  Offset next = 0;
  std::vector<std::string> complaints;
  const auto write = [&](int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_TRUE((*sink)->append({topic, 0, "k", std::to_string(written++), {}}));
    }
  };
  const auto read = [&](std::chrono::milliseconds timeout) {
    std::vector<SourceRecord> out;
    const auto polled = (*source)->poll(out, 100, timeout);
    if (!polled) {
      ASSERT_EQ(polled.error().disposition, Disposition::kRetry) << polled.error().message;
      complaints.push_back(polled.error().message);
    }
    for (const auto& record : out) {
      ASSERT_EQ(record.offset, next++);
      ASSERT_EQ(record.value, std::to_string(record.offset));
    }
  };
  write(1000);
  ASSERT_TRUE((*sink)->flush(20s));
  while (next < 300) read(100ms);
  ASSERT_TRUE((*source)->commit({{{topic, 0}, 200}}));

  broker.kill();
  write(1000);  // queued until somebody is there to take them
  const auto dead = (*sink)->flush(500ms);
  ASSERT_FALSE(dead);
  EXPECT_EQ(dead.error().disposition, Disposition::kRetry) << dead.error().message;
  const auto gone = steady_clock::now();
  while (complaints.empty() && steady_clock::now() - gone < 15s) read(100ms);
  ASSERT_FALSE(complaints.empty());
  EXPECT_NE(complaints.front().find("no broker of " + broker.bootstrap() + " has answered for "),
            std::string::npos)
      << complaints.front();
  broker.start();
  ASSERT_TRUE(broker.running()) << broker.output();

  const auto deadline = steady_clock::now() + 30s;
  Result<void> flushed;
  do {
    flushed = (*sink)->flush(1s);
    if (!flushed) {
      ASSERT_EQ(flushed.error().disposition, Disposition::kRetry) << flushed.error().message;
    }
    ASSERT_LT(steady_clock::now(), deadline);
  } while (!flushed);
  while (next < written) {
    read(100ms);
    ASSERT_LT(steady_clock::now(), deadline) << next << " of " << written;
  }
  EXPECT_EQ((*sink)->delivered_next({topic, 0}), written);

  Result<void> committed = (*source)->commit({{{topic, 0}, 1500}});
  while (!committed && steady_clock::now() < deadline) {
    read(100ms);
    committed = (*source)->commit({{{topic, 0}, 1500}});
  }
  ASSERT_TRUE(committed) << committed.error().message;
  source->reset();
  Quiet after;
  source = open_kafka_source(settings, {{topic}, group, "one", "earliest"}, after);
  ASSERT_TRUE(source) << source.error().message;
  next = 1500;
  while (next < written) {
    read(100ms);
    ASSERT_LT(steady_clock::now(), deadline + 15s) << next << " of " << written;
  }
  EXPECT_EQ(after.committed, 1500);
}

TEST(KafkaOutage, ClosingDoesNotWaitForABrokerThatDoesNotAnswer) {
  test::ScopedBroker broker;
  NEEDS_A_BROKER_OF_ITS_OWN(broker);
  const auto settings = kafka_settings(broker.bootstrap());
  const auto topic = make_topic(settings, "frozen", 1);
  Quiet listener;
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
  Quiet listener;
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

}  // namespace
}  // namespace fovea::ingest
