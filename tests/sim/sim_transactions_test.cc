#include <fmt/format.h>
#include <gtest/gtest.h>

#include <array>
#include <set>

#include "tests/sim/sim_cluster.h"
#include "tests/sim/sim_fixture.h"

namespace fovea::sim {
namespace {

using Values = std::vector<std::string>;

class SimTransactionsTest : public SimFixture {
 protected:
  SimTransactionsTest() : SimFixture(2) {}

  // So many records in each of both partitions, acknowledged.
  static Values write(ingest::TransactionalSink& sink, int count) {
    Values values;
    for (int i = 0; i < count; ++i) {
      values.push_back(fmt::format("{}", i));
      for (const Partition partition : {0, 1})
        EXPECT_TRUE(sink.append(output(partition, values.back())));
    }
    const auto flushed = sink.flush(1s);
    EXPECT_TRUE(flushed) << flushed.error().message;
    return values;
  }
  static std::vector<ingest::TopicPosition> position(Offset next) { return {{{"t", 0}, next}}; }

  // What is told until the end is.
  static Values read(ingest::PartitionReader& reader) {
    Values values;
    for (;;) {
      std::vector<ingest::SourceRecord> out;
      EXPECT_TRUE(reader.poll(out, 3, 100ms));
      if (out.empty()) return values;
      for (const auto& one : out) values.push_back(one.value.value_or("(none)"));
    }
  }
  std::unique_ptr<ingest::PartitionReader> reader() {
    auto made = cluster.open_partition_reader(at, 0, process);
    return *std::move(made);
  }
  static void expect_stop(const Result<void>& outcome) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().disposition, Disposition::kStop) << outcome.error().message;
  }
  static void expect_retry(const Result<void>& outcome) {
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().disposition, Disposition::kRetry) << outcome.error().message;
  }

  const ProcessId process = cluster.start_process();
};

TEST_F(SimTransactionsTest, RecordsAreReadWhenTheirTransactionHasCommitted) {
  const auto out = transactional(process);
  const auto in = reader();
  const auto values = write(*out, 5);
  EXPECT_EQ(out->delivered_next(at), 5);
  EXPECT_EQ(read(*in), Values{});
  EXPECT_EQ(in->next(), 0);
  EXPECT_EQ(in->known_end(), 5);
  EXPECT_EQ(in->ends(1s)->high, 5);
  ASSERT_TRUE(out->commit({}, "", 1s));
  cluster.run_for(1s);
  EXPECT_EQ(read(*in), values);
  // The marker has an offset.
  EXPECT_EQ(in->next(), 6);
  EXPECT_EQ(in->ends(1s)->high, 6);
  // One transaction after another.
  write(*out, 2);
  ASSERT_TRUE(out->commit({}, "", 1s));
  cluster.run_for(1s);
  EXPECT_EQ(out->delivered_next(at), 8);
  EXPECT_EQ(read(*in), (Values{"0", "1"}));
  EXPECT_EQ(in->next(), 9);
}

TEST_F(SimTransactionsTest, AbortedRecordsAreNeverRead) {
  auto out = transactional(process);
  write(*out, 5);
  out.reset();
  cluster.run_for(1s);
  cluster.append(at, record("after"));
  const auto in = reader();
  EXPECT_EQ(read(*in), Values{"after"});
  EXPECT_EQ(in->next(), 7);
  const auto member = join();
  settle({member.get()});
  EXPECT_EQ(member->values(), Values{"after"});
  // In the other partition there is nothing else, and the end is reached all the same.
  EXPECT_EQ(member->source->progress({"t", 1})->next, 6);
}

