// The source, a member of a consumer group, against a real broker: where it starts, what pauses and
// rebalances do, and what ends it.

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "tests/integration/kafka_transport_fixture.h"

namespace fovea::ingest {
namespace {

using KafkaSource = KafkaTransport;

TEST_F(KafkaSource, StartsWhereTheListenerSays) {
  const auto topic = make_topic(settings, "told", 2);
  test::produce(settings, numbered_records(topic, 2, 50));
  Listener listener;
  listener.positions = {{{topic, 0}, 40}, {{topic, 1}, 50}};
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);
  std::vector<SourceRecord> out;
  poll_until(*source, out, [&] { return out.size() >= 10; });

  // Partition 1 was at its end: the next record is the first it delivers.
  test::produce(settings, {numbered(topic, 1, 50)});
  poll_until(*source, out, [&] { return out.size() >= 11; });

  ASSERT_EQ(out.size(), 11U);
  for (std::size_t i = 0; i < 10; ++i) {
    EXPECT_EQ(out[i].partition, 0);
    EXPECT_EQ(out[i].offset, static_cast<Offset>(40 + i));
  }
  EXPECT_EQ(out[10].partition, 1);
  EXPECT_EQ(out[10].offset, 50);
}

TEST_F(KafkaSource, ARestartGoesOnAtTheCommittedOffset) {
  const auto topic = make_topic(settings, "commit", 1);
  const auto group = unique_name("group");
  test::produce(settings, numbered_records(topic, 1, 100));
  {
    Listener listener;
    auto source = open_source(topic, group, listener);
    ASSERT_NE(source, nullptr);
    std::vector<SourceRecord> out;
    poll_until(
        *source, out, [&] { return out.size() >= 50; }, 50);
    EXPECT_EQ(listener.committed.at(0), std::nullopt);
    const auto committed = source->commit({{{topic, 0}, 30}});
    ASSERT_TRUE(committed) << committed.error().message;
  }
  Listener listener;
  auto source = open_source(topic, group, listener);
  ASSERT_NE(source, nullptr);
  std::vector<SourceRecord> out;

  poll_until(*source, out, [&] { return out.size() >= 70; });

  EXPECT_EQ(listener.committed.at(0), 30);
  ASSERT_EQ(out.size(), 70U);
  EXPECT_EQ(out.front().offset, 30);
}

TEST_F(KafkaSource, NothingIsCommittedUnasked) {
  const auto topic = make_topic(settings, "unasked", 1);
  const auto group = unique_name("group");
  test::produce(settings, numbered_records(topic, 1, 20));
  for (int round = 0; round < 2; ++round) {
    Listener listener;
    auto source = open_source(topic, group, listener);
    ASSERT_NE(source, nullptr);
    std::vector<SourceRecord> out;
    poll_until(*source, out, [&] { return out.size() >= 20; });
    EXPECT_EQ(listener.committed.at(0), std::nullopt);
    EXPECT_EQ(out.front().offset, 0);
  }
}

TEST_F(KafkaSource, CommittingAPartitionOfSomebodyElseIsSkipped) {
  const auto topic = make_topic(settings, "foreign", 1);
  Listener listener;
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);

  const auto early = source->commit({{{topic, 0}, 1}});

  ASSERT_FALSE(early);
  EXPECT_EQ(early.error().disposition, Disposition::kSkip);
  EXPECT_EQ(early.error().reason, "not_ours");
}

TEST_F(KafkaSource, LatestAndATimeStartBehindWhatIsOlder) {
  const auto topic = make_topic(settings, "late", 1);
  test::produce(settings, numbered_records(topic, 1, 10));
  const auto oldest = test::dump_topic(settings, topic);
  // The broker's clock decides; a millisecond must pass between the two batches.
  const auto middle = value(oldest.back().record_time) + 1;
  while (std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
             .count() <= middle) {
    std::this_thread::yield();
  }
  test::produce(settings, {numbered(topic, 0, 10)});
  Listener by_time;
  Listener by_end;
  auto timed = open_source(topic, unique_name("group"), by_time, std::to_string(middle));
  auto late = open_source(topic, unique_name("group"), by_end, "latest");
  ASSERT_NE(timed, nullptr);
  ASSERT_NE(late, nullptr);
  std::vector<SourceRecord> since;
  std::vector<SourceRecord> after;

  poll_until(*timed, since, [&] { return !since.empty(); });
  poll_until(*late, after, [&] { return by_end.assigned_count > 0; });
  // Where "latest" is, is decided by the first fetch: write until something comes through.
  int number = 11;
  poll_until(*late, after, [&] {
    if (after.empty()) test::produce(settings, {numbered(topic, 0, number++)});
    return !after.empty();
  });

  EXPECT_EQ(since.front().offset, 10);
  EXPECT_GE(after.front().offset, 11);
}

