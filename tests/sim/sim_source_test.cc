#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_fixture.h"

namespace fovea::sim {
namespace {

class SimSourceTest : public SimFixture {
 protected:
  SimSourceTest() : SimFixture(4) {}

  void fill(Partition partition, int count) {
    for (int i = 0; i < count; ++i) {
      cluster.append({"t", partition}, record(fmt::format("{}", i)));
    }
  }
  static std::vector<std::string> numbers(int count) {
    std::vector<std::string> values;
    for (int i = 0; i < count; ++i) values.push_back(fmt::format("{}", i));
    return values;
  }
  static std::vector<ingest::TopicPosition> position(Offset next, Partition partition = 0) {
    return {{{"t", partition}, next}};
  }
};

TEST_F(SimSourceTest, BringsEachPartitionInOrderAndCommits) {
  for (Partition partition = 0; partition < 4; ++partition) fill(partition, 30);
  const auto reader = join();
  for (int i = 0; i < 40; ++i) ASSERT_TRUE(reader->poll());
  for (Partition partition = 0; partition < 4; ++partition) {
    EXPECT_EQ(reader->values(partition), numbers(30)) << partition;
  }
  ASSERT_EQ(reader->listener.assigned.size(), 1U);
  EXPECT_EQ(reader->listener.assigned[0][0].committed, std::nullopt);
  EXPECT_EQ(cluster.committed("g", at), std::nullopt);
  ASSERT_TRUE(reader->source->commit(position(30)));
  EXPECT_EQ(cluster.committed("g", at), 30);
  EXPECT_EQ(reader->source->progress(at)->next, 30);
  EXPECT_EQ(reader->source->progress(at)->end, 30);
}

TEST_F(SimSourceTest, WaitsForTheFirstRecordAndNoLonger) {
  const auto reader = join();
  settle({reader.get()});
  const auto out = sink(reader->process);
  ASSERT_TRUE(out->append(output(0, "x")));
  const Time before = clock.monotonic();
  ASSERT_TRUE(reader->poll(10s));
  EXPECT_EQ(reader->values(), std::vector<std::string>{"x"});
  EXPECT_LT(clock.monotonic() - before, 10ms);
  ASSERT_TRUE(reader->poll(10s));
  EXPECT_GE(clock.monotonic() - before, 10s);
}

TEST_F(SimSourceTest, StartsWhereTheListenerSaysElseWhereTheGroupWasElseAsConfigured) {
  for (Partition partition = 0; partition < 3; ++partition) fill(partition, 10);
  const auto before = join();
  settle({before.get()});
  ASSERT_TRUE(before->source->commit({{{"t", 0}, 4}, {{"t", 1}, 4}}));
  before->source.reset();

  const auto reader = join("", "latest");
  reader->listener.answer = position(7, 1);
  settle({reader.get()});
  EXPECT_EQ(reader->listener.assigned[0][0].committed, 4);
  EXPECT_EQ(reader->values(0).size(), 6U);
  EXPECT_EQ(reader->values(1).size(), 3U);
  EXPECT_EQ(reader->values(2).size(), 0U);
}

TEST_F(SimSourceTest, StartsAtATimeAndReadsWholeTopicsWhole) {
  cluster.create_topic("whole", {1, false});
  for (int i = 0; i < 10; ++i) {
    LogRecord one = record("v");
    one.record_time = TimeMs{100 + i};
    cluster.append(at, one);
    cluster.append({"whole", 0}, one);
  }
  auto reader = join();
  ingest::ConsumerSettings settings{{"t", "whole"}, "other", "", "105", {"whole"}};
  auto source = cluster.open_source(settings, reader->listener, reader->process);
  ASSERT_TRUE(source);
  reader->source = *std::move(source);
  settle({reader.get()});
  std::map<std::string, int> counts;
  for (const auto& one : reader->got) ++counts[std::string(one.topic)];
  EXPECT_EQ(counts["t"], 5);
  EXPECT_EQ(counts["whole"], 10);
}

TEST_F(SimSourceTest, RefusesSettingsAndNamesAMissingTopic) {
  Listener listener;
  const ProcessId process = cluster.start_process();
  EXPECT_FALSE(cluster.open_source({{}, "g", "", "earliest", {}}, listener, process));
  EXPECT_FALSE(cluster.open_source({{"t"}, "", "", "earliest", {}}, listener, process));
  EXPECT_FALSE(cluster.open_source({{"t"}, "g", "", "monday", {}}, listener, process));
  auto source = cluster.open_source({{"nowhere"}, "g", "", "earliest", {}}, listener, process);
  ASSERT_TRUE(source);
  std::vector<ingest::SourceRecord> out;
  const auto polled = (*source)->poll(out, 1, 1s);
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().message, "topic nowhere does not exist");
}

TEST_F(SimSourceTest, APausedPartitionKeepsItsPlace) {
  const auto reader = join();
  settle({reader.get()});
  fill(0, 5);
  fill(1, 5);
  reader->source->pause({at});
  settle({reader.get()});
  EXPECT_EQ(reader->values(0).size(), 0U);
  EXPECT_EQ(reader->values(1).size(), 5U);
  reader->source->resume({at});
  settle({reader.get()});
  EXPECT_EQ(reader->values(0), numbers(5));
}

TEST_F(SimSourceTest, StopsAtAPositionThatTheTopicDoesNotHave) {
  fill(0, 10);
  cluster.trim(at, 5);
  for (const Offset start : {Offset{4}, Offset{11}}) {
    const auto reader = join();
    reader->listener.answer = position(start);
    ASSERT_TRUE(reader->poll());
    const auto polled = reader->poll();
    ASSERT_FALSE(polled);
    EXPECT_EQ(polled.error().disposition, Disposition::kStop);
    EXPECT_TRUE(polled.error().message.starts_with(fmt::format("t [0]: position {} is", start)))
        << polled.error().message;
    EXPECT_TRUE(reader->got.empty());
  }
}

TEST_F(SimSourceTest, GoesOnBehindWhatIsGoneWhereItIsToldTo) {
  fill(0, 10);
  cluster.trim(at, 5);
  skip_lost = true;
  const auto reader = join();
  reader->listener.answer = position(2);
  settle({reader.get()});
  EXPECT_EQ(reader->values(0), (std::vector<std::string>{"5", "6", "7", "8", "9"}));
}

TEST_F(SimSourceTest, HandsPartitionsOverInsideOfPollAndCommitsBefore) {
  fill(0, 10);
  const auto first = join();
  settle({first.get()});
  EXPECT_EQ(first->holds(), (std::vector<Partition>{0, 1, 2, 3}));
  first->listener.on_revoke = [&] { ASSERT_TRUE(first->source->commit(position(3))); };
  const auto second = join();
  // It has asked, and gets nothing before the other has let go.
  ASSERT_TRUE(second->poll());
  EXPECT_TRUE(second->listener.assigned.empty());
  EXPECT_TRUE(first->listener.revoked.empty());
  settle({first.get(), second.get()});
  first->listener.on_revoke = {};
  ASSERT_EQ(first->listener.revoked.size(), 1U);
  EXPECT_FALSE(first->listener.revoked[0].lost);
  EXPECT_EQ(first->listener.revoked[0].partitions.size(), 4U);
  auto both = first->holds();
  const auto theirs = second->holds();
  EXPECT_EQ(both.size(), 2U);
  both.insert(both.end(), theirs.begin(), theirs.end());
  std::sort(both.begin(), both.end());
  EXPECT_EQ(both, (std::vector<Partition>{0, 1, 2, 3}));
  const auto& zero = (first->holds()[0] == 0 ? first : second)->listener.assigned.back()[0];
  EXPECT_EQ(zero.committed, 3);
}

TEST_F(SimSourceTest, ADynamicMemberThatGoesIsReplacedAtOnceAStaticOneAfterASession) {
  for (const std::string instance : {"", "b"}) {
    const auto stays = join(instance.empty() ? "" : "a");
    const auto goes = join(instance);
    settle({stays.get(), goes.get()});
    ASSERT_EQ(stays->holds().size(), 2U);
    goes->source.reset();
    ASSERT_EQ(goes->listener.revoked.size(), 2U - (goes->listener.assigned.size() == 1 ? 1 : 0));
    EXPECT_FALSE(goes->listener.revoked.back().lost);
    settle({stays.get()});
    EXPECT_EQ(stays->holds().size(), instance.empty() ? 4U : 2U);
    cluster.run_for(6s);
    settle({stays.get()});
    EXPECT_EQ(stays->holds().size(), 4U);
    stays->source.reset();
    cluster.run_for(10s);
  }
}

TEST_F(SimSourceTest, AStaticMemberThatComesBackInTimeDisturbsNobody) {
  const auto first = join("a");
  const auto second = join("b");
  settle({first.get(), second.get()});
  const auto generation = cluster.generation("g");
  const auto held = first->holds();
  cluster.kill(first->process);
  cluster.run_for(3s);
  const auto again = join("a");
  settle({second.get(), again.get()});
  EXPECT_EQ(again->holds(), held);
  EXPECT_EQ(cluster.generation("g"), generation);
  EXPECT_EQ(second->listener.revoked.size(), second->listener.assigned.size() - 1);
}

TEST_F(SimSourceTest, AKilledMemberIsMissedAfterItsSession) {
  const auto first = join();
  const auto second = join();
  settle({first.get(), second.get()});
  cluster.kill(second->process);
  cluster.run_for(5s);
  settle({first.get()});
  EXPECT_EQ(first->holds().size(), 2U);
  cluster.run_for(1s);
  settle({first.get()});
  EXPECT_EQ(first->holds().size(), 4U);
  // Its own end says nothing to anybody.
  second->source.reset();
  EXPECT_EQ(second->listener.revoked.size(), second->listener.assigned.size() - 1);
}

TEST_F(SimSourceTest, AZombieMayNotCommitAndLearnsThatItsPartitionsAreLost) {
  fill(0, 10);
  const auto zombie = join("z");
  settle({zombie.get()});
  const auto heir = join("h");
  cluster.freeze(zombie->process);
  cluster.run_for(7s);
  settle({heir.get()});
  ASSERT_EQ(heir->holds().size(), 4U);
  ASSERT_TRUE(heir->source->commit(position(9)));
  cluster.thaw(zombie->process);
  const auto committed = zombie->source->commit(position(2));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().disposition, Disposition::kSkip);
  EXPECT_EQ(committed.error().reason, "not_ours");
  EXPECT_EQ(cluster.committed("g", at), 9);
  ASSERT_TRUE(zombie->poll());
  ASSERT_EQ(zombie->listener.revoked.size(), 1U);
  EXPECT_TRUE(zombie->listener.revoked[0].lost);
  settle({zombie.get(), heir.get()});
  EXPECT_EQ(zombie->holds().size(), 2U);
}

