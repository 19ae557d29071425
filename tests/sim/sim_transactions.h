#pragma once

// The coordinator of transactions: who holds an id, what its transaction touches, how it ends.
// Private to the simulation.
//
//                 the first partition            commit, take-over, time is up
//   +-------+ ---------------------------> +------+ -----------------------> +--------+
//   | empty |                              | open |                          | ending |
//   +-------+ <--------------------------- +------+ <-- the last marker ---- +--------+
//
// Which way it ends is decided, and survives everything, when `ending` begins. A marker in each
// partition it touched follows, each after a while of its own; a group's offsets are such a
// partition. Until the last is there the id takes nothing new.
//
// Source    Apache Kafka's transaction coordinator; what a member commits is checked as KIP-447
//           says.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "tests/sim/sim_clock.h"
#include "tests/sim/sim_group.h"
#include "tests/sim/sim_log.h"

namespace fovea::sim {

class ClusterCore;

// One that took an id over; whoever takes it over next has another epoch.
struct TransactionHolder {
  std::string id;
  std::int32_t epoch = 0;
  ProcessId process{};
};

class SimTransactions {
 public:
  // Lifetime  `core` outlives it.
  explicit SimTransactions(ClusterCore& core) : core_(core) {}

  enum class Answer {
    kDone,
    kBusy,    // what was before is not settled yet: ask again
    kFenced,  // another one has the id, or the transaction took too long
    kStale,   // the member is none of its group, or of an older generation
  };

  // Fences the holder before and aborts what it left open, unless that it commits is decided.
  // Absent until all of that is settled: ask again.
  [[nodiscard]] std::optional<TransactionHolder> take_over(const std::string& id,
                                                           ProcessId process);
  // As somebody in error does, of some id.
  void take_some_over();

  // Begins a transaction where none is open.
  Answer add(const TransactionHolder& holder, const ingest::TopicPartition& at);
  Answer add_positions(const TransactionHolder& holder, const GroupMembership& member,
                       const std::vector<ingest::TopicPosition>& positions);

  // Twice is as good as once.
  Answer commit(const TransactionHolder& holder, TransactionNumber number);
  void abort(const TransactionHolder& holder, TransactionNumber number);

  // The one of that holder that is open, or was last.
  [[nodiscard]] TransactionNumber number(const TransactionHolder& holder) const;
  // Whether a record of that transaction may be appended there: what was on its way when it ended
  // still may, until the marker is there.
  [[nodiscard]] bool takes(const TransactionHolder& holder, TransactionNumber number,
                           const ingest::TopicPartition& at) const;

 private:
  enum class State : std::uint8_t { kEmpty, kOpen, kEnding };
  struct Entry {
    std::int32_t epoch = 0;
    State state = State::kEmpty;
    TransactionNumber number = kNoTransaction;  // of the last one, if there was one
    bool committed = false;                     // how that one ends
    ProcessId process{};                        // that began it
    // Partitions that wait for its marker; of a group's offsets, the group.
    std::map<ingest::TopicPartition, std::string> unmarked;
  };

  [[nodiscard]] Answer begin(const TransactionHolder& holder);
  void end(const std::string& id, Entry& entry, bool commit);
  void mark(const std::string& id, const ingest::TopicPartition& at, Time now);
  void expire(const std::string& id, TransactionNumber number, Time now);

  ClusterCore& core_;
  std::map<std::string, Entry> entries_;
  std::int64_t numbers_ = 0;
};

}  // namespace fovea::sim
