#include "ingest/kafka_positions.h"

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <utility>

#include "ingest/kafka_config.h"
#include "ingest/kafka_error.h"

namespace fovea::ingest {
namespace {

using std::chrono::duration_cast;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

// How long a group's coordinator may stay away in the middle of an assignment.
constexpr milliseconds kAssignWithin{60'000};
constexpr milliseconds kAnswerWithin{5'000};
constexpr milliseconds kPause{100};
// Committed offsets that are kept back for longer lie behind somebody's open transaction.
constexpr milliseconds kUnstable{300};

// How long the leader that the client knows is waited for before the cluster is asked who leads.
constexpr milliseconds kLeaderAnswers{1'000};

int as_int(milliseconds time) {
  return static_cast<int>(time.count());
}

// Calls `ask` with a time-out until it succeeds, as long as trying again may help.
template <class Ask>
Result<void> ask_until_answered(KafkaClient& client, const std::string& what, const Ask& ask) {
  const auto deadline = steady_clock::now() + kAssignWithin;
  for (;;) {
    const int code = ask(kAnswerWithin);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    Error error = kafka_error(code, what);
    if (error.disposition != Disposition::kRetry || steady_clock::now() >= deadline) {
      return stop(error.message);
    }
    client.log("ASSIGN", error.message + ", trying again");
    std::this_thread::sleep_for(kPause);
  }
}

std::string committer(const rd_kafka_topic_partition_t& element) {
  if (element.metadata == nullptr) return {};
  return {static_cast<const char*>(element.metadata), element.metadata_size};
}

// A partition whose committed offset is known when open transactions are not waited for, and not
// otherwise, lies behind one: of whoever committed last, as far as can be known.
void end_what_blocks(KafkaClient& client, const KafkaSettings& settings, const std::string& group,
                     const std::vector<TopicPartition>& partitions) {
  auto conf = make_kafka_conf(settings, KafkaRole::kMember,
                              {{"group.id", group}, {"isolation.level", "read_uncommitted"}});
  if (!conf) return;
  const auto onlooker =
      KafkaClient::create(settings, KafkaRole::kMember, *std::move(conf), nullptr);
  if (!onlooker) return;
  const KafkaPartitions all = to_kafka(partitions);
  const auto began = steady_clock::now();
  if (rd_kafka_committed((*onlooker)->handle(), all.get(), as_int(kAnswerWithin)) !=
      RD_KAFKA_RESP_ERR_NO_ERROR) {
    return;
  }
  // A broker that is only slow answers both as slowly.
  const auto patience =
      std::max(kUnstable, 2 * duration_cast<milliseconds>(steady_clock::now() - began));
  std::set<std::string> ended;
  for (int i = 0; i < all->cnt; ++i) {
    const std::string owner = committer(all->elems[i]);
    if (owner.empty() || ended.contains(owner)) continue;
    const TopicPartition at{all->elems[i].topic, all->elems[i].partition};
    const KafkaPartitions one = to_kafka(std::vector<TopicPartition>{at});
    const auto code = rd_kafka_committed(client.handle(), one.get(), as_int(patience));
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) continue;
    client.log("TAKEOVER", words_for(at) + ": its committed offset waits for the transaction of " +
                               owner + ", which is ended");
    if (open_kafka_transactional_sink(settings, owner, kAnswerWithin)) ended.insert(owner);
  }
}

// Not rd_kafka_query_watermark_offsets(), which heeds no time-out once it waits for the leader. As
// times, the names of a partition's two ends mean these.
rd_kafka_resp_err_t ask_end(KafkaClient& client, const TopicPartition& at, Offset name,
                            milliseconds timeout, Offset& end) {
  const KafkaPartitions one = to_kafka(std::vector<TopicPartition>{at});
  rd_kafka_topic_partition_t& element = one->elems[0];
  element.offset = name;
  const auto code = rd_kafka_offsets_for_times(client.handle(), one.get(), as_int(timeout));
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return code;
  end = element.offset;
  return element.err;
}

}  // namespace

Result<std::vector<AssignedPartition>> committed_positions(
    KafkaClient& client, const KafkaSettings& settings, const std::string& group,
    const std::vector<TopicPartition>& partitions) {
  KafkaPartitions list;
  const auto ask_within = [&](milliseconds timeout) -> int {
    list = to_kafka(partitions);
    return rd_kafka_committed(client.handle(), list.get(), as_int(timeout));
  };
  bool looked = false;
  auto asked = ask_until_answered(client, "committed offsets of the group", [&](milliseconds most) {
    if (looked) return ask_within(most);
    looked = true;
    // The client does not say that offsets are unstable: it waits, and the time is over.
    const int code = ask_within(kUnstable);
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT) return code;
    end_what_blocks(client, settings, group, partitions);
    return ask_within(most);
  });
  if (!asked) return asked.error();
  std::vector<AssignedPartition> committed;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& element = list->elems[i];
    AssignedPartition one{{element.topic, element.partition}, {}, {}};
    if (element.err != RD_KAFKA_RESP_ERR_NO_ERROR) {
      return stop(kafka_error(element.err, "committed offset of " + words_for(one.at)).message);
    }
    if (element.offset >= 0) {
      one.committed = element.offset;
      one.committed_by = committer(element);
    }
    committed.push_back(std::move(one));
  }
  return committed;
}

Result<std::vector<TopicPosition>> positions_at(KafkaClient& client,
                                                const std::vector<TopicPartition>& partitions,
                                                std::int64_t time_ms) {
  KafkaPartitions list;
  auto asked = ask_until_answered(client, "offsets by time", [&](milliseconds timeout) -> int {
    list = to_kafka(partitions);
    for (int i = 0; i < list->cnt; ++i) list->elems[i].offset = time_ms;
    const auto code = rd_kafka_offsets_for_times(client.handle(), list.get(), as_int(timeout));
    for (int i = 0; i < list->cnt && code == RD_KAFKA_RESP_ERR_NO_ERROR; ++i) {
      if (list->elems[i].err != RD_KAFKA_RESP_ERR_NO_ERROR) return list->elems[i].err;
    }
    return code;
  });
  if (!asked) return asked.error();
  std::vector<TopicPosition> positions;
  for (int i = 0; i < list->cnt; ++i) {
    const auto& element = list->elems[i];
    // Nothing as young as that: what comes next is.
    positions.push_back({{element.topic, element.partition},
                         element.offset >= 0 ? element.offset : Offset{RD_KAFKA_OFFSET_END}});
  }
  return positions;
}

Result<PartitionReader::Ends> partition_ends(KafkaClient& client, const TopicPartition& at,
                                             milliseconds timeout) {
  const auto deadline = steady_clock::now() + timeout;
  const auto left = [&] {
    return std::max(milliseconds{1}, duration_cast<milliseconds>(deadline - steady_clock::now()));
  };
  rd_kafka_poll(client.handle(), 0);
  for (auto patience = std::min(kLeaderAnswers, timeout / 2);; patience = left()) {
    PartitionReader::Ends ends;
    auto code = ask_end(client, at, RD_KAFKA_OFFSET_BEGINNING, patience, ends.low);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      code = ask_end(client, at, RD_KAFKA_OFFSET_END, patience, ends.high);
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
      client.heard();
      return ends;
    }
    if (kafka_disposition(code) != Disposition::kRetry || steady_clock::now() >= deadline) {
      return kafka_error(code, "ends of " + words_for(at));
    }
    // A topic that was made a moment ago answers "not the leader" for a while. Where the leader is
    // gone the client would ask it for minutes, unless it is made to look who leads now.
    rd_kafka_poll(client.handle(), 20);
    (void)client.partition_count(at.topic, left());
  }
}

std::string words_for(const TopicPartition& at) {
  return at.topic + " [" + std::to_string(at.partition) + "]";
}

}  // namespace fovea::ingest