TEST_F(SimTransactionsTest, WhatLiesBehindAnOpenTransactionWaitsForIt) {
  const auto first = transactional(process);
  const auto second = transactional(process, "b");
  write(*first, 1);
  write(*second, 1);
  const auto third = sink(process);
  ASSERT_TRUE(third->append(output(0, "plain")));
  ASSERT_TRUE(third->flush(1s));
  ASSERT_TRUE(second->commit({}, "", 1s));
  cluster.run_for(1s);
  const auto in = reader();
  const auto member = join();
  settle({member.get()});
  EXPECT_EQ(read(*in), Values{});
  EXPECT_EQ(member->values(), Values{});
  EXPECT_EQ(in->ends(1s)->high, 4);
  ASSERT_TRUE(first->commit({}, "", 1s));
  cluster.run_for(1s);
  settle({member.get()});
  EXPECT_EQ(read(*in), (Values{"0", "0", "plain"}));
  EXPECT_EQ(member->values(), (Values{"0", "0", "plain"}));
}

TEST_F(SimTransactionsTest, CompactionKeepsWhatNobodyCanHaveReadAndDropsWhatWasAborted) {
  cluster.append(at, record("old"));
  auto aborted = transactional(process);
  write(*aborted, 3);
  aborted.reset();
  cluster.run_for(1s);
  cluster.append(at, record("new"));
  const auto open = transactional(process);
  write(*open, 2);
  cluster.compact(at);
  EXPECT_EQ(log_values(), (Values{"new", "0", "1"}));
  EXPECT_EQ(committed_values(), Values{"new"});
}

TEST_F(SimTransactionsTest, WhoeverTakesAnIdOverEndsWhatWasOpenAndFencesTheOneBefore) {
  const auto older = transactional(process);
  write(*older, 3);
  const ProcessId successor = cluster.start_process();
  const auto newer = transactional(successor);
  // Settled before the id is given away.
  EXPECT_EQ(cluster.log().partition(at).stable(), 4);
  const auto values = write(*newer, 1);
  ASSERT_TRUE(older->append(output(0, "zombie")));
  expect_stop(older->flush(1s));
  expect_stop(older->append(output(0, "zombie")));
  expect_stop(older->commit({}, "", 1s));
  ASSERT_TRUE(newer->commit({}, "", 1s));
  cluster.run_for(30s);
  EXPECT_EQ(committed_values(), values);
  EXPECT_EQ(cluster.log().partition(at).stable(), cluster.log().partition(at).end);
}

TEST_F(SimTransactionsTest, WhatAFencedProducerHadOnItsWayIsNeverRead) {
  bool late = false;
  for (int round = 0; round < 50; ++round) {
    const ProcessId victim = cluster.start_process();
    const auto out = transactional(victim);
    write(*out, 1);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(out->append(output(0, "late")));
    cluster.kill(victim);
    plan.marker_max = std::chrono::milliseconds(400);
    const auto successor = transactional(process);
    ASSERT_TRUE(successor->append(output(0, fmt::format("{}", round))));
    ASSERT_TRUE(successor->flush(1s));
    ASSERT_TRUE(successor->commit({}, "", 1s));
    cluster.run_for(1s);
    const auto all = log_values();
    late = late || std::find(all.begin(), all.end(), "late") != all.end();
    EXPECT_EQ(committed_values().size(), static_cast<std::size_t>(round) + 1);
    EXPECT_EQ(committed_values().back(), fmt::format("{}", round));
  }
  // Some of it was appended before the marker.
  EXPECT_TRUE(late);
}

TEST_F(SimTransactionsTest, ATransactionThatTakesTooLongIsAbortedAndItsHolderFenced) {
  const auto out = transactional(process);
  write(*out, 3);
  const Time before = clock.monotonic();
  while (cluster.log().partition(at).stable() == 0) cluster.run_for(100ms);
  // Somebody looks every ten seconds.
  EXPECT_GE(clock.monotonic() - before, 9900ms);
  EXPECT_LE(clock.monotonic() - before, 20200ms);
  EXPECT_TRUE(committed_values().empty());
  expect_stop(out->commit({}, "", 1s));
  expect_stop(out->append(output(0, "x")));
  expect_stop(out->flush(1s));
}

TEST_F(SimTransactionsTest, AnOutageLongerThanATransactionLosesIt) {
  const auto out = transactional(process);
  write(*out, 1);
  plan.take_broker_away(clock.monotonic(), 11s);
  ASSERT_TRUE(out->append(output(0, "x")));
  expect_retry(out->flush(5s));
  expect_stop(out->flush(10s));
  cluster.run_for(20s);
  EXPECT_TRUE(committed_values().empty());
}

