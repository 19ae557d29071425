// A member of a consumer group, as its owner sees it (ingest/source.h, open_kafka_source()).

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "tests/sim/cluster_core.h"
#include "tests/sim/sim_positions.h"
#include "vocab/assert.h"

namespace fovea::sim {
namespace {

using ingest::AssignedPartition;
using ingest::PartitionProgress;
using ingest::SourceRecord;
using ingest::TopicPartition;
using ingest::TopicPosition;
using std::chrono::milliseconds;

constexpr milliseconds kAssignWithin{60'000};
constexpr milliseconds kCommitWithin{10'000};
constexpr milliseconds kCommitTakes{2};

class SimSource final : public ingest::Source {
 public:
  SimSource(ClusterCore& core, ProcessId process, const ingest::ConsumerSettings& consumer,
            Start start, ingest::AssignmentListener& listener)
      : core_(core),
        process_(process),
        consumer_(consumer),
        topics_(consumer.topics.begin(), consumer.topics.end()),
        start_(start),
        listener_(listener) {}

  ~SimSource() override { close(); }

  Result<void> poll(std::vector<SourceRecord>& out, std::size_t records_max,
                    milliseconds timeout) override {
    const ClusterCore::Call call(core_, process_);
    const Time deadline = core_.now() + timeout;
    const std::size_t before = out.size();
    if (member_) group().polled(core_.now(), *member_);
    while (!stopped_) {
      if (session_ran_out()) {
        lose_session();
        return stopped_ ? Result<void>(*stopped_) : away_.say(core_, process_);
      }
      if (!core_.away(process_)) {
        if (follow_group()) break;
        if (stopped_) break;
        fetch(out, records_max);
      }
      if (stopped_ || out.size() > before || core_.now() >= deadline) break;
      core_.step(deadline);
    }
    if (stopped_) {
      out.resize(before);
      return *stopped_;
    }
    return out.size() > before ? Result<void>{} : away_.say(core_, process_);
  }

  Result<void> commit(const std::vector<TopicPosition>& positions) override {
    const ClusterCore::Call call(core_, process_);
    if (positions.empty()) return {};
    for (const TopicPosition& position : positions) {
      if (!assigned_.contains(position.at)) {
        return skip("not_ours", words_for(position.at) + " is not assigned to this member");
      }
    }
    const Time deadline = core_.now() + kCommitWithin;
    core_.wait(core_.now() + kCommitTakes, [] { return false; });
    if (!core_.wait(deadline, [this] { return !core_.away(process_); })) return no_answer();
    if (core_.plan.postpone_commits > 0) {
      --core_.plan.postpone_commits;
      return retry("commit: the coordinator is moving");
    }
    core_.crash_point(process_, "commit:before");
    if (auto ours = check_membership(); !ours) return ours;
    group().commit(positions);
    core_.crash_point(process_, "commit:after");
    if (core_.plan.lose_commit_answers > 0) {
      --core_.plan.lose_commit_answers;
      core_.wait(deadline, [] { return false; });
      return no_answer();
    }
    return {};
  }

  // Of the assignment that holds, or was the last.
  [[nodiscard]] std::string membership() const override { return membership_; }

  void pause(const std::vector<TopicPartition>& partitions) override {
    paused_.insert(partitions.begin(), partitions.end());
  }
  void resume(const std::vector<TopicPartition>& partitions) override {
    for (const TopicPartition& at : partitions) paused_.erase(at);
  }

  [[nodiscard]] std::optional<PartitionProgress> progress(const TopicPartition& at) const override {
    const auto place = places_.find(at);
    if (place == places_.end() || place->second.end == kNoOffset) return std::nullopt;
    return PartitionProgress{place->second.next, std::max(place->second.end, place->second.next)};
  }

  [[nodiscard]] bool replaced() const override { return replaced_; }
  [[nodiscard]] bool finished() const override { return false; }

 private:
  struct Place {
    Offset next = 0;
    Offset end = kNoOffset;  // as of the last fetch
  };

  [[nodiscard]] SimGroup& group() { return core_.group(consumer_.group_id); }
  [[nodiscard]] const LogPartition& log(const TopicPartition& at) const {
    return core_.log.partition(at);
  }

  // Whether partitions came or went: then the poll ends.
  bool follow_group() {
    if (!member_ && !join()) return false;
    switch (group().standing(*member_, consumer_.instance_id, taken_)) {
      case SimGroup::Standing::kUnknown:
        member_.reset();
        give_up(true);
        return true;
      case SimGroup::Standing::kFenced:
        replaced_ = true;
        stopped_ = stop(fmt::format(
            "instance {} of group {} is fenced: another process has joined with the same instance "
            "id",
            consumer_.instance_id, consumer_.group_id));
        return false;
      case SimGroup::Standing::kInvited: {
        const bool held = !assigned_.empty();
        give_up(false);
        // It may have taken its time.
        if (member_) group().join_again(core_.now(), *member_);
        return held;
      }
      case SimGroup::Standing::kGiven:
        take();
        return true;
      case SimGroup::Standing::kWaiting:
      case SimGroup::Standing::kSettled:
        return false;
    }
    return false;
  }

  bool join() {
    for (const std::string& topic : topics_) {
      if (core_.log.partition_count(topic) > 0) continue;
      stopped_ = missing_topic(topic);
      return false;
    }
    const std::string word = fmt::format("{:016x}", core_.random.next());
    member_ = group().join(core_.now(), process_, consumer_.instance_id,
                           {topics_.begin(), topics_.end()}, word);
    joined_at_ = core_.now();
    ran_out_ = false;
    taken_ = kNothingTaken;
    return true;
  }

  // The client counts for itself: without an answer for a session it is no member any more.
  // What it has told a commit, it tells the next poll, whatever the plan is by then.
  [[nodiscard]] bool session_ran_out() {
    if (!member_ || ran_out_) return ran_out_;
    const auto outages = core_.outages(process_);
    ran_out_ = std::any_of(outages.begin(), outages.end(), [this](const Outage& outage) {
      const Time from = std::max(joined_at_, outage.from);
      const Time until = std::min(core_.now(), outage.until);
      return until - from >= core_.settings.group.session_timeout;
    });
    return ran_out_;
  }

  void lose_session() {
    group().silence(core_.now(), *member_);
    member_.reset();
    ran_out_ = false;
    give_up(true);
  }

  void give_up(bool lost) {
    if (!assigned_.empty()) listener_.on_revoked({assigned_.begin(), assigned_.end()}, lost);
    assigned_.clear();
    places_.clear();
    paused_.clear();
  }

  void take() {
    taken_ = group().generation();
    assigned_ = group().assignment(*member_);
    membership_ =
        words_for({consumer_.group_id, consumer_.instance_id, *member_, group().generation()});
    auto starts = starting_positions();
    if (!starts) {
      stopped_ = starts.error();
      return;
    }
    for (const TopicPosition& start : *starts) places_[start.at] = {start.next};
  }

  Result<std::vector<TopicPosition>> starting_positions() {
    if (auto ready = listener_.on_assigning(); !ready) return ready.error();
    auto committed =
        committed_positions(core_, process_, consumer_.group_id, assigned_, kAssignWithin);
    if (!committed) return committed.error();
    auto told = listener_.on_assigned(*committed);
    if (!told) return told.error();
    std::map<TopicPartition, Offset> starts;
    for (const TopicPosition& position : *told) {
      if (!assigned_.contains(position.at)) {
        return stop(words_for(position.at) + " was given a position and is not assigned");
      }
      starts[position.at] = position.next;
    }
    for (const AssignedPartition& one : *committed) {
      starts.try_emplace(
          one.at, one.committed ? *one.committed : first_position(core_, one.at, start_of(one.at)));
    }
    std::vector<TopicPosition> positions;
    for (const auto& [at, next] : starts) positions.push_back({at, next});
    return positions;
  }

  [[nodiscard]] Start start_of(const TopicPartition& at) const {
    return consumer_.whole_topics.contains(at.topic) ? Start{} : start_;
  }

  // The partitions in an order that nobody may rely on, some of each.
  void fetch(std::vector<SourceRecord>& out, std::size_t records_max) {
    std::vector<TopicPartition> order;
    for (auto& [at, place] : places_) {
      if (paused_.contains(at)) continue;
      if (!in_reach(at, place)) return;
      place.end = log(at).end;
      if (place.next < log(at).stable()) order.push_back(at);
    }
    std::size_t room = records_max;
    while (!order.empty() && room > 0) {
      const std::size_t pick = core_.random.below(static_cast<std::uint32_t>(order.size()));
      std::swap(order[pick], order.back());
      room -= fetch(order.back(), room, out);
      order.pop_back();
    }
  }

  std::size_t fetch(const TopicPartition& at, std::size_t room, std::vector<SourceRecord>& out) {
    const LogPartition& partition = log(at);
    Place& place = places_.at(at);
    const auto left = partition.committed(place.next);
    const std::size_t most = std::min(left.size(), room);
    const std::size_t count = most > 1 && core_.random.below(2) == 0
                                  ? 1 + core_.random.below(static_cast<std::uint32_t>(most))
                                  : most;
    const std::string& topic = *topics_.find(at.topic);
    for (std::size_t i = 0; i < count; ++i) {
      out.push_back(to_record(*left[i], topic, at.partition));
      place.next = left[i]->offset + 1;
    }
    // What a compacted log holds no more is no record to come; nor are markers and what was
    // aborted.
    if (count == left.size()) place.next = partition.stable();
    return count;
  }

  bool in_reach(const TopicPartition& at, Place& place) {
    const LogPartition& partition = log(at);
    if (place.next < partition.start && consumer_.skip_lost) {
      place.next = partition.start;
    } else if (place.next < partition.start) {
      stopped_ = stop(fmt::format(
          "{}: position {} is below the topic's start {}: records between them are gone",
          words_for(at), place.next, partition.start));
    } else if (place.next > partition.end) {
      stopped_ =
          stop(fmt::format("{}: position {} is beyond the topic's end {}: the topic was made "
                           "anew or its position is another's",
                           words_for(at), place.next, partition.end));
    }
    return !stopped_;
  }

  Result<void> check_membership() {
    if (!member_ || session_ran_out()) return skip("not_ours", "commit: unknown member");
    switch (group().standing(*member_, consumer_.instance_id, taken_)) {
      case SimGroup::Standing::kUnknown:
        return skip("not_ours", "commit: unknown member");
      case SimGroup::Standing::kFenced:
        return stop(fmt::format("commit: instance {} is fenced", consumer_.instance_id));
      case SimGroup::Standing::kGiven:
        return skip("not_ours", "commit: illegal generation");
      default:
        return {};
    }
  }

  [[nodiscard]] static Error no_answer() { return retry("commit: no answer from sim within 10 s"); }

  // A process that is dead says nothing, to nobody; nor one that is frozen.
  void close() {
    if (!core_.alive(process_) || core_.frozen(process_)) return;
    try {
      const ClusterCore::Call call(core_, process_);
      const bool ours = !replaced_ && member_ && check_membership().has_value();
      give_up(!ours);
      if (!member_) return;
      if (consumer_.instance_id.empty() && !core_.away(process_)) {
        group().leave(core_.now(), *member_);
      } else {
        group().silence(core_.now(), *member_);
      }
    } catch (const Crash&) {
      // It has been killed. What comes next in it will notice.
    }
  }

  static constexpr std::int32_t kNothingTaken = -1;

  ClusterCore& core_;
  const ProcessId process_;
  const ingest::ConsumerSettings consumer_;
  const std::set<std::string, std::less<>> topics_;  // what SourceRecord::topic points into
  const Start start_;
  ingest::AssignmentListener& listener_;
  std::optional<MemberId> member_;
  std::int32_t taken_ = kNothingTaken;  // the generation whose assignment this is
  std::string membership_;
  Time joined_at_{};
  std::set<TopicPartition> assigned_;
  std::set<TopicPartition> paused_;
  bool ran_out_ = false;                    // the session, unnoticed by the last poll
  std::map<TopicPartition, Place> places_;  // of those assigned, past the listener's answer
  std::optional<Error> stopped_;
  bool replaced_ = false;
  AwayReport away_;
};

}  // namespace

Result<std::unique_ptr<ingest::Source>> open_sim_source(ClusterCore& core, ProcessId process,
                                                        const ingest::ConsumerSettings& consumer,
                                                        ingest::AssignmentListener& listener) {
  const ClusterCore::Call call(core, process);
  if (consumer.topics.empty()) return stop("no topic to read");
  if (consumer.group_id.empty()) return stop("no group to read as");
  auto start = parse_start(consumer.start);
  if (!start) return start.error();
  return std::unique_ptr<ingest::Source>(
      std::make_unique<SimSource>(core, process, consumer, *start, listener));
}

}  // namespace fovea::sim
