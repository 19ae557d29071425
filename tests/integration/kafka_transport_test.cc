// Source, sink and admin against a real broker.
//
// The oracle for partitions is Java's: the hashes are those of Kafka's own UtilsTest.testMurmur2.

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "ingest/kafka.h"
#include "ingest/keys.h"
#include "tests/support/kafka_broker.h"

namespace fovea::ingest {
namespace {

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using test::broker_address;
using test::kafka_settings;
using test::make_topic;
using test::unique_name;

// Says where to start, remembers what it was told, and asks for pauses.
class Listener : public AssignmentListener {
 public:
  Result<std::vector<TopicPosition>> on_assigned(
      const std::vector<AssignedPartition>& partitions) override {
    ++assigned_count;
    owned.clear();
    committed.clear();
    for (const AssignedPartition& one : partitions) {
      owned.insert(one.at.partition);
      committed[one.at.partition] = one.committed;
    }
    if (source != nullptr && !pause_on_assigned.empty()) source->pause(pause_on_assigned);
    std::vector<TopicPosition> told;
    for (const auto& position : positions) {
      if (owned.contains(position.at.partition)) told.push_back(position);
    }
    return told;
  }
  void on_revoked(const std::vector<TopicPartition>&, bool lost) override {
    ++revoked_count;
    lost_count += lost ? 1 : 0;
    owned.clear();
  }