TEST_F(KafkaSource, AWholeTopicIsReadFromItsBeginningWhereverTheOthersStart) {
  const auto topic = make_topic(settings, "late", 1);
  const auto whole = make_topic(settings, "whole", 1);
  test::produce(settings, {numbered(topic, 0, 1), numbered(whole, 0, 2)});
  for (const std::string start : {"latest", "4102444800000"}) {
    Listener listener;
    ConsumerSettings consumer{{topic, whole}, unique_name("group"), "", start, {whole}};
    auto source = open_kafka_source(settings, consumer, listener);
    ASSERT_TRUE(source) << source.error().message;
    std::vector<SourceRecord> records;
    poll_until(**source, records, [&] { return !records.empty(); });
    EXPECT_EQ(records.front().topic, whole);
    EXPECT_EQ(records.size(), 1U);
  }
}

TEST_F(KafkaSource, AStartThatIsNoStartIsRefused) {
  Listener listener;
  const auto source = open_kafka_source(settings, {{"t"}, "g", "", "yesterday"}, listener);
  ASSERT_FALSE(source);
  EXPECT_EQ(source.error().message,
            "start yesterday is none of earliest, latest and milliseconds since the epoch");
}

TEST_F(KafkaSource, PausingLosesNothingAndKeepsOrder) {
  const Partition partitions = 3;
  const int each = 8000;
  const auto topic = make_topic(settings, "pause", partitions);
  test::produce(settings, numbered_records(topic, partitions, each));
  Listener listener;
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);
  std::mt19937 random(7);
  std::vector<Offset> next(partitions, 0);
  std::set<Partition> paused;
  std::size_t seen = 0;
  int pauses = 0;
  const auto deadline = steady_clock::now() + 40s;

  while (seen < static_cast<std::size_t>(partitions) * each) {
    ASSERT_LT(steady_clock::now(), deadline) << seen << " records after " << pauses << " pauses";
    const auto p = static_cast<Partition>(random() % partitions);
    if (listener.assigned_count > 0) {
      if (paused.erase(p) > 0) {
        source->resume({{topic, p}});
      } else if (paused.size() + 1 < partitions) {
        source->pause({{topic, p}});
        paused.insert(p);
        ++pauses;
      }
    }
    std::vector<SourceRecord> out;
    const auto polled = source->poll(out, 1 + random() % 300, 2ms);
    ASSERT_TRUE(polled) << polled.error().message;
    for (const auto& record : out) {
      ASSERT_FALSE(paused.contains(record.partition)) << record.offset;
      ASSERT_EQ(record.offset, next[static_cast<std::size_t>(record.partition)]++);
      ++seen;
    }
  }
  EXPECT_GT(pauses, 20);
}

TEST_F(KafkaSource, APartitionPausedWhenAssignedWaitsUntilItIsResumed) {
  const auto topic = make_topic(settings, "held", 2);
  test::produce(settings, numbered_records(topic, 2, 100));
  Listener listener;
  listener.pause_on_assigned = {{topic, 0}};
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);
  std::vector<SourceRecord> out;
  poll_until(*source, out, [&] { return out.size() >= 100; });
  const auto until = steady_clock::now() + 300ms;
  poll_until(*source, out, [&] { return steady_clock::now() > until; });
  const bool only_one =
      std::all_of(out.begin(), out.end(), [](const SourceRecord& r) { return r.partition == 1; });

  source->resume({{topic, 0}});
  poll_until(*source, out, [&] { return out.size() >= 200; });

  EXPECT_TRUE(only_one);
  ASSERT_EQ(out.size(), 200U);
  EXPECT_EQ(out[100].partition, 0);
  EXPECT_EQ(out[100].offset, 0);
  EXPECT_EQ(out[199].offset, 99);
}

