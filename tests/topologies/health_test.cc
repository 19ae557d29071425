// Alive and ready, by what the threads say.

#include "topologies/health.h"

#include <gtest/gtest.h>

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr milliseconds kLagMax{10'000};

ProcessHealth well() {
  WorkerHealth worker;
  worker.name = "0";
  worker.phase = WorkerPhase::kRunning;
  worker.joined = true;
  worker.partitions = {{"t.events [0]", {0, 0.0}}};
  ProcessHealth health;
  health.learner = LearnerHealth{true, 7, {}, {0, 0.0}};
  health.workers = {worker};
  return health;
}

// "" when it is.
std::string unready(const ProcessHealth& health) {
  return why_not_ready(health, kLagMax).value_or("");
}

TEST(Health, AProcessAtWorkIsAliveAndReady) {
  EXPECT_EQ(why_not_alive(well()), std::nullopt);
  EXPECT_EQ(unready(well()), "");
}

TEST(Health, AThreadThatStandsStillIsNotAlive) {
  ProcessHealth health = well();
  health.workers[0].step_age = kStuckAfter - seconds(1);
  EXPECT_EQ(why_not_alive(health), std::nullopt);
  health.workers[0].step_age = kStuckAfter;
  EXPECT_EQ(why_not_alive(health), "worker 0 has not stepped for 60 s");
  EXPECT_EQ(unready(health), "worker 0 has not stepped for 60 s");

  health = well();
  health.learner->step_age = seconds(61);
  EXPECT_EQ(why_not_alive(health), "the learner has not stepped for 61 s");
}

TEST(Health, AWorkerThatEndedByItselfIsNotAliveButOneThatWasStoppedIs) {
  ProcessHealth health = well();
  health.workers[0].phase = WorkerPhase::kClosed;
  EXPECT_EQ(why_not_alive(health), "worker 0 has ended");
  health.phase = "stopping";
  EXPECT_EQ(why_not_alive(health), std::nullopt);
  EXPECT_EQ(unready(health), "stopping");
}

TEST(Health, BeforeAllPartsAreThereItIsNotReady) {
  ProcessHealth health;
  health.phase = "waiting for a broker";
  EXPECT_EQ(unready(health), "waiting for a broker");
  health.phase = "";
  EXPECT_EQ(unready(health), "starting");
  health = well();
  health.workers[0].joined = false;
  EXPECT_EQ(unready(health), "worker 0 is joining its group");
  health.workers[0].phase = WorkerPhase::kJoining;
  EXPECT_EQ(unready(health), "worker 0 is starting");
  health.workers[0].phase = WorkerPhase::kRebuilding;
  EXPECT_EQ(unready(health), "worker 0 makes new clients");
}

TEST(Health, ARestoreACommitThatLastsAndABrokerThatIsAwayAreNamed) {
  ProcessHealth health = well();
  health.workers[0].restoring = 2;
  EXPECT_EQ(unready(health), "worker 0 restores 2 partitions");
  health = well();
  health.workers[0].commit_age = seconds(11);
  EXPECT_EQ(unready(health), "worker 0 has been committing for 11.0 s");
  health.workers[0].commit_age = seconds(9);
  EXPECT_EQ(unready(health), "");
  health.workers[0].trouble = "output: no broker";
  EXPECT_EQ(unready(health), "worker 0: output: no broker");
}

TEST(Health, LagCountsOnlyWhenItIsBothManyRecordsAndOld) {
  ProcessHealth health = well();
  LagHealth& lag = health.workers[0].partitions[0].second;
  lag = {std::nullopt, std::nullopt};
  EXPECT_EQ(unready(health), "t.events [0]: its end is not known yet");
  lag = {kFewRecords, 3'600.0};
  EXPECT_EQ(unready(health), "");
  lag = {kFewRecords + 1, 9.0};
  EXPECT_EQ(unready(health), "");
  lag = {kFewRecords + 1, 10.5};
  EXPECT_EQ(unready(health), "t.events [0] is 101 records and 10.5 s behind");
  lag = {kFewRecords + 1, std::nullopt};
  EXPECT_EQ(unready(health), "t.events [0] is 101 records behind");

  health = well();
  health.learner->lag = {5'000, 60.0};
  EXPECT_EQ(unready(health), "the learner is 5000 records and 60.0 s behind");
}

}  // namespace
}  // namespace fovea::topologies