TEST_F(SimSourceTest, AShortAbsenceIsNotNoticed) {
  const auto reader = join();
  settle({reader.get()});
  cluster.freeze(reader->process);
  cluster.run_for(5s);
  cluster.thaw(reader->process);
  cluster.run_for(20s);
  settle({reader.get()});
  EXPECT_TRUE(reader->listener.revoked.empty());
  EXPECT_TRUE(reader->source->commit(position(1)));
}

TEST_F(SimSourceTest, ACommitOfAnOldGenerationIsRefused) {
  const auto first = join();
  settle({first.get()});
  const auto second = join();
  ASSERT_TRUE(second->poll());
  // While the group prepares, the old generation may still commit.
  EXPECT_TRUE(first->source->commit(position(1)));
  ASSERT_TRUE(first->poll());
  const auto committed = first->source->commit(position(2));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().disposition, Disposition::kSkip);
  EXPECT_EQ(committed.error().reason, "not_ours");
  EXPECT_EQ(cluster.committed("g", at), 1);
}

TEST_F(SimSourceTest, TheSameInstanceFencesTheOneBefore) {
  const auto older = join("a");
  settle({older.get()});
  const auto newer = join("a");
  settle({newer.get()});
  EXPECT_EQ(newer->holds().size(), 4U);
  EXPECT_FALSE(older->source->replaced());
  const auto committed = older->source->commit(position(2));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().disposition, Disposition::kStop);
  const auto polled = older->poll();
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().disposition, Disposition::kStop);
  EXPECT_TRUE(older->source->replaced());
  EXPECT_FALSE(newer->source->replaced());
  older->source.reset();
  EXPECT_TRUE(older->listener.revoked.back().lost);
  cluster.run_for(10s);
  settle({newer.get()});
  EXPECT_TRUE(newer->listener.revoked.empty());
}