TEST_F(KafkaSource, APauseEndsWithTheAssignment) {
  const auto topic = make_topic(settings, "again", 2);
  test::produce(settings, numbered_records(topic, 2, 100));
  const auto group = unique_name("group");
  Listener one;
  auto first = open_source(topic, group, one);
  ASSERT_NE(first, nullptr);
  std::vector<SourceRecord> out;
  poll_until(*first, out, [&] { return out.size() == 200; });

  first->pause({{topic, 0}, {topic, 1}});
  Listener two;
  auto second = open_source(topic, group, two);
  ASSERT_NE(second, nullptr);
  out.clear();
  const auto deadline = steady_clock::now() + 20s;
  while (one.owned.size() != 1 || out.size() < 100) {
    ASSERT_LT(steady_clock::now(), deadline) << out.size() << " records so far";
    std::vector<SourceRecord> other;
    ASSERT_TRUE(second->poll(other, 500, 20ms));
    ASSERT_TRUE(first->poll(out, 500, 20ms));
  }

  EXPECT_EQ(out.front().partition, *one.owned.begin());
  EXPECT_EQ(out.front().offset, 0);
}

TEST_F(KafkaSource, MembersShareThePartitionsAndTheFirstIsToldToGiveUpSome) {
  const auto topic = make_topic(settings, "shared", 4);
  const auto group = unique_name("group");
  Listener one;
  Listener two;
  auto first = open_source(topic, group, one, "earliest", "one");
  ASSERT_NE(first, nullptr);
  std::vector<SourceRecord> out;
  poll_until(*first, out, [&] { return one.owned.size() == 4; });

  auto second = open_source(topic, group, two, "earliest", "two");
  ASSERT_NE(second, nullptr);
  poll_until(*first, out, [&] {
    std::vector<SourceRecord> other;
    EXPECT_TRUE(second->poll(other, 500, 20ms));
    return one.owned.size() == 2 && two.owned.size() == 2;
  });

  EXPECT_EQ(one.revoked_count, 1);
  EXPECT_EQ(one.lost_count, 0);
  std::set<Partition> all = one.owned;
  all.insert(two.owned.begin(), two.owned.end());
  EXPECT_EQ(all.size(), 4U);
}

TEST_F(KafkaSource, AStaticMemberThatComesBackKeepsItsPartitionsWithoutDisturbingTheOther) {
  const auto topic = make_topic(settings, "static", 2);
  const auto group = unique_name("group");
  Listener one;
  Listener two;
  Listener again;
  auto first = open_source(topic, group, one, "earliest", "one");
  auto second = open_source(topic, group, two, "earliest", "two");
  ASSERT_NE(first, nullptr);
  ASSERT_NE(second, nullptr);
  std::vector<SourceRecord> out;
  std::vector<SourceRecord> other;
  poll_until(*first, out, [&] {
    EXPECT_TRUE(second->poll(other, 500, 20ms));
    return one.owned.size() == 1 && two.owned.size() == 1;
  });
  const auto kept = one.owned;
  const int disturbed = two.revoked_count;

  first.reset();
  first = open_source(topic, group, again, "earliest", "one");
  ASSERT_NE(first, nullptr);
  const auto begun = steady_clock::now();
  poll_until(*first, out, [&] {
    EXPECT_TRUE(second->poll(other, 500, 20ms));
    return again.owned.size() == 1;
  });

  EXPECT_EQ(again.owned, kept);
  EXPECT_EQ(two.revoked_count, disturbed);
  EXPECT_LT(steady_clock::now() - begun, 5s);  // less than a session: nobody was waited for
}