  std::vector<TopicPosition> positions;
  std::vector<TopicPartition> pause_on_assigned;
  Source* source = nullptr;
  std::set<Partition> owned;
  std::map<Partition, std::optional<Offset>> committed;
  int assigned_count = 0;
  int revoked_count = 0;
  int lost_count = 0;
};

std::unique_ptr<Source> open_source(const std::string& topic, const std::string& group,
                                    Listener& listener, const std::string& start = "earliest",
                                    const std::string& instance = {}) {
  auto source = open_kafka_source(kafka_settings(broker_address()),
                                  {{topic}, group, instance, start}, listener);
  if (!source) {
    ADD_FAILURE() << source.error().message;
    return nullptr;
  }
  listener.source = source->get();
  return std::move(*source);
}

// Polls until `enough` holds, or fails after 20 s.
template <class Enough>
void poll_until(Source& source, std::vector<SourceRecord>& out, const Enough& enough,
                std::size_t records_max = 500) {
  const auto deadline = steady_clock::now() + 20s;
  while (!enough()) {
    const auto polled = source.poll(out, records_max, 50ms);
    ASSERT_TRUE(polled) << polled.error().message;
    ASSERT_LT(steady_clock::now(), deadline) << out.size() << " records so far";
  }
}

Error poll_until_error(Source& source) {
  const auto deadline = steady_clock::now() + 20s;
  std::vector<SourceRecord> out;
  while (steady_clock::now() < deadline) {
    if (const auto polled = source.poll(out, 500, 50ms); !polled) return polled.error();
  }
  ADD_FAILURE() << "no error within 20 s";
  return retry("");
}

OutputRecord numbered(const std::string& topic, Partition partition, int number) {
  return {topic, partition, "k", std::to_string(number), {}};
}

std::vector<OutputRecord> numbered_records(const std::string& topic, Partition partitions,
                                           int count) {
  std::vector<OutputRecord> records;
  for (int i = 0; i < count; ++i) {
    for (Partition p = 0; p < partitions; ++p) records.push_back(numbered(topic, p, i));
  }
  return records;
}

class KafkaTransport : public testing::Test {
 protected:
  void SetUp() override {
    FOVEA_NEEDS_BROKER();
    settings = kafka_settings(broker_address());
  }
  KafkaSettings settings;
};

using KafkaSource = KafkaTransport;
using KafkaSink = KafkaTransport;
using KafkaAdminTest = KafkaTransport;

TEST_F(KafkaTransport, KeysValuesAndTombstonesComeBackAsTheyWent) {
  const auto topic = make_topic(settings, "round", 1);
  const std::string binary("\0\xff\n", 3);
  test::produce(settings, {{topic, {}, "user", "value", {}},
                           {topic, {}, "user", std::nullopt, {}},
                           {topic, {}, std::nullopt, "no key", {}},
                           {topic, {}, "", "", {}},
                           {topic, {}, binary, binary, {}}});
  Listener listener;
  auto source = open_source(topic, unique_name("group"), listener);
  ASSERT_NE(source, nullptr);

  std::vector<SourceRecord> out;
  poll_until(*source, out, [&] { return out.size() >= 5; });

  ASSERT_EQ(out.size(), 5U);
  EXPECT_EQ(out[0].topic, topic);
  EXPECT_EQ(out[0].key, "user");
  EXPECT_EQ(out[0].value, "value");
  EXPECT_EQ(out[1].value, std::nullopt);
  EXPECT_EQ(out[2].key, std::nullopt);
  EXPECT_EQ(out[3].key, "");
  EXPECT_EQ(out[3].value, "");
  EXPECT_EQ(out[4].key, binary);
  EXPECT_EQ(out[4].value, binary);
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(
                       std::chrono::system_clock::now().time_since_epoch())
                       .count();
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_EQ(out[i].offset, static_cast<Offset>(i));
    EXPECT_LT(std::abs(now - value(out[i].record_time)), 60'000);
  }
}

TEST_F(KafkaSink, HeadersArriveInOrder) {
  const auto topic = make_topic(settings, "headers", 1);
  test::produce(settings, {{topic, {}, "k", "v", {{"a", "1"}, {"b", ""}, {"a", "2"}}}});

  // Headers are for other consumers: read with the client itself.
  char words[512];
  rd_kafka_conf_t* conf = rd_kafka_conf_new();
  rd_kafka_conf_set(conf, "bootstrap.servers", broker_address().c_str(), words, sizeof words);
  rd_kafka_t* client = rd_kafka_new(RD_KAFKA_CONSUMER, conf, words, sizeof words);
  ASSERT_NE(client, nullptr) << words;
  rd_kafka_topic_t* handle = rd_kafka_topic_new(client, topic.c_str(), nullptr);
  rd_kafka_consume_start(handle, 0, RD_KAFKA_OFFSET_BEGINNING);
  rd_kafka_message_t* message = rd_kafka_consume(handle, 0, 20'000);
  ASSERT_NE(message, nullptr);
  ASSERT_EQ(message->err, RD_KAFKA_RESP_ERR_NO_ERROR) << rd_kafka_message_errstr(message);
  rd_kafka_headers_t* headers = nullptr;
  ASSERT_EQ(rd_kafka_message_headers(message, &headers), RD_KAFKA_RESP_ERR_NO_ERROR);
  std::vector<std::pair<std::string, std::string>> found;
  const char* name = nullptr;
  const void* bytes = nullptr;
  std::size_t size = 0;
  for (std::size_t i = 0; rd_kafka_header_get_all(headers, i, &name, &bytes, &size) == 0; ++i) {
    found.emplace_back(name, std::string(static_cast<const char*>(bytes), size));
  }
  rd_kafka_message_destroy(message);
  rd_kafka_consume_stop(handle, 0);
  rd_kafka_topic_destroy(handle);
  rd_kafka_destroy(client);

  const std::vector<std::pair<std::string, std::string>> sent{{"a", "1"}, {"b", ""}, {"a", "2"}};
  EXPECT_EQ(found, sent);
}

TEST_F(KafkaSink, KeysGoToThePartitionThatJavaClientsChoose) {
  const std::int32_t count = 7;
  const auto topic = make_topic(settings, "murmur", count);
  const std::map<std::string, std::int32_t> hashes{
      {"21", -973932308},
      {"foobar", -790332482},
      {"a-little-bit-long-string", -985981536},
      {"a-little-bit-longer-string", -1486304829},
      {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
      {"abc", 479470107}};
  std::vector<OutputRecord> records;
  for (const auto& [key, hash] : hashes) records.push_back({topic, {}, key, "v", {}});
  for (int i = 0; i < 200; ++i) records.push_back({topic, {}, std::to_string(i), "v", {}});
  test::produce(settings, records);

  const auto dumped = test::dump_topic(settings, topic);

  ASSERT_EQ(dumped.size(), records.size());
  for (const auto& record : dumped) {
    EXPECT_EQ(record.partition, murmur2_partition(*record.key, count)) << *record.key;
    if (const auto known = hashes.find(*record.key); known != hashes.end()) {
      EXPECT_EQ(record.partition, (known->second & 0x7fffffff) % count) << *record.key;
    }
  }
}

TEST_F(KafkaSink, DeliveredNextIsOnePastTheLastAcknowledgedOffset) {
  const auto topic = make_topic(settings, "delivered", 2);
  test::produce(settings, {numbered(topic, 1, 0)});
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  EXPECT_EQ((*sink)->delivered_next({topic, 1}), std::nullopt);

  for (int i = 0; i < 10; ++i) ASSERT_TRUE((*sink)->append(numbered(topic, 1, i)));
  const auto flushed = (*sink)->flush(20s);

  ASSERT_TRUE(flushed) << flushed.error().message;
  EXPECT_EQ((*sink)->delivered_next({topic, 1}), 11);
  EXPECT_EQ((*sink)->delivered_next({topic, 0}), std::nullopt);
  EXPECT_EQ((*sink)->delivered_next({topic, 9}), std::nullopt);
}

TEST_F(KafkaSink, ARecordRefusedByTheBrokerLosesTheIntervalForGood) {
  const auto topic = make_topic(settings, "small", 1, {{"max.message.bytes", "1000"}});
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  std::mt19937 random(1);
  std::string incompressible(5000, ' ');
  for (char& c : incompressible) c = static_cast<char>(random());
  ASSERT_TRUE((*sink)->append({topic, 0, "k", incompressible, {}}));

  const auto flushed = (*sink)->flush(20s);

  ASSERT_FALSE(flushed);
  EXPECT_EQ(flushed.error().disposition, Disposition::kStop);
  EXPECT_NE(flushed.error().message.find("interval lost"), std::string::npos)
      << flushed.error().message;
  const auto later = (*sink)->append(numbered(topic, 0, 1));
  ASSERT_FALSE(later);
  EXPECT_EQ(later.error().disposition, Disposition::kStop);
  EXPECT_EQ((*sink)->delivered_next({topic, 0}), std::nullopt);
}

TEST_F(KafkaSink, AMissingTopicOrPartitionIsNamed) {
  const auto topic = make_topic(settings, "two", 2);
  auto sink = open_kafka_sink(settings);
  ASSERT_TRUE(sink) << sink.error().message;
  const std::string missing = unique_name("missing");

  const auto no_topic = (*sink)->append({missing, {}, "k", "v", {}});
  const auto no_partition = (*sink)->append({topic, 2, "k", "v", {}});

  ASSERT_FALSE(no_topic);
  EXPECT_EQ(no_topic.error().disposition, Disposition::kStop);
  EXPECT_EQ(no_topic.error().message, "topic " + missing + " does not exist");
  ASSERT_FALSE(no_partition);
  EXPECT_EQ(no_partition.error().message, "topic " + topic + " has 2 partitions and not number 2");
}

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

TEST_F(KafkaAdminTest, DescribesWhatItCreatedAndLeavesItAsItIs) {
  auto admin = open_kafka_admin(settings);
  ASSERT_TRUE(admin) << admin.error().message;
  const TopicDescription wanted{unique_name("admin"),
                                3,
                                1,
                                {{"cleanup.policy", "compact"},
                                 {"retention.ms", "-1"},
                                 {"message.timestamp.type", "LogAppendTime"},
                                 {"compression.type", "lz4"},
                                 {"max.compaction.lag.ms", "86400000"},
                                 {"delete.retention.ms", "604800000"}}};
  const auto created = (*admin)->create({wanted}, 30s);
  ASSERT_TRUE(created) << created.error().message;
  auto other = wanted;
  other.partitions = 9;
  const auto again = (*admin)->create({other}, 30s);
  ASSERT_TRUE(again) << again.error().message;

  const auto described = (*admin)->describe({unique_name("missing"), wanted.name}, 30s);

  ASSERT_TRUE(described) << described.error().message;
  ASSERT_EQ(described->size(), 1U);
  EXPECT_EQ(described->front().name, wanted.name);
  EXPECT_EQ(described->front().partitions, 3);
  EXPECT_EQ(described->front().replication, 1);
  for (const auto& [name, expected] : wanted.config) {
    EXPECT_EQ(described->front().config.at(name), expected) << name;
  }
}

TEST_F(KafkaAdminTest, ARefusedTopicIsNamedWithTheBrokersReason) {
  auto admin = open_kafka_admin(settings);
  ASSERT_TRUE(admin) << admin.error().message;
  const auto name = unique_name("refused");
  const auto created = (*admin)->create({{name, 1, 1, {{"cleanup.policy", "burn"}}}}, 30s);
  ASSERT_FALSE(created);
  EXPECT_EQ(created.error().disposition, Disposition::kStop);
  EXPECT_NE(created.error().message.find(name), std::string::npos) << created.error().message;
  EXPECT_NE(created.error().message.find("burn"), std::string::npos) << created.error().message;
}

TEST_F(KafkaAdminTest, TheClusterHasOneIdForEverybody) {
  auto one = open_kafka_admin(settings);
  auto two = open_kafka_admin(settings);
  const auto first = (*one)->cluster_id(30s);
  const auto second = (*two)->cluster_id(30s);
  ASSERT_TRUE(first) << first.error().message;
  ASSERT_TRUE(second) << second.error().message;
  EXPECT_FALSE(first->empty());
  EXPECT_EQ(*first, *second);
}

}  // namespace
}  // namespace fovea::ingest
