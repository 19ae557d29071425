#pragma once

// A real broker for a test: which one, topics of its own, what lies in them.
//
//   FOVEA_NEEDS_BROKER();                        in a test registered with fovea_broker_test()
//   const auto settings = kafka_settings(broker_address());
//   const auto topic = make_topic(settings, "events", 6);
//   ... run the thing under test ...
//   for (const DumpedRecord& record : dump_topic(settings, topic)) ...
//
// All tests of a run share one broker; a topic or group belongs to one test by its name. A test
// that stops or kills a broker brings its own: ScopedBroker.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "ingest/kafka.h"

namespace fovea::test {

using namespace std::chrono_literals;

// FOVEA_TEST_BROKER, or what the CTest fixture wrote; empty when there is none.
inline std::string broker_address() {
  if (const char* address = std::getenv("FOVEA_TEST_BROKER"); address != nullptr && *address != 0) {
    return address;
  }
  std::string address;
  if (const char* file = std::getenv("FOVEA_TEST_BROKER_FILE"); file != nullptr) {
    std::ifstream(file) >> address;
  }
  return address;
}

// Skips, loudly, where no broker can be had; in CI that is a failure.
#define FOVEA_NEEDS_BROKER()                                                                  \
  do {                                                                                        \
    if (::fovea::test::broker_address().empty()) {                                            \
      const char* ci = std::getenv("CI");                                                     \
      if (ci != nullptr && std::string(ci) == "true") FAIL() << "no Kafka broker in CI";      \
      GTEST_SKIP() << "NOT RUN: no Kafka broker; see the output of integration/broker_start"; \
    }                                                                                         \
  } while (false)

inline std::string unique_name(const std::string& prefix) {
  static std::random_device random;
  std::array<char, 17> text{};
  std::snprintf(text.data(), text.size(), "%08x%08x", random(), random());
  return prefix + "-" + text.data();
}

inline ingest::KafkaSettings kafka_settings(const std::string& bootstrap) {
  ingest::KafkaSettings settings;
  settings.properties["bootstrap.servers"] = bootstrap;
  return settings;
}

// A new topic under a name of its own; the name.
inline std::string make_topic(const ingest::KafkaSettings& settings, const std::string& prefix,
                              std::int32_t partitions,
                              std::map<std::string, std::string> config = {}) {
  const std::string name = unique_name(prefix);
  auto admin = ingest::open_kafka_admin(settings);
  if (!admin) {
    ADD_FAILURE() << admin.error().message;
    return name;
  }
  const auto made = (*admin)->create({{name, partitions, 1, std::move(config)}}, 30s);
  if (!made) ADD_FAILURE() << made.error().message;
  return name;
}

// Appends and waits for every acknowledgement.
inline void produce(const ingest::KafkaSettings& settings,
                    const std::vector<ingest::OutputRecord>& records) {
  auto sink = ingest::open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  for (const auto& record : records) {
    auto appended = (*sink)->append(record);
    while (!appended && appended.error().disposition == Disposition::kRetry) {
      appended = (*sink)->append(record);
    }
    ASSERT_TRUE(appended) << appended.error().message;
  }
  const auto flushed = (*sink)->flush(30s);
  ASSERT_TRUE(flushed) << flushed.error().message;
}

struct DumpedRecord {
  Partition partition = 0;
  Offset offset = 0;
  TimeMs record_time{};
  std::optional<std::string> key;
  std::optional<std::string> value;
};

// Every committed record that the topic holds now, partition by partition.
inline std::vector<DumpedRecord> dump_topic(const ingest::KafkaSettings& settings,
                                            const std::string& topic) {
  std::vector<DumpedRecord> dumped;
  auto admin = ingest::open_kafka_admin(settings);
  if (!admin) return ADD_FAILURE() << admin.error().message, dumped;
  const auto described = (*admin)->describe({topic}, 30s);
  if (!described) return ADD_FAILURE() << described.error().message, dumped;
  if (described->size() != 1) return ADD_FAILURE() << topic << " does not exist", dumped;
  for (Partition partition = 0; partition < described->front().partitions; ++partition) {
    auto reader = ingest::open_partition_reader(settings, {topic, partition}, kNoOffset);
    if (!reader) return ADD_FAILURE() << reader.error().message, dumped;
    const auto ends = (*reader)->ends(30s);
    if (!ends) return ADD_FAILURE() << ends.error().message, dumped;
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while ((*reader)->next() < ends->high && ends->low < ends->high) {
      std::vector<ingest::SourceRecord> batch;
      const auto polled = (*reader)->poll(batch, 1000, 1s);
      if (!polled) return ADD_FAILURE() << polled.error().message, dumped;
      for (auto& record : batch) {
        dumped.push_back({record.partition, record.offset, record.record_time,
                          std::move(record.key), std::move(record.value)});
      }
      if (std::chrono::steady_clock::now() > deadline) {
        return ADD_FAILURE() << topic << " [" << partition << "]: stuck at " << (*reader)->next()
                             << " of " << ends->high,
               dumped;
      }
    }
  }
  return dumped;
}

// A broker of one's own, in a temporary directory: started, stopped, killed and frozen at will.
class ScopedBroker {
 public:
  ScopedBroker() : dir_(std::filesystem::temp_directory_path() / unique_name("fovea-broker")) {
    start();
  }
  ~ScopedBroker() {
    thaw();
    run("kill");
    std::error_code ignored;
    std::filesystem::remove_all(dir_, ignored);
  }
  ScopedBroker(const ScopedBroker&) = delete;
  ScopedBroker& operator=(const ScopedBroker&) = delete;

  // False where no broker can be had; `output` says why.
  [[nodiscard]] bool running() const { return running_; }
  [[nodiscard]] const std::string& output() const { return output_; }
  [[nodiscard]] const std::string& bootstrap() const { return bootstrap_; }

  // On the same data and the same port.
  void start() {
    running_ = run("start");
    std::ifstream(dir_ / "bootstrap") >> bootstrap_;
  }
  void stop() { run("stop"); }
  void kill() { run("kill"); }
  void freeze() { signal_broker(SIGSTOP); }
  void thaw() { signal_broker(SIGCONT); }

 private:
  bool run(const std::string& command) {
    const std::string line = std::string(FOVEA_SOURCE_DIR "/scripts/kafka.sh ") + command +
                             " --dir '" + dir_.string() + "' 2>&1";
    output_.clear();
    FILE* pipe = popen(line.c_str(), "r");
    if (pipe == nullptr) return false;
    std::array<char, 512> text{};
    while (std::fgets(text.data(), text.size(), pipe) != nullptr) output_ += text.data();
    return pclose(pipe) == 0;
  }
  void signal_broker(int signal) const {
    pid_t pid = 0;
    std::ifstream(dir_ / "pid") >> pid;
    if (pid > 0) ::kill(pid, signal);
  }

  std::filesystem::path dir_;
  std::string bootstrap_;
  std::string output_;
  bool running_ = false;
};

}  // namespace fovea::test