TEST_F(SimSourceTest, AMemberThatIsNotPolledIsOutOfItsGroup) {
  const auto idle = join();
  settle({idle.get()});
  cluster.run_for(301s);
  const auto heir = join();
  settle({heir.get()});
  EXPECT_EQ(heir->holds().size(), 4U);
  ASSERT_TRUE(idle->poll());
  EXPECT_TRUE(idle->listener.revoked.back().lost);
}

TEST_F(SimSourceTest, AMemberThatDoesNotLetGoIsWaitedForNoLongerThanItsPollInterval) {
  const auto busy = join();
  settle({busy.get()});
  cluster.run_for(100s);
  ASSERT_TRUE(busy->poll());
  const auto heir = join();
  ASSERT_TRUE(heir->poll());
  cluster.run_for(290s);
  settle({heir.get()});
  EXPECT_TRUE(heir->holds().empty());
  cluster.run_for(11s);
  settle({heir.get()});
  EXPECT_EQ(heir->holds().size(), 4U);
}

TEST_F(SimSourceTest, PartitionsThatDoNotDivideEvenlyAreAllGivenOut) {
  const auto a = join("a");
  const auto b = join("b");
  const auto c = join("c");
  settle({a.get(), b.get(), c.get()});
  EXPECT_EQ(a->holds(), (std::vector<Partition>{0, 1}));
  EXPECT_EQ(b->holds(), std::vector<Partition>{2});
  EXPECT_EQ(c->holds(), std::vector<Partition>{3});
}