TEST_F(SimTransactionsTest, PositionsAreTheGroupsWhenTheirMarkerIsThere) {
  const auto member = join();
  settle({member.get()});
  const auto out = transactional(member->process);
  write(*out, 1);
  plan.marker_max = std::chrono::seconds(1);
  ASSERT_TRUE(out->commit(position(7), member->source->membership(), 1s));
  EXPECT_EQ(cluster.committed("g", at), std::nullopt);
  cluster.run_for(1s);
  EXPECT_EQ(cluster.committed("g", at), 7);
  // Positions alone are a transaction too.
  ASSERT_TRUE(out->commit(position(9), member->source->membership(), 1s));
  cluster.run_for(1s);
  EXPECT_EQ(cluster.committed("g", at), 9);
  // A commit made after another one stays, although the other is settled last.
  ASSERT_TRUE(out->commit(position(11), member->source->membership(), 1s));
  ASSERT_TRUE(member->source->commit(position(12)));
  cluster.run_for(1s);
  EXPECT_EQ(cluster.committed("g", at), 12);
}

TEST_F(SimTransactionsTest, AMemberOfAnOlderGenerationCommitsNothing) {
  const auto zombie = join();
  settle({zombie.get()});
  const auto out = transactional(zombie->process);
  write(*out, 1);
  const std::string membership = zombie->source->membership();
  EXPECT_FALSE(membership.empty());
  cluster.freeze(zombie->process);
  const auto heir = join();
  cluster.run_for(7s);
  settle({heir.get()});
  ASSERT_EQ(heir->holds().size(), 2U);
  cluster.thaw(zombie->process);
  EXPECT_EQ(zombie->source->membership(), membership);
  expect_stop(out->commit(position(1), membership, 1s));
  expect_stop(out->commit(position(1), membership, 1s));
  cluster.run_for(30s);
  EXPECT_EQ(cluster.committed("g", at), std::nullopt);
  EXPECT_TRUE(committed_values().empty());
  // Nor one that comes back after its group has gone on.
  settle({zombie.get(), heir.get()});
  const auto again = transactional(zombie->process);
  expect_stop(again->commit(position(1), membership, 1s));
  const auto third = transactional(zombie->process);
  EXPECT_TRUE(third->commit(position(1), zombie->source->membership(), 1s));
  // Whoever never was a member has none.
  expect_stop(transactional(process, "b")->commit(position(1), "", 1s));
}

TEST_F(SimTransactionsTest, WhileItsGroupPreparesTheOldGenerationStillCommits) {
  const auto first = join();
  settle({first.get()});
  const auto out = transactional(first->process);
  write(*out, 1);
  const auto second = join();
  ASSERT_TRUE(second->poll());
  EXPECT_TRUE(out->commit(position(1), first->source->membership(), 1s));
}

// Dies where its positions are sent and not committed.
void die_open(SimCluster& cluster, ingest::TransactionalSink& sink, const ingest::Source& source) {
  cluster.set_crash_hook([](const char* where) {
    if (std::string_view(where) == "end:before") throw Crash{};
  });
  EXPECT_THROW((void)sink.commit({{{"t", 0}, 2}}, source.membership(), 1s), Crash);
  cluster.set_crash_hook({});
}

TEST_F(SimTransactionsTest, ATransactionThatHoldsPositionsBackIsEndedByTakingItsIdOver) {
  const auto owner = join();
  settle({owner.get()});
  const auto out = transactional(owner->process);
  ASSERT_TRUE(out->commit(position(1), owner->source->membership(), 1s));
  cluster.run_for(1s);
  write(*out, 1);
  die_open(cluster, *out, *owner->source);
  const Time died = clock.monotonic();
  const auto heir = join();
  while (heir->holds().empty()) ASSERT_TRUE(heir->poll());
  // A session, and a moment.
  EXPECT_GE(clock.monotonic() - died, 6300ms);
  EXPECT_LE(clock.monotonic() - died, 6500ms);
  ASSERT_EQ(heir->listener.assigned[0][0].at, at);
  EXPECT_EQ(heir->listener.assigned[0][0].committed, 1);
  EXPECT_EQ(heir->listener.assigned[0][0].committed_by, "a");
  EXPECT_EQ(heir->listener.assigned[0][1].committed, std::nullopt);
  EXPECT_EQ(heir->listener.assigned[0][1].committed_by, "");
  EXPECT_TRUE(committed_values().empty());
}

