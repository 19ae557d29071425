#pragma once

// The coordinator of one consumer group: classic protocol, eager hand-over, range assignment.
//
//                    somebody joins, leaves or falls silent
//        +--------+ ------------------------------------------> +-----------+
//        | stable |                                             | preparing |
//        +--------+ <------------------------------------------ +-----------+
//                    all have joined again, or time is up: generation + 1
//
// While it prepares, the partitions are still the old generation's, whose commits it takes. What is
// committed as part of a transaction is the group's once that has committed; until it has ended
// either way, nobody is told where the group stands in those partitions.
//
// Source    Apache Kafka's group coordinator; static membership is KIP-345.

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_log.h"
#include "vocab/ids.h"

namespace fovea::sim {

enum class ProcessId : std::int32_t {};

// By the instance id or a random word first: the order in which partitions are handed out.
using MemberId = std::string;

// What a member says of itself when it commits.
struct GroupMembership {
  std::string group;
  std::string instance;
  MemberId member;
  std::int32_t generation = 0;
};
[[nodiscard]] std::string words_for(const GroupMembership& membership);
// Absent for what is not of words_for().
[[nodiscard]] std::optional<GroupMembership> read_membership(const std::string& words);

struct GroupSettings {
  std::chrono::milliseconds session_timeout{6'000};
  std::chrono::milliseconds max_poll_interval{300'000};  // so also how long a rebalance waits
  std::chrono::milliseconds initial_delay{0};  // how long the first member waits for others
};

class SimGroup {
 public:
  SimGroup(const SimLog& log, const GroupSettings& settings) : log_(log), settings_(settings) {}

  // `word` is a name that nobody has. A static member that comes back while its place is kept gets
  // what it had, at once, and fences whoever held the place.
  [[nodiscard]] MemberId join(Time now, ProcessId process, const std::string& instance,
                              const std::set<std::string>& topics, const std::string& word);

  enum class Standing {
    kUnknown,  // the group has gone on without it
    kFenced,   // another one has its instance id
    kInvited,  // to give up what it has and join again
    kWaiting,  // for the others
    kGiven,    // an assignment that it has not taken
    kSettled,
  };
  [[nodiscard]] Standing standing(const MemberId& member, const std::string& instance,
                                  std::int32_t taken) const;

  // It gave up what it had. Nothing for a member that is not invited.
  void join_again(Time now, const MemberId& member);

  // Requires: kGiven.
  [[nodiscard]] std::set<ingest::TopicPartition> assignment(const MemberId& member) const;
  [[nodiscard]] std::int32_t generation() const { return generation_; }
  // Whose process has the partition, as of the newest generation.
  [[nodiscard]] std::optional<ProcessId> owner(const ingest::TopicPartition& at) const;

  void leave(Time now, const MemberId& member);
  void polled(Time now, const MemberId& member);
  // Without a heartbeat from now on, and with one again.
  void silence(Time now, const MemberId& member);
  void silence(Time now, ProcessId process);
  void hear(ProcessId process);
  void rebalance(Time now);

  // When something happens by itself, given when the broker came back last; and that happening.
  [[nodiscard]] std::optional<Time> due(Time broker_back) const;
  void pass(Time now, Time broker_back);

  struct Committed {
    Offset next = 0;
    std::string by;           // the transactional id, or empty
    std::uint64_t order = 0;  // of the commits of this group
  };
  [[nodiscard]] const std::map<ingest::TopicPartition, Committed>& committed() const {
    return committed_;
  }
  void commit(const std::vector<ingest::TopicPosition>& positions);

  [[nodiscard]] bool takes_commits(const GroupMembership& member) const;
  void hold_back(TransactionNumber transaction, const std::string& by,
                 const std::vector<ingest::TopicPosition>& positions);
  // Of two commits the one that was made later stays, whichever is settled first.
  void settle(TransactionNumber transaction, bool committed);
  [[nodiscard]] bool held_back(const ingest::TopicPartition& at) const;

 private:
  struct Member {
    ProcessId process{};
    std::string instance;
    std::set<std::string> topics;
    std::set<ingest::TopicPartition> assigned;
    bool joined = false;  // in the rebalance under way
    Time last_poll;
    std::optional<Time> silent_since;
  };
  [[nodiscard]] Time expiry(const Member& member, Time broker_back) const;
  void remove(const MemberId& member);
  void prepare(Time now);
  void complete_if_all_joined(Time now);
  void complete();

  void commit(const ingest::TopicPartition& at, Committed one);

  const SimLog& log_;
  const GroupSettings settings_;
  std::map<ingest::TopicPartition, Committed> committed_;
  std::map<TransactionNumber, std::map<ingest::TopicPartition, Committed>> held_back_;
  std::uint64_t commits_ = 0;
  std::map<MemberId, Member> members_;
  std::map<std::string, MemberId> instances_;
  bool preparing_ = false;
  std::int32_t generation_ = 0;
  Time not_before_{};
};

}  // namespace fovea::sim
