// A member of a consumer group.
//
// The client's own consumer state is not trusted with anything: where a partition starts is said
// by the listener or asked here, nothing is stored or committed behind our back, and a position
// that the topic no longer has is an error. Records are taken one by one: the client's batch call
// together with pause can skip offsets in 2.0.2.

#include <librdkafka/rdkafka.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_error.h"
#include "ingest/kafka_positions.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kCommitWithin{10'000};
constexpr milliseconds kCloseWithin{10'000};
constexpr milliseconds kLookUp{5'000};

milliseconds until(steady_clock::time_point deadline) {
  return std::max(milliseconds{0},
                  std::chrono::duration_cast<milliseconds>(deadline - steady_clock::now()));
}

int as_int(milliseconds time) {
  return static_cast<int>(std::min<std::int64_t>(time.count(), 1 << 30));
}

std::vector<TopicPartition> partitions_of(const rd_kafka_topic_partition_list_t& list) {
  std::vector<TopicPartition> partitions;
  partitions.reserve(static_cast<std::size_t>(list.cnt));
  for (int i = 0; i < list.cnt; ++i) {
    partitions.push_back({list.elems[i].topic, list.elems[i].partition});
  }
  return partitions;
}

// Where a partition starts that has no position at all: an end of the log, or a time.
struct Start {
  std::int64_t logical = RD_KAFKA_OFFSET_BEGINNING;
  std::optional<std::int64_t> time_ms;
};

Result<Start> parse_start(const std::string& words) {
  if (words == "earliest") return Start{RD_KAFKA_OFFSET_BEGINNING, {}};
  if (words == "latest") return Start{RD_KAFKA_OFFSET_END, {}};
  std::int64_t time = 0;
  const auto [end, problem] = std::from_chars(words.data(), words.data() + words.size(), time);
  if (problem != std::errc{} || end != words.data() + words.size() || time < 0) {
    return stop("start " + words + " is none of earliest, latest and milliseconds since the epoch");
  }
  return Start{RD_KAFKA_OFFSET_INVALID, time};
}

class KafkaSource final : public Source {
 public:
  KafkaSource(KafkaSettings settings, ConsumerSettings consumer, Start start,
              AssignmentListener& listener)
      : settings_(std::move(settings)),
        consumer_(std::move(consumer)),
        topics_(consumer_.topics.begin(), consumer_.topics.end()),
        start_(start),
        listener_(listener) {}

  ~KafkaSource() override { close(); }

  Result<void> open() {
    std::map<std::string, std::string> own{{"group.id", consumer_.group_id}};
    if (!consumer_.instance_id.empty()) own["group.instance.id"] = consumer_.instance_id;
    auto conf = make_kafka_conf(settings_, KafkaRole::kMember, own);
    if (!conf) return conf.error();
    rd_kafka_conf_set_rebalance_cb(conf->get(), on_rebalance);
    auto client = KafkaClient::create(settings_, KafkaRole::kMember, std::move(*conf), this);
    if (!client) return client.error();
    client_ = std::move(*client);
    KafkaPartitions subscription(rd_kafka_topic_partition_list_new(0));
    for (const std::string& topic : topics_) {
      rd_kafka_topic_partition_list_add(subscription.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
    }
    const auto code = rd_kafka_subscribe(client_->handle(), subscription.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "subscription");
    return {};
  }

  Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                    milliseconds timeout) override {
    const auto deadline = steady_clock::now() + timeout;
    const std::size_t before = out.size();
    rebalanced_ = false;
    while (!stopped_ && !client_->dead() && out.size() - before < records_max) {
      const bool first = out.size() == before;
      KafkaMessage message(
          rd_kafka_consumer_poll(client_->handle(), first ? as_int(until(deadline)) : 0));
      // What this call had gathered before belongs to the assignment that has ended: whoever owns
      // those partitions now starts at positions that do not include it.
      if (rebalanced_) out.resize(before);
      if (message == nullptr) break;
      if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        deliver(*message, out);
      } else {
        on_message_error(*message);
      }
      if (rebalanced_ || (out.size() == before && steady_clock::now() >= deadline)) break;
    }
    if (client_->fenced() && !stopped_) {
      out.resize(before);
      return after_fence();
    }
    if (stopped_) {
      out.resize(before);
      return *stopped_;
    }
    if (out.size() > before) client_->heard();
    if (missing_ && out.size() == before) {
      if (auto checked = check_missing(); !checked) return checked;
    }
    // With records in hand there is nothing to report, and they must not be lost to a report.
    return out.size() > before ? Result<void>{} : client_->check();
  }

  Result<void> commit(const std::vector<TopicPosition>& positions) override {
    if (positions.empty()) return {};
    for (const auto& position : positions) {
      if (!assigned_.contains(position.at)) {
        return skip("not_ours", words_for(position.at) + " is not assigned to this member");
      }
    }
    const KafkaPartitions offsets = to_kafka(positions);
    // A queue of its own for the answer, so that the wait has an end: the client's synchronous
    // call lasts as long as a broker that accepts connections and does not answer.
    const KafkaQueue answers(rd_kafka_queue_new(client_->handle()));
    const auto code =
        rd_kafka_commit_queue(client_->handle(), offsets.get(), answers.get(), nullptr, nullptr);
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "commit");
    rd_kafka_event_t* event = rd_kafka_queue_poll(answers.get(), as_int(kCommitWithin));
    if (event == nullptr) {
      return retry("commit: no answer from " + client_->bootstrap() + " within 10 s");
    }
    auto outcome = commit_outcome(event);
    rd_kafka_event_destroy(event);
    if (outcome) client_->heard();
    return outcome;
  }

  [[nodiscard]] std::string membership() const override { return membership_; }

  void pause(const std::vector<TopicPartition>& partitions) override {
    std::vector<TopicPartition> fresh;
    for (const TopicPartition& at : partitions) {
      if (paused_.insert(at).second && fetching_.contains(at)) fresh.push_back(at);
    }
    set_paused(fresh, true);
  }

  void resume(const std::vector<TopicPartition>& partitions) override {
    std::vector<TopicPartition> fresh;
    for (const TopicPartition& at : partitions) {
      if (paused_.erase(at) > 0 && fetching_.contains(at)) fresh.push_back(at);
    }
    set_paused(fresh, false);
  }

  [[nodiscard]] std::optional<PartitionProgress> progress(const TopicPartition& at) const override {
    const auto place = places_.find(at);
    if (place == places_.end() || place->second.reached == kNoOffset) return std::nullopt;
    const Offset reached = place->second.reached;
    const Offset end = known_end(client_->handle(), at);
    if (end == kNoOffset && !place->second.ended) return std::nullopt;
    return PartitionProgress{reached, std::max(end, reached)};
  }

  [[nodiscard]] bool replaced() const override { return replaced_; }
  [[nodiscard]] bool finished() const override { return false; }

 private:
  struct Place {
    Offset next = 0;             // the least offset that may come next
    Offset reached = kNoOffset;  // up to which it was read: counts transaction markers, too
    Offset start = 0;            // as assigned: an offset, or one of the client's names for an end
    bool ended = false;          // the end was reached at least once
  };

  static void on_rebalance(rd_kafka_t*, rd_kafka_resp_err_t code,
                           rd_kafka_topic_partition_list_t* list, void* opaque) {
    auto& source = *static_cast<KafkaSource*>(static_cast<KafkaClient*>(opaque)->owner());
    source.rebalanced_ = true;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS && !source.closing_ && !source.stopped_) {
      source.take(*list);
    } else if (code == RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS) {
      source.give_up();
    } else {
      rd_kafka_assign(source.client_->handle(), nullptr);
    }
  }

  // A static member whose session ran out while the broker was away forgets its member id, and
  // librdkafka 2.0.2 may then send one more heartbeat without it, which the broker takes for an
  // impostor's: fatal for the handle, and false. A handle that has lost its session is therefore
  // replaced once; a fence without that is a second process with the same instance id.
  Result<void> after_fence() {
    if (!client_->session_ran_out()) {
      replaced_ = true;
      stopped_ = stop("instance " + consumer_.instance_id + " of group " + consumer_.group_id +
                      " is fenced: another process has joined with the same instance id");
      return *stopped_;
    }
    client_->log("REJOIN", "fenced after an outage, joining group " + consumer_.group_id + " anew");
    close();
    closing_ = false;
    if (auto opened = open(); !opened) {
      stopped_ = opened.error();
      return *stopped_;
    }
    return {};
  }

  // In the client's own bytes, which its transactional producers read.
  [[nodiscard]] std::string read_membership() const {
    std::string words;
    rd_kafka_consumer_group_metadata_t* member =
        rd_kafka_consumer_group_metadata(client_->handle());
    if (member == nullptr) return words;
    void* bytes = nullptr;
    std::size_t size = 0;
    rd_kafka_error_t* error = rd_kafka_consumer_group_metadata_write(member, &bytes, &size);
    if (error == nullptr) words.assign(static_cast<const char*>(bytes), size);
    if (error != nullptr) rd_kafka_error_destroy(error);
    if (bytes != nullptr) rd_kafka_mem_free(client_->handle(), bytes);
    rd_kafka_consumer_group_metadata_destroy(member);
    return words;
  }

  void take(const rd_kafka_topic_partition_list_t& list) {
    const auto partitions = partitions_of(list);
    assigned_ = {partitions.begin(), partitions.end()};
    auto ready = listener_.on_assigning();
    auto starts = ready ? starting_positions(partitions) : ready.error();
    if (!starts) {
      stopped_ = starts.error();
      rd_kafka_assign(client_->handle(), nullptr);
      return;
    }
    const KafkaPartitions assignment = to_kafka(*starts);
    const auto code = rd_kafka_assign(client_->handle(), assignment.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) {
      stopped_ = kafka_error(code, "assignment");
      return;
    }
    fetching_ = assigned_;
    // Of this assignment, also later: a member that was thrown out is nobody to the client, and a
    // broker lets nobody commit.
    membership_ = read_membership();
    client_->session_renewed();
    for (const auto& start : *starts) {
      places_[start.at] = {std::max<Offset>(start.next, 0), std::max(start.next, kNoOffset),
                           start.next};
    }
    hold_paused();
  }

  // An assignment starts unpaused, also for what the listener has just asked to hold back.
  void hold_paused() {
    std::vector<TopicPartition> held;
    for (const TopicPartition& at : paused_) {
      if (fetching_.contains(at)) held.push_back(at);
    }
    set_paused(held, true);
  }

  void give_up() {
    const bool lost = rd_kafka_assignment_lost(client_->handle()) != 0;
    if (!assigned_.empty()) listener_.on_revoked({assigned_.begin(), assigned_.end()}, lost);
    // The client keeps a partition paused for when it comes back, and nobody would resume it then.
    resume({paused_.begin(), paused_.end()});
    rd_kafka_assign(client_->handle(), nullptr);
    assigned_.clear();
    fetching_.clear();
    paused_.clear();
    places_.clear();
  }

  Result<std::vector<TopicPosition>> starting_positions(
      const std::vector<TopicPartition>& partitions) {
    auto committed = committed_positions(*client_, settings_, consumer_.group_id, partitions);
    if (!committed) return committed.error();
    auto told = listener_.on_assigned(*committed);
    if (!told) return told.error();

    std::map<TopicPartition, Offset> starts;
    for (const auto& position : *told) {
      if (!assigned_.contains(position.at)) {
        return stop(words_for(position.at) + " was given a position and is not assigned");
      }
      starts[position.at] = position.next;
    }
    std::vector<TopicPartition> without;
    for (const AssignedPartition& one : *committed) {
      if (starts.contains(one.at)) continue;
      if (one.committed) {
        starts[one.at] = *one.committed;
      } else {
        without.push_back(one.at);
      }
    }
    auto first = first_positions(without);
    if (!first) return first.error();
    starts.merge(*first);
    std::vector<TopicPosition> positions;
    positions.reserve(starts.size());
    for (const auto& [at, next] : starts) positions.push_back({at, next});
    return positions;
  }

  Result<std::map<TopicPartition, Offset>> first_positions(
      const std::vector<TopicPartition>& partitions) {
    std::map<TopicPartition, Offset> positions;
    std::vector<TopicPartition> by_time;
    for (const auto& at : partitions) {
      if (consumer_.whole_topics.contains(at.topic)) {
        positions[at] = RD_KAFKA_OFFSET_BEGINNING;
      } else if (start_.time_ms) {
        by_time.push_back(at);
      } else {
        positions[at] = start_.logical;
      }
    }
    if (by_time.empty()) return positions;
    const auto found = positions_at(*client_, by_time, *start_.time_ms);
    if (!found) return found.error();
    for (const TopicPosition& one : *found) positions[one.at] = one.next;
    return positions;
  }

  void deliver(const rd_kafka_message_t& message, std::vector<SourceRecord>& out) {
    const auto topic = topics_.find(rd_kafka_topic_name(message.rkt));
    FOVEA_ASSERT(topic != topics_.end());
    const auto place = places_.find({*topic, message.partition});
    // Neither a record of a partition that was given up nor one seen before may get through.
    if (place == places_.end() || message.offset < place->second.next) return;
    place->second.next = place->second.reached = message.offset + 1;
    out.push_back(to_record(message, *topic));
  }

  void on_message_error(const rd_kafka_message_t& message) {
    const std::string topic = message.rkt != nullptr ? rd_kafka_topic_name(message.rkt) : "";
    const TopicPartition at{topic, message.partition};
    const std::string words = rd_kafka_message_errstr(&message);
    switch (message.err) {
      case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        reached_end(at, message.offset);
        return;
      case RD_KAFKA_RESP_ERR__FATAL:
        client_->on_fatal();
        return;
      case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
      case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
      case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        missing_ = true;
        return;
      case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
        if (auto gone = position_gone(at, words); !gone) stopped_ = gone.error();
        return;
      // The member was slow; the client leaves and joins again, which on_revoked(lost) tells.
      case RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED:
        client_->log("MAXPOLL", words);
        return;
      default:
        break;
    }
    Error error = kafka_error(message.err, topic.empty() ? "consumer" : words_for(at), words);
    if (error.disposition == Disposition::kStop) {
      stopped_ = std::move(error);
    } else {
      client_->log(rd_kafka_err2name(message.err), error.message);
    }
  }

  // Its offset counts what no record shows: transaction markers and aborted records.
  void reached_end(const TopicPartition& at, Offset end) {
    const auto place = places_.find(at);
    if (place == places_.end()) return;
    place->second.reached = std::max(place->second.reached, end);
    place->second.ended = true;
  }

  // Errors: kStop, unless it could go on behind what is gone.
  Result<void> position_gone(const TopicPartition& at, const std::string& words) {
    const auto place = places_.find(at);
    const auto ends = partition_ends(*client_, at, kLookUp);
    if (place == places_.end() || !ends) return stop(words_for(at) + ": " + words);
    const std::string position = words_for(at) + ": position " + std::to_string(place->second.next);
    if (place->second.next < ends->low) {
      const std::string lost = position + " is below the topic's start " +
                               std::to_string(ends->low) + ": records between them are gone";
      if (!consumer_.skip_lost) return stop(lost);
      client_->log("LOST", lost);
      return go_on_at(at, ends->low);
    }
    if (place->second.next > ends->high) {
      return stop(position + " is beyond the topic's end " + std::to_string(ends->high) +
                  ": the topic was made anew or its position is another's");
    }
    return stop(position + ": " + words);
  }

  // All partitions are assigned anew, where they stand: one whose position was refused is stopped
  // for good to the client, which seeks nothing then (2.0.2).
  Result<void> go_on_at(const TopicPartition& at, Offset next) {
    places_[at].next = places_[at].reached = next;
    std::vector<TopicPosition> positions;
    for (const auto& [each, place] : places_) {
      positions.push_back({each, place.reached == kNoOffset ? place.start : place.reached});
    }
    const KafkaPartitions assignment = to_kafka(positions);
    const auto code = rd_kafka_assign(client_->handle(), assignment.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return kafka_error(code, "assignment");
    hold_paused();
    return {};
  }

  // The client reports a missing topic once, and sometimes a topic that was made a moment ago.
  Result<void> check_missing() {
    for (const std::string& topic : topics_) {
      auto count = client_->partition_count(topic, kLookUp);
      if (!count) {
        if (count.error().disposition != Disposition::kRetry) stopped_ = count.error();
        return count.error();
      }
      if (!*count) {
        stopped_ = missing_topic(topic);
        return *stopped_;
      }
    }
    missing_ = false;
    return {};
  }

  static Result<void> commit_outcome(rd_kafka_event_t* event) {
    auto code = rd_kafka_event_error(event);
    std::string what = "commit";
    const auto* list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; code == RD_KAFKA_RESP_ERR_NO_ERROR && list != nullptr && i < list->cnt; ++i) {
      code = list->elems[i].err;
      what = "commit of " + words_for({list->elems[i].topic, list->elems[i].partition});
    }
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR) return {};
    return kafka_error(code, what);
  }

  void set_paused(const std::vector<TopicPartition>& partitions, bool paused) {
    if (partitions.empty()) return;
    // The client drops what it had fetched ahead and goes on, when resumed, after the last record
    // that was handed out; next_ would catch a repeat.
    const KafkaPartitions list = to_kafka(partitions);
    if (paused) {
      rd_kafka_pause_partitions(client_->handle(), list.get());
    } else {
      rd_kafka_resume_partitions(client_->handle(), list.get());
    }
  }

  // rd_kafka_consumer_close() waits for a broker for as long as it takes; this does not.
  void close() {
    if (client_ == nullptr) return;
    closing_ = true;
    const KafkaQueue queue(rd_kafka_queue_new(client_->handle()));
    if (rd_kafka_error_t* error = rd_kafka_consumer_close_queue(client_->handle(), queue.get())) {
      rd_kafka_error_destroy(error);
    } else {
      const auto deadline = steady_clock::now() + kCloseWithin;
      while (rd_kafka_consumer_closed(client_->handle()) == 0 && steady_clock::now() < deadline) {
        KafkaMessage left(rd_kafka_consume_queue(queue.get(), 20));
      }
    }
    // Where the client could not revoke in time, nobody else may say so.
    if (!assigned_.empty()) listener_.on_revoked({assigned_.begin(), assigned_.end()}, true);
    assigned_.clear();
    client_.reset();
  }

  const KafkaSettings settings_;
  const ConsumerSettings consumer_;
  const std::set<std::string, std::less<>> topics_;  // what SourceRecord::topic points into
  const Start start_;
  AssignmentListener& listener_;
  std::unique_ptr<KafkaClient> client_;
  std::string membership_;
  std::set<TopicPartition> assigned_;
  std::set<TopicPartition> fetching_;  // assigned, and past the listener's answer
  std::set<TopicPartition> paused_;
  std::map<TopicPartition, Place> places_;
  std::optional<Error> stopped_;
  bool replaced_ = false;
  bool missing_ = false;
  bool rebalanced_ = false;
  bool closing_ = false;
};

}  // namespace

Result<std::unique_ptr<Source>> open_kafka_source(const KafkaSettings& settings,
                                                  const ConsumerSettings& consumer,
                                                  AssignmentListener& listener) {
  if (consumer.topics.empty()) return stop("no topic to read");
  if (consumer.group_id.empty()) return stop("no group to read as");
  auto start = parse_start(consumer.start);
  if (!start) return start.error();
  auto source = std::make_unique<KafkaSource>(settings, consumer, *start, listener);
  if (auto opened = source->open(); !opened) return opened.error();
  return std::unique_ptr<Source>(std::move(source));
}

}  // namespace fovea::ingest