TEST_F(SimTransactionsTest, APartitionIsHeldBackWhereATransactionStaysOpen) {
  const auto owner = join();
  settle({owner.get()});
  const auto out = transactional(owner->process);
  write(*out, 1);
  const TopicPartition none{at.topic, 99};
  const Time before = clock.monotonic();
  auto held = cluster.held_back({at, none}, 700ms, owner->process);
  ASSERT_TRUE(held);
  EXPECT_EQ(*held, std::vector{at});
  EXPECT_GE(clock.monotonic() - before, 700ms);

  ASSERT_TRUE(out->commit(position(1), owner->source->membership(), 1s));
  cluster.run_for(100ms);  // markers are written
  held = cluster.held_back({at}, 30s, owner->process);
  ASSERT_TRUE(held);
  EXPECT_TRUE(held->empty());
  EXPECT_FALSE(cluster.held_back({{"nowhere", 0}}, 1s, owner->process));
}

TEST_F(SimTransactionsTest, OneWhoseIdIsNotKnownIsWaitedFor) {
  const auto owner = join();
  settle({owner.get()});
  const auto out = transactional(owner->process);
  write(*out, 1);
  die_open(cluster, *out, *owner->source);
  const Time died = clock.monotonic();
  const auto heir = join();
  while (heir->holds().empty()) ASSERT_TRUE(heir->poll());
  EXPECT_GE(clock.monotonic() - died, 9900ms);
  EXPECT_LE(clock.monotonic() - died, 20100ms);
  EXPECT_EQ(heir->listener.assigned[0][0].committed, std::nullopt);
}

TEST_F(SimTransactionsTest, AProcessSettlesItsOwnBeforeAnybodyIsAsked) {
  const auto member = join();
  settle({member.get()});
  auto out = transactional(member->process);
  ASSERT_TRUE(out->commit(position(1), member->source->membership(), 1s));
  cluster.run_for(1s);
  // Its positions are sent, and it is asked to let go in the middle of the commit.
  cluster.set_crash_hook([this](const char* where) {
    if (std::string_view(where) != "offsets:after") return;
    plan.transactions_away = {clock.monotonic(), clock.monotonic() + 50ms};
  });
  expect_retry(out->commit(position(2), member->source->membership(), 10ms));
  cluster.set_crash_hook({});
  member->listener.on_assign = [&] { out = transactional(member->process); };
  plan.rebalance = true;
  const Time before = clock.monotonic();
  while (member->listener.assigned.size() < 2) {
    const auto polled = member->poll();
    ASSERT_TRUE(polled) << polled.error().message;
  }
  EXPECT_LT(clock.monotonic() - before, 200ms);
  EXPECT_EQ(member->listener.assigned[1][0].committed, 1);
  EXPECT_TRUE(out->commit(position(3), member->source->membership(), 1s));
}

TEST_F(SimTransactionsTest, ACommitWhoseAnswerIsLostIsFoundToHaveHappened) {
  const auto member = join();
  settle({member.get()});
  const auto out = transactional(member->process);
  const auto values = write(*out, 2);
  plan.lose_end_answers = 1;
  const std::string membership = member->source->membership();
  expect_retry(out->commit(position(5), membership, 1s));
  EXPECT_EQ(plan.lose_end_answers, 0);
  EXPECT_EQ(committed_values(), values);
  ASSERT_TRUE(out->commit(position(5), membership, 1s));
  EXPECT_EQ(cluster.log().partition(at).end, 3);
  EXPECT_EQ(cluster.committed("g", at), 5);
  // And where the id was taken over meanwhile, what the group has committed tells.
  write(*out, 1);
  plan.lose_end_answers = 1;
  expect_retry(out->commit(position(6), membership, 1s));
  const auto successor = transactional(process);
  expect_stop(out->commit(position(6), membership, 1s));
  EXPECT_EQ(cluster.committed("g", at), 6);
  EXPECT_EQ(committed_values().size(), 3U);
}