TEST_F(KafkaSource, TheLastMomentToCommitIsInsideRevoked) {
  class Committing : public Listener {
   public:
    void on_revoked(const std::vector<TopicPartition>& partitions, bool lost) override {
      Listener::on_revoked(partitions, lost);
      const auto done = source->commit({{partitions.front(), 17}});
      EXPECT_TRUE(done) << done.error().message;
    }
  };
  const auto topic = make_topic(settings, "last", 1);
  const auto group = unique_name("group");
  {
    Committing listener;
    auto source = open_source(topic, group, listener);
    ASSERT_NE(source, nullptr);
    std::vector<SourceRecord> out;
    poll_until(*source, out, [&] { return listener.owned.size() == 1; });
    source.reset();
    EXPECT_EQ(listener.revoked_count, 1);
    EXPECT_EQ(listener.lost_count, 0);
  }
  Listener after;
  after.positions = {{{topic, 0}, 0}};
  auto source = open_source(topic, group, after);
  ASSERT_NE(source, nullptr);
  std::vector<SourceRecord> out;
  poll_until(*source, out, [&] { return after.owned.size() == 1; });
  EXPECT_EQ(after.committed.at(0), 17);
}

TEST_F(KafkaSource, AnErrorOfTheListenerEndsTheSource) {
  class Refusing : public Listener {
   public:
    Result<std::vector<TopicPosition>> on_assigned(const std::vector<AssignedPartition>&) override {
      return stop("the store holds another topology");
    }
  };
  const auto topic = make_topic(settings, "refused", 1);
  Refusing listener;
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);

  const Error error = poll_until_error(*source);

  EXPECT_EQ(error.disposition, Disposition::kStop);
  EXPECT_EQ(error.message, "the store holds another topology");
}

TEST_F(KafkaSource, AMissingTopicIsNamed) {
  const std::string missing = unique_name("missing");
  Listener listener;
  auto source = open_source(missing, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);

  const Error error = poll_until_error(*source);

  EXPECT_EQ(error.disposition, Disposition::kStop);
  EXPECT_EQ(error.message, "topic " + missing + " does not exist");
}

TEST_F(KafkaSource, APositionBelowTheStartStopsOrIsGoneOnBehind) {
  const auto topic = make_topic(settings, "below", 2);
  test::produce(settings, numbered_records(topic, 2, 8));
  auto admin = open_kafka_admin(settings);
  ASSERT_TRUE(admin) << admin.error().message;
  ASSERT_TRUE((*admin)->delete_before({topic, 0}, 5, 10s));
  Listener listener;
  listener.positions = {{{topic, 0}, 2}, {{topic, 1}, 6}};
  auto stops = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(stops, nullptr);

  const Error error = poll_until_error(*stops);

  EXPECT_EQ(error.disposition, Disposition::kStop);
  EXPECT_NE(error.message.find("position 2 is below the topic's start 5"), std::string::npos)
      << error.message;

  ConsumerSettings consumer{{topic}, unique_name("group"), {}, "earliest"};
  consumer.skip_lost = true;
  auto goes_on = open_kafka_source(settings, consumer, listener);
  ASSERT_TRUE(goes_on) << goes_on.error().message;
  std::vector<SourceRecord> out;
  poll_until(**goes_on, out, [&] { return out.size() == 5; });
  std::map<Partition, std::vector<Offset>> offsets;
  for (const SourceRecord& record : out) offsets[record.partition].push_back(record.offset);
  EXPECT_EQ(offsets[0], (std::vector<Offset>{5, 6, 7}));
  EXPECT_EQ(offsets[1], (std::vector<Offset>{6, 7}));
  EXPECT_TRUE((*goes_on)->commit({{{topic, 0}, 8}}));
}

TEST_F(KafkaSource, APositionBeyondTheEndStopsAndNamesBoth) {
  const auto topic = make_topic(settings, "beyond", 1);
  test::produce(settings, numbered_records(topic, 1, 5));
  Listener listener;
  listener.positions = {{{topic, 0}, 9}};
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);

  const Error error = poll_until_error(*source);

  EXPECT_EQ(error.disposition, Disposition::kStop);
  EXPECT_NE(error.message.find("position 9 is beyond the topic's end 5"), std::string::npos)
      << error.message;
}

}  // namespace
}  // namespace fovea::ingest
