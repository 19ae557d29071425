#include "tests/sim/sim_group.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>
#include <utility>

#include "vocab/assert.h"

namespace fovea::sim {

using ingest::TopicPartition;
using ingest::TopicPosition;

std::string words_for(const GroupMembership& membership) {
  return fmt::format("{}\n{}\n{}\n{}", membership.group, membership.instance, membership.member,
                     membership.generation);
}

std::optional<GroupMembership> read_membership(const std::string& words) {
  GroupMembership read;
  std::istringstream lines(words);
  std::getline(lines, read.group);
  std::getline(lines, read.instance);
  std::getline(lines, read.member);
  if (!(lines >> read.generation)) return std::nullopt;
  return read;
}

MemberId SimGroup::join(Time now, ProcessId process, const std::string& instance,
                        const std::set<std::string>& topics, const std::string& word) {
  const MemberId id = instance.empty() ? word : instance + "-" + word;
  Member member{process, instance, topics, {}, true, now, {}};
  const auto place = instance.empty() ? instances_.end() : instances_.find(instance);
  if (place != instances_.end()) {
    const Member& before = members_.at(place->second);
    member.assigned = before.assigned;
    if (before.topics != topics) prepare(now);
    members_.erase(place->second);
    members_.emplace(id, std::move(member));
    place->second = id;
    complete_if_all_joined(now);
    return id;
  }
  const bool first = members_.empty();
  prepare(now);
  members_.emplace(id, std::move(member));
  if (!instance.empty()) instances_[instance] = id;
  if (first) not_before_ = now + settings_.initial_delay;
  complete_if_all_joined(now);
  return id;
}

SimGroup::Standing SimGroup::standing(const MemberId& member, const std::string& instance,
                                      std::int32_t taken) const {
  const auto found = members_.find(member);
  if (found == members_.end()) {
    const bool replaced = !instance.empty() && instances_.contains(instance);
    return replaced ? Standing::kFenced : Standing::kUnknown;
  }
  if (preparing_) return found->second.joined ? Standing::kWaiting : Standing::kInvited;
  return taken == generation_ ? Standing::kSettled : Standing::kGiven;
}

bool SimGroup::takes_commits(const GroupMembership& member) const {
  switch (standing(member.member, member.instance, member.generation)) {
    case Standing::kUnknown:
    case Standing::kFenced:
    case Standing::kGiven:
      return false;
    case Standing::kInvited:
    case Standing::kWaiting:
    case Standing::kSettled:
      return member.generation == generation_;
  }
  return false;
}

void SimGroup::commit(const std::vector<TopicPosition>& positions) {
  for (const TopicPosition& one : positions) commit(one.at, {one.next, {}, ++commits_});
}

void SimGroup::commit(const TopicPartition& at, Committed one) {
  Committed& place = committed_[at];
  if (one.order > place.order) place = std::move(one);
}

void SimGroup::hold_back(TransactionNumber transaction, const std::string& by,
                         const std::vector<TopicPosition>& positions) {
  for (const TopicPosition& one : positions) {
    held_back_[transaction][one.at] = {one.next, by, ++commits_};
  }
}

void SimGroup::settle(TransactionNumber transaction, bool committed) {
  for (auto& [at, one] : std::exchange(held_back_[transaction], {})) {
    if (committed) commit(at, std::move(one));
  }
  held_back_.erase(transaction);
}

bool SimGroup::held_back(const TopicPartition& at) const {
  return std::any_of(held_back_.begin(), held_back_.end(),
                     [&at](const auto& entry) { return entry.second.contains(at); });
}

void SimGroup::join_again(Time now, const MemberId& member) {
  const auto found = members_.find(member);
  if (found == members_.end() || !preparing_) return;
  found->second.joined = true;
  complete_if_all_joined(now);
}

std::set<TopicPartition> SimGroup::assignment(const MemberId& member) const {
  FOVEA_ASSERT(!preparing_);
  return members_.at(member).assigned;
}

std::optional<ProcessId> SimGroup::owner(const TopicPartition& at) const {
  for (const auto& [id, member] : members_) {
    if (member.assigned.contains(at)) return member.process;
  }
  return std::nullopt;
}

void SimGroup::leave(Time now, const MemberId& member) {
  if (!members_.contains(member)) return;
  remove(member);
  prepare(now);
  complete_if_all_joined(now);
}

void SimGroup::polled(Time now, const MemberId& member) {
  const auto found = members_.find(member);
  if (found != members_.end()) found->second.last_poll = now;
}

void SimGroup::silence(Time now, const MemberId& member) {
  const auto found = members_.find(member);
  if (found != members_.end() && !found->second.silent_since) found->second.silent_since = now;
}

void SimGroup::silence(Time now, ProcessId process) {
  for (auto& [id, member] : members_) {
    if (member.process == process && !member.silent_since) member.silent_since = now;
  }
}

void SimGroup::hear(ProcessId process) {
  for (auto& [id, member] : members_) {
    if (member.process == process) member.silent_since.reset();
  }
}

void SimGroup::rebalance(Time now) {
  if (members_.empty() || preparing_) return;
  prepare(now);
}

// A broker that was away has counted nobody's silence meanwhile.
Time SimGroup::expiry(const Member& member, Time broker_back) const {
  Time at = member.last_poll + settings_.max_poll_interval;
  if (member.silent_since) {
    at = std::min(at, std::max(*member.silent_since, broker_back) + settings_.session_timeout);
  }
  return at;
}

std::optional<Time> SimGroup::due(Time broker_back) const {
  if (members_.empty()) return std::nullopt;
  Time at = Time::max();
  bool all_joined = true;
  for (const auto& [id, member] : members_) {
    all_joined = all_joined && member.joined;
    at = std::min(at, expiry(member, broker_back));
  }
  if (preparing_ && all_joined) at = std::min(at, not_before_);
  return at;
}

void SimGroup::pass(Time now, Time broker_back) {
  std::vector<MemberId> gone;
  for (const auto& [id, member] : members_) {
    if (now >= expiry(member, broker_back)) gone.push_back(id);
  }
  for (const MemberId& id : gone) remove(id);
  if (!gone.empty()) prepare(now);
  complete_if_all_joined(now);
}

void SimGroup::remove(const MemberId& member) {
  const auto found = members_.find(member);
  instances_.erase(found->second.instance);
  members_.erase(found);
}

void SimGroup::prepare(Time now) {
  if (preparing_) return;
  preparing_ = true;
  not_before_ = now;
  for (auto& [id, member] : members_) member.joined = false;
}

void SimGroup::complete_if_all_joined(Time now) {
  if (!preparing_ || now < not_before_) return;
  for (const auto& [id, member] : members_) {
    if (!member.joined) return;
  }
  complete();
}

void SimGroup::complete() {
  preparing_ = false;
  ++generation_;
  std::map<std::string, std::vector<MemberId>> readers;
  for (auto& [id, member] : members_) {
    member.assigned.clear();
    for (const std::string& topic : member.topics) readers[topic].push_back(id);
  }
  for (const auto& [topic, ids] : readers) {
    const auto count = static_cast<std::int32_t>(ids.size());
    const std::int32_t partitions = log_.partition_count(topic);
    std::int32_t next = 0;
    for (std::int32_t i = 0; i < count; ++i) {
      const std::int32_t share = partitions / count + (i < partitions % count ? 1 : 0);
      Member& member = members_.at(ids[static_cast<std::size_t>(i)]);
      for (std::int32_t end = next + share; next < end; ++next) {
        member.assigned.insert({topic, next});
      }
    }
  }
}

}  // namespace fovea::sim