TEST_F(SimTransactionsTest, WhoeverTakesAnIdOverWaitsForACommitThatIsDecided) {
  const auto out = transactional(process);
  const auto values = write(*out, 2);
  plan.marker_max = std::chrono::seconds(2);
  ASSERT_TRUE(out->commit({}, "", 1s));
  cluster.kill(process);
  const ProcessId successor = cluster.start_process();
  const auto early = cluster.open_transactional_sink("a", 10ms, successor);
  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().disposition, Disposition::kRetry);
  transactional(successor);
  for (const Partition partition : {0, 1}) EXPECT_EQ(committed_values(partition), values);
}

TEST_F(SimTransactionsTest, TheNextTransactionWaitsForTheMarkersOfTheOneBefore) {
  const auto out = transactional(process);
  plan.marker_max = std::chrono::seconds(1);
  for (int i = 0; i < 3; ++i) {
    write(*out, 1);
    ASSERT_TRUE(out->commit({}, "", 1s));
  }
  cluster.run_for(1s);
  const auto& log = cluster.log().partition(at);
  ASSERT_EQ(log.records.size(), 3U);
  EXPECT_EQ(log.records[1].offset, 2);
  EXPECT_EQ(log.records[2].offset, 4);
}

TEST_F(SimTransactionsTest, WhileTheCoordinatorMovesEverythingIsToBeTriedAgain) {
  const auto out = transactional(process);
  const auto values = write(*out, 2);
  plan.transactions_away = {clock.monotonic(), clock.monotonic() + 5s};
  expect_retry(out->commit({}, "", 1s));
  const auto other = cluster.open_transactional_sink("b", 1s, process);
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().disposition, Disposition::kRetry);
  EXPECT_TRUE(committed_values().empty());
  ASSERT_TRUE(out->commit({}, "", 10s));
  cluster.run_for(1s);
  EXPECT_EQ(committed_values(), values);
}

TEST_F(SimTransactionsTest, AnIdTakenOverInErrorFencesALiveHolder) {
  const auto out = transactional(process);
  write(*out, 1);
  plan.take_over = true;
  cluster.run_for(1s);
  EXPECT_FALSE(plan.take_over);
  expect_stop(out->commit({}, "", 1s));
  EXPECT_TRUE(committed_values().empty());
  const auto again = transactional(process);
  write(*again, 1);
  EXPECT_TRUE(again->commit({}, "", 1s));
}

TEST_F(SimTransactionsTest, NamesWhatItCannotOpen) {
  const auto nameless = cluster.open_transactional_sink("", 1s, process);
  ASSERT_FALSE(nameless);
  EXPECT_EQ(nameless.error().disposition, Disposition::kStop);
}