TEST_F(SimSourceTest, BringsNothingOfAPartitionThatWasGivenUp) {
  const auto first = join();
  settle({first.get()});
  const auto second = join();
  ASSERT_TRUE(second->poll());
  const auto third = join();
  ASSERT_TRUE(third->poll());
  ASSERT_TRUE(first->poll());
  ASSERT_EQ(first->listener.revoked.size(), 1U);
  // It waits for what becomes of the group.
  const auto fourth = join();
  ASSERT_TRUE(fourth->poll());
  ASSERT_TRUE(first->poll());
  fill(0, 5);
  ASSERT_TRUE(first->poll());
  EXPECT_TRUE(first->got.empty());
}

TEST_F(SimSourceTest, AFrozenProcessSaysNothingWhenItIsTornDown) {
  const auto reader = join();
  settle({reader.get()});
  cluster.freeze(reader->process);
  reader->source.reset();
  EXPECT_TRUE(reader->listener.revoked.empty());
}

TEST_F(SimSourceTest, ARebalanceCanBeAskedFor) {
  const auto reader = join();
  settle({reader.get()});
  plan.rebalance = true;
  settle({reader.get()});
  EXPECT_FALSE(plan.rebalance);
  ASSERT_EQ(reader->listener.revoked.size(), 1U);
  EXPECT_FALSE(reader->listener.revoked[0].lost);
  EXPECT_EQ(reader->holds().size(), 4U);
}

TEST_F(SimSourceTest, SurvivesABrokerThatIsAwayForLessThanASession) {
  const auto reader = join();
  settle({reader.get()});
  plan.take_broker_away(clock.monotonic(), 5s);
  const auto polled = reader->poll(1s);
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().disposition, Disposition::kRetry);
  EXPECT_TRUE(reader->poll(1s));
  fill(0, 3);
  ASSERT_TRUE(reader->poll(5s));
  ASSERT_TRUE(reader->source->commit(position(3)));
  EXPECT_TRUE(reader->listener.revoked.empty());
}

