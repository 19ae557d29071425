#pragma once

// `fovea run` end to end, wherever its broker is: processes started, stopped and killed, and what
// must be true of the topics and the stores afterwards.
//
//   class MyRun : public RunFixture {
//    protected:
//     MyRun() : RunFixture({15'000, 1'500}) {}
//     ingest::KafkaSettings kafka() const override { ... }
//   };
//   TEST_F(MyRun, LosesNothingThroughStopsAndKills) { through_stops_and_kills(); }
//
// The expectations are folds of the input topic as it lies there, made here, in one thread.

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "ingest/kafka.h"
#include "tests/support/kafka_broker.h"
#include "tests/support/process.h"
#include "topologies/config.h"
#include "vocab/ids.h"
#include "vocab/profile.h"

namespace fovea::topologies {

// Only a machine that stands still takes as long.
inline constexpr std::chrono::seconds kWithin{120};

[[nodiscard]] std::string file_text(const std::filesystem::path& path);

class RunFixture : public testing::Test {
 protected:
  struct Scale {
    std::int64_t events = 0;  // of the log that SetUp() makes
    int rate = 0;             // a second, where a scenario needs the input to last
  };
  explicit RunFixture(Scale scale) : scale_(scale) {}

  // How the processes and the test reach the broker.
  [[nodiscard]] virtual ingest::KafkaSettings kafka() const = 0;
  virtual void make_topics() { command({"topics", "create", topology("a")}); }

  void SetUp() override;
  void TearDown() override;

  [[nodiscard]] std::string path(const std::string& file) const {
    return (directory_ / file).string();
  }
  [[nodiscard]] std::string topology(const std::string& process) const {
    return path(process + ".toml");
  }

  std::unique_ptr<test::Process> start(const std::string& process,
                                       const std::vector<std::string>& more = {});
  // Runs a subcommand to its end, which must be a good one.
  void command(std::vector<std::string> arguments);
  void stop(test::Process& process);
  // With SIGKILL; it is gone then, and what it held is free.
  static void kill(test::Process& process);
  [[nodiscard]] std::vector<test::DumpedRecord> dump(const std::string& topic);

  // Waits until the learning log holds examples of so many events. Repeats do not count: after a
  // kill there are some.
  void await_learned(std::int64_t at_least);
  // Waits until the learning log holds every record of the catalogue.
  void await_catalogue();
  // Waits until a topic holds so many records.
  void await_records(const std::string& topic, std::size_t at_least);
  void hear_from_now_on(const std::string& process) {
    said_before_[process] = file_text(path(process + ".log")).size();
  }
  // Waits until a process has said this since its last start, or since hear_from_now_on().
  void await_said(const std::string& process, const std::string& what);

  // The scorable events of each user, in the order of their partition.
  struct Input {
    std::map<std::string, std::vector<std::pair<Partition, Offset>>> scorable;
    std::map<std::string, Behaviour> behaviours;
    std::int64_t teaching = 0;
    std::map<std::string, std::string> poison;  // value -> reason
  };
  Input fold_input();
  // Waits until the changelog stands for all of the input: the last interval is durable.
  void await_folded(const Input& input);

  // Each slate covers the user's scorable events that end with its trigger; together, all. Exactly
  // once: each of them by one.
  void expect_covered(const Input& input);
  void expect_changelog_is_the_fold(const Input& input);
  void expect_dead_letters(const Input& input);
  // The log folded here agrees with every mark in it and with the snapshot that the process left,
  // and holds each teaching event once, however often it was written. Exactly once: that is once.
  void expect_learned_once(const Input& input, const std::string& process);

  // Two processes, one stopped, each killed, while the input goes on; two poisonous records.
  void through_stops_and_kills();
  // The state directory goes between two runs.
  void restore_from_the_changelog();
  // Python's own parsers, fold and sums over what a run with a kill left: scripts/check_run.py.
  void satisfy_the_independent_checker();

  [[nodiscard]] bool exactly_once() const { return delivery_ == DeliveryMode::kExactlyOnce; }

  const Scale scale_;
  // Of the processes; with exactly once nothing may be there twice, whatever was killed.
  DeliveryMode delivery_ = DeliveryMode::kExactlyOnce;
  std::vector<std::string> run_options_;  // of each `fovea run`
  std::string more_settings_;             // of the topology, TOML
  std::string name_;
  std::filesystem::path directory_;
  ingest::KafkaSettings settings_;
  Config config_;  // of its tasks

 private:
  std::map<std::string, std::size_t> said_before_;  // bytes of a log that do not count
};

}  // namespace fovea::topologies
