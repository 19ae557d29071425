#include "tests/sim/sim_transactions.h"

#include <algorithm>
#include <iterator>

#include "tests/sim/cluster_core.h"
#include "vocab/assert.h"

namespace fovea::sim {

using ingest::TopicPartition;
using ingest::TopicPosition;

std::optional<TransactionHolder> SimTransactions::take_over(const std::string& id,
                                                            ProcessId process) {
  Entry& entry = entries_[id];
  if (entry.state == State::kOpen) {
    ++entry.epoch;
    end(id, entry, false);
  }
  if (entry.state == State::kEnding) return std::nullopt;
  return TransactionHolder{id, ++entry.epoch, process};
}

void SimTransactions::take_some_over() {
  if (entries_.empty()) return;
  const auto which = core_.random.below(static_cast<std::uint32_t>(entries_.size()));
  const auto entry = std::next(entries_.begin(), static_cast<std::ptrdiff_t>(which));
  (void)take_over(entry->first, entry->second.process);
}

SimTransactions::Answer SimTransactions::begin(const TransactionHolder& holder) {
  Entry& entry = entries_.at(holder.id);
  if (entry.epoch != holder.epoch) return Answer::kFenced;
  if (entry.state == State::kEnding) return Answer::kBusy;
  if (entry.state == State::kOpen) return Answer::kDone;
  entry.state = State::kOpen;
  entry.number = TransactionNumber{++numbers_};
  entry.process = holder.process;
  // Somebody looks for what took too long, now and then.
  const auto every = core_.settings.transactions.look_every;
  const Time over = core_.now() + core_.settings.transactions.timeout;
  const auto looks = (over.time_since_epoch() + every - Time::duration{1}) / every;
  core_.schedule(Time{looks * every}, [this, id = holder.id, number = entry.number](Time now) {
    expire(id, number, now);
  });
  return Answer::kDone;
}

SimTransactions::Answer SimTransactions::add(const TransactionHolder& holder,
                                             const TopicPartition& at) {
  const Answer begun = begin(holder);
  if (begun == Answer::kDone) entries_.at(holder.id).unmarked.try_emplace(at);
  return begun;
}

SimTransactions::Answer SimTransactions::add_positions(
    const TransactionHolder& holder, const GroupMembership& member,
    const std::vector<TopicPosition>& positions) {
  const Answer begun = begin(holder);
  if (begun != Answer::kDone) return begun;
  Entry& entry = entries_.at(holder.id);
  entry.unmarked[{"offsets of " + member.group, 0}] = member.group;
  SimGroup& group = core_.group(member.group);
  if (!group.takes_commits(member)) return Answer::kStale;
  group.hold_back(entry.number, holder.id, positions);
  return Answer::kDone;
}

SimTransactions::Answer SimTransactions::commit(const TransactionHolder& holder,
                                                TransactionNumber number) {
  Entry& entry = entries_.at(holder.id);
  if (entry.epoch != holder.epoch) return Answer::kFenced;
  FOVEA_ASSERT(entry.number == number);
  if (entry.state == State::kOpen) end(holder.id, entry, true);
  FOVEA_ASSERT(entry.committed);
  return Answer::kDone;
}

void SimTransactions::abort(const TransactionHolder& holder, TransactionNumber number) {
  Entry& entry = entries_.at(holder.id);
  if (entry.epoch != holder.epoch || entry.number != number) return;
  if (entry.state == State::kOpen) end(holder.id, entry, false);
}

TransactionNumber SimTransactions::number(const TransactionHolder& holder) const {
  return entries_.at(holder.id).number;
}

bool SimTransactions::takes(const TransactionHolder& holder, TransactionNumber number,
                            const TopicPartition& at) const {
  const Entry& entry = entries_.at(holder.id);
  return entry.state != State::kEmpty && entry.number == number && entry.unmarked.contains(at);
}

void SimTransactions::end(const std::string& id, Entry& entry, bool commit) {
  entry.state = State::kEnding;
  entry.committed = commit;
  for (const auto& [at, group] : entry.unmarked) {
    core_.schedule(core_.now() + core_.up_to(core_.plan.marker_max),
                   [this, id, at = at](Time now) { mark(id, at, now); });
  }
}

void SimTransactions::mark(const std::string& id, const TopicPartition& at, Time now) {
  const Time up = core_.coordinator_up(now);
  if (up > now) {
    core_.schedule(up + core_.up_to(core_.plan.marker_max),
                   [this, id, at](Time then) { mark(id, at, then); });
    return;
  }
  Entry& entry = entries_.at(id);
  const auto unmarked = entry.unmarked.find(at);
  if (unmarked->second.empty()) {
    core_.log.end(at, entry.number, entry.committed);
  } else {
    core_.group(unmarked->second).settle(entry.number, entry.committed);
  }
  entry.unmarked.erase(unmarked);
  if (entry.unmarked.empty()) entry.state = State::kEmpty;
  // The last thing here: nothing of this may be left undone.
  core_.crash_point_of_caller(entry.process, "marker:after");
}

void SimTransactions::expire(const std::string& id, TransactionNumber number, Time now) {
  const Time up = core_.coordinator_up(now);
  if (up > now) {
    core_.schedule(up, [this, id, number](Time then) { expire(id, number, then); });
    return;
  }
  Entry& entry = entries_.at(id);
  if (entry.state != State::kOpen || entry.number != number) return;
  ++entry.epoch;
  end(id, entry, false);
}

}  // namespace fovea::sim