TEST_F(SimSourceTest, ACommitWaitsTenSecondsForABroker) {
  const auto reader = join();
  settle({reader.get()});
  plan.take_broker_away(clock.monotonic(), 1h);
  const Time before = clock.monotonic();
  const auto committed = reader->source->commit(position(3));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().disposition, Disposition::kRetry);
  EXPECT_GE(clock.monotonic() - before, 10s);
  EXPECT_EQ(cluster.committed("g", at), std::nullopt);
}

TEST_F(SimSourceTest, LosesItsPartitionsToALongOutageAndJoinsAgain) {
  for (const std::string instance : {"", "a"}) {
    const auto reader = join(instance);
    settle({reader.get()});
    plan.take_broker_away(clock.monotonic(), 30s);
    Result<void> polled;
    for (int i = 0; i < 7; ++i) polled = reader->poll(1s);
    ASSERT_EQ(reader->listener.revoked.size(), 1U);
    EXPECT_TRUE(reader->listener.revoked[0].lost);
    const auto committed = reader->source->commit(position(3));
    ASSERT_FALSE(committed);
    EXPECT_EQ(committed.error().reason, "not_ours");
    for (int i = 0; i < 40; ++i) polled = reader->poll(1s);
    ASSERT_TRUE(polled);
    EXPECT_EQ(reader->listener.revoked.size(), 1U);
    EXPECT_EQ(reader->holds().size(), 4U);
    reader->source.reset();
    cluster.run_for(10s);
  }
}

TEST_F(SimSourceTest, AProcessThatIsCutOffLosesItsPartitionsWhileItRuns) {
  fill(0, 10);
  const auto apart = join("a");
  settle({apart.get()});
  const auto out = sink(apart->process);
  ASSERT_TRUE(out->append(output(0, "too late")));
  cluster.cut_off(apart->process, 20s);
  const auto heir = join("h");
  EXPECT_FALSE(out->flush(1s));
  cluster.run_for(6s);
  settle({heir.get()});
  EXPECT_EQ(heir->holds().size(), 4U);
  EXPECT_TRUE(apart->listener.revoked.empty());
  const auto polled = apart->poll();
  ASSERT_FALSE(polled);
  EXPECT_EQ(polled.error().disposition, Disposition::kRetry);
  ASSERT_EQ(apart->listener.revoked.size(), 1U);
  EXPECT_TRUE(apart->listener.revoked[0].lost);
  EXPECT_EQ(log_values().size(), 10U);
  cluster.run_for(20s);
  EXPECT_EQ(log_values().back(), "too late");
  settle({apart.get(), heir.get()});
  EXPECT_EQ(apart->holds().size(), 2U);
  EXPECT_EQ(heir->holds().size(), 2U);
}

TEST_F(SimSourceTest, AShortCutIsNotNoticedAndHeartbeatsGoOnAfterIt) {
  const auto reader = join();
  settle({reader.get()});
  cluster.cut_off(reader->process, 5s);
  cluster.run_for(30s);
  ASSERT_TRUE(reader->poll());
  EXPECT_TRUE(reader->listener.revoked.empty());
  EXPECT_TRUE(reader->source->commit(position(1)));
}

TEST_F(SimSourceTest, ABrokerThatWasAwayHasCountedNobodysSilence) {
  const auto stays = join();
  const auto dead = join();
  settle({stays.get(), dead.get()});
  cluster.kill(dead->process);
  plan.take_broker_away(clock.monotonic() + 3s, 5s);
  cluster.run_for(13s);
  settle({stays.get()});
  EXPECT_EQ(stays->holds().size(), 2U);
  cluster.run_for(1s);
  settle({stays.get()});
  EXPECT_EQ(stays->holds().size(), 4U);
}