// One transaction of both partitions and a position, by a process that dies somewhere in it; then
// its successor settles. Whether it committed.
bool dies_at(std::uint64_t seed, int effect, std::set<std::string>& points) {
  SimClock clock;
  FaultPlan plan;
  SimCluster cluster(clock, plan, seed);
  cluster.create_topic("t", {2, false});
  Listener listener;
  const ProcessId victim = cluster.start_process();
  auto source = cluster.open_source({{"t"}, "g", "x", "earliest", {}}, listener, victim);
  std::vector<ingest::SourceRecord> got;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE((*source)->poll(got, 10, 10ms));
  int effects = 0;
  cluster.set_crash_hook([&](const char* where) {
    if (++effects < effect) return;
    points.insert(where);
    throw Crash{};
  });
  try {
    auto out = cluster.open_transactional_sink("a", 1s, victim);
    EXPECT_TRUE(out);
    for (const Partition partition : {0, 1, 0}) EXPECT_TRUE((*out)->append(output(partition, "v")));
    EXPECT_TRUE((*out)->flush(1s));
    EXPECT_TRUE((*out)->commit({{{"t", 0}, 3}}, (*source)->membership(), 1s));
    for (int i = 0; i < 3; ++i) EXPECT_TRUE((*source)->poll(got, 10, 10ms));
    cluster.kill(victim);
  } catch (const Crash&) {
  }
  cluster.set_crash_hook({});
  const ProcessId successor = cluster.start_process();
  EXPECT_TRUE(cluster.open_transactional_sink("a", 5s, successor));
  const bool committed = cluster.committed("g", {"t", 0}).has_value();
  for (const Partition partition : {0, 1}) {
    const auto& log = cluster.log().partition({"t", partition});
    EXPECT_EQ(log.stable(), log.end);
    const std::size_t count = partition == 0 ? 2 : 1;
    EXPECT_EQ(log.committed().size(), committed ? count : 0) << "effect " << effect;
  }
  cluster.run_for(2s);
  EXPECT_EQ(cluster.log().partition({"t", 0}).committed().size(), committed ? 2U : 0U);
  return committed;
}

TEST(SimTransactions, AllOfATransactionIsThereOrNothingWhereverItsProcessDies) {
  std::set<std::string> points;
  std::array<int, 2> outcomes{};
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (int effect = 1; effect <= 20; ++effect) {
      ++outcomes[dies_at(seed, effect, points) ? 1 : 0];
    }
  }
  EXPECT_EQ(points,
            (std::set<std::string>{"take_over:before", "take_over:after", "begin:before",
                                   "begin:after", "batch:before", "batch:after", "offsets:before",
                                   "offsets:after", "end:before", "end:after", "marker:after"}));
  EXPECT_GT(outcomes[0], 100);
  EXPECT_GT(outcomes[1], 100);
}

// Two holders, a plain producer, a member, a death and a take-over.
std::uint64_t some_run(std::uint64_t seed) {
  SimClock clock;
  FaultPlan plan;
  SimCluster cluster(clock, plan, seed);
  cluster.create_topic("t", {3, true});
  Listener listener;
  const ProcessId process = cluster.start_process();
  auto source = cluster.open_source({{"t"}, "g", "", "earliest", {}}, listener, process);
  std::vector<ingest::SourceRecord> got;
  auto plain = cluster.open_sink(process);
  for (int round = 0; round < 4; ++round) {
    const ProcessId victim = cluster.start_process();
    auto out = cluster.open_transactional_sink(round % 2 == 0 ? "a" : "b", 5s, victim);
    EXPECT_TRUE(out);
    for (int i = 0; i < 60; ++i) {
      EXPECT_TRUE((*out)->append(output(i % 3, fmt::format("{} {}", round, i))));
      if (i % 9 == 0) {
        EXPECT_TRUE((*plain)->append(output(i % 2, "plain")));
      }
      if (i % 20 == 19) {
        EXPECT_TRUE((*out)->flush(1s));
        EXPECT_TRUE((*source)->poll(got, 50, 1ms));
        EXPECT_TRUE((*out)->commit({}, "", 1s));
      }
    }
    for (int i = 0; i < 10; ++i) EXPECT_TRUE((*out)->append(output(i % 3, "lost")));
    cluster.kill(victim);
  }
  cluster.run_for(30s);
  EXPECT_TRUE((*source)->poll(got, 1000, 1s));
  std::uint64_t sum = cluster.digest();
  for (const auto& record : got) {
    EXPECT_NE(record.value, "lost");
    sum = sum * 31 + static_cast<std::uint64_t>(record.offset);
  }
  return sum;
}

TEST(SimTransactions, TheSameSeedGivesTheSameBytes) {
  std::set<std::uint64_t> different;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::uint64_t once = some_run(seed);
    EXPECT_EQ(once, some_run(seed)) << seed;
    different.insert(once);
  }
  EXPECT_EQ(different.size(), 20U);
}

}  // namespace
}  // namespace fovea::sim