TEST_F(SimSourceTest, TheFirstMemberOfAGroupWaitsForOthersAsLongAsItIsTold) {
  ClusterSettings settings;
  settings.group.initial_delay = 3s;
  SimCluster patient(clock, plan, 7, settings);
  patient.create_topic("t", {4, false});
  Reader readers[2];
  for (Reader& reader : readers) {
    reader.process = patient.start_process();
    auto source =
        patient.open_source({{"t"}, "g", "", "earliest", {}}, reader.listener, reader.process);
    ASSERT_TRUE(source);
    reader.source = *std::move(source);
  }
  settle({&readers[0], &readers[1]});
  EXPECT_TRUE(readers[0].listener.assigned.empty());
  ASSERT_TRUE(readers[0].poll(10s));
  ASSERT_TRUE(readers[1].poll(10s));
  EXPECT_EQ(readers[0].holds().size(), 2U);
  EXPECT_EQ(readers[1].holds().size(), 2U);
  EXPECT_EQ(patient.generation("g"), 1);
  for (Reader& reader : readers) reader.source.reset();
}

TEST_F(SimSourceTest, ALongOutageIsNoticedAfterwardsToo) {
  const auto reader = join("a");
  settle({reader.get()});
  plan.take_broker_away(clock.monotonic(), 30s);
  cluster.run_for(60s);
  const auto committed = reader->source->commit(position(3));
  ASSERT_FALSE(committed);
  EXPECT_EQ(committed.error().reason, "not_ours");
  ASSERT_TRUE(reader->poll());
  ASSERT_EQ(reader->listener.revoked.size(), 1U);
  EXPECT_TRUE(reader->listener.revoked[0].lost);
  settle({reader.get()});
  EXPECT_EQ(reader->holds().size(), 4U);
}

TEST_F(SimSourceTest, APostponedCommitIsNotThereALostAnswersIs) {
  const auto reader = join();
  settle({reader.get()});
  plan.postpone_commits = 1;
  const auto postponed = reader->source->commit(position(3));
  ASSERT_FALSE(postponed);
  EXPECT_EQ(postponed.error().disposition, Disposition::kRetry);
  EXPECT_EQ(cluster.committed("g", at), std::nullopt);
  plan.lose_commit_answers = 1;
  const auto unheard = reader->source->commit(position(3));
  ASSERT_FALSE(unheard);
  EXPECT_EQ(unheard.error().disposition, Disposition::kRetry);
  EXPECT_EQ(cluster.committed("g", at), 3);
  EXPECT_TRUE(reader->source->commit(position(3)));
}

TEST_F(SimSourceTest, AProcessThatDiesAtACommitLeavesItThereOrNot) {
  for (const std::string point : {"commit:before", "commit:after"}) {
    const auto reader = join("a");
    settle({reader.get()});
    cluster.set_crash_hook([&](const char* where) {
      if (point == where) throw Crash{};
    });
    EXPECT_THROW((void)reader->source->commit(position(5)), Crash);
    cluster.set_crash_hook({});
    EXPECT_FALSE(cluster.alive(reader->process));
    EXPECT_EQ(cluster.committed("g", at).has_value(), point == "commit:after");
    EXPECT_THROW((void)reader->poll(), Crash);
  }
}

TEST_F(SimSourceTest, AProcessThatDiesWhileItsSourceCloses) {
  const auto reader = join();
  settle({reader.get()});
  ingest::Source* const source = reader->source.get();
  reader->listener.on_revoke = [source] { (void)source->commit(position(5)); };
  cluster.set_crash_hook([](const char*) { throw Crash{}; });
  reader->source.reset();
  EXPECT_FALSE(cluster.alive(reader->process));
  EXPECT_EQ(cluster.committed("g", at), std::nullopt);
}

TEST_F(SimSourceTest, TheListenersErrorEndsTheSource) {
  class Refusing final : public ingest::AssignmentListener {
    Result<std::vector<ingest::TopicPosition>> on_assigned(
        const std::vector<ingest::AssignedPartition>&) override {
      return stop("no");
    }
    void on_revoked(const std::vector<TopicPartition>&, bool) override {}
  } listener;
  auto source =
      cluster.open_source({{"t"}, "g", "", "earliest", {}}, listener, cluster.start_process());
  ASSERT_TRUE(source);
  std::vector<ingest::SourceRecord> out;
  for (int i = 0; i < 2; ++i) {
    const auto polled = (*source)->poll(out, 1, 1s);
    ASSERT_FALSE(polled);
    EXPECT_EQ(polled.error().message, "no");
  }
}

}  // namespace
}  // namespace fovea::sim
