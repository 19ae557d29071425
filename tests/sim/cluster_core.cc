#include "tests/sim/cluster_core.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "tests/sim/producer.h"
#include "vocab/assert.h"

namespace fovea::sim {
namespace {

using std::chrono::microseconds;

constexpr microseconds kCallTakes{20};
constexpr std::chrono::seconds kReportEvery{3};

}  // namespace

ClusterCore::ClusterCore(SimClock& time, FaultPlan& faults, std::uint64_t seed,
                         const ClusterSettings& set)
    : clock(time), plan(faults), settings(set), random(seed, 0) {}

SimGroup& ClusterCore::group(const std::string& id) {
  return groups_.try_emplace(id, log, settings.group).first->second;
}

microseconds ClusterCore::up_to(microseconds most) {
  const auto count =
      std::clamp<std::int64_t>(most.count(), 1, std::numeric_limits<std::int32_t>::max());
  return microseconds{1 + random.below(static_cast<std::uint32_t>(count))};
}

void ClusterCore::schedule(Time at, std::function<void(Time)> what) {
  events_.emplace(at, std::move(what));
}

Time ClusterCore::when_up(Time at) const {
  return plan.broker_away.at(at) ? plan.broker_away.until : at;
}

Time ClusterCore::coordinator_up(Time at) const {
  while (plan.broker_away.at(at) || plan.transactions_away.at(at)) {
    at = plan.broker_away.at(at) ? plan.broker_away.until : plan.transactions_away.until;
  }
  return at;
}

Time ClusterCore::broker_back() const {
  return plan.broker_away.until <= now() ? plan.broker_away.until : Time{};
}

void ClusterCore::settle() {
  if (plan.rebalance && !plan.broker_away.at(now())) {
    plan.rebalance = false;
    for (auto& [id, one] : groups_) one.rebalance(now());
  }
  if (plan.take_over && coordinator_up(now()) == now()) {
    plan.take_over = false;
    transactions.take_some_over();
  }
  for (;;) {
    // A coordinator that is away does nothing until it is back.
    SimGroup* due_group = nullptr;
    Time due = Time::max();
    for (auto& [id, one] : groups_) {
      const auto at = one.due(broker_back());
      if (at && when_up(*at) < due) {
        due = when_up(*at);
        due_group = &one;
      }
    }
    const Time event = events_.empty() ? Time::max() : events_.begin()->first;
    if (std::min(event, due) > now()) return;
    if (due < event) {
      due_group->pass(due, broker_back());
    } else {
      // Taken out first: it may throw, and must not happen twice.
      auto what = std::move(events_.begin()->second);
      events_.erase(events_.begin());
      what(event);
    }
  }
}

void ClusterCore::step(Time deadline) {
  Time next = deadline;
  if (!events_.empty()) next = std::min(next, events_.begin()->first);
  for (const auto& [id, one] : groups_) {
    if (const auto at = one.due(broker_back())) next = std::min(next, when_up(*at));
  }
  for (const Outage& outage : {plan.broker_away, plan.transactions_away}) {
    for (const Time at : {outage.from, outage.until}) {
      if (at > now()) next = std::min(next, at);
    }
  }
  clock.advance_to(next);
  settle();
}

ClusterCore::Process& ClusterCore::find(ProcessId process) {
  return processes_.at(static_cast<std::size_t>(process));
}

ProcessId ClusterCore::start_process() {
  processes_.emplace_back();
  return static_cast<ProcessId>(processes_.size() - 1);
}

bool ClusterCore::alive(ProcessId process) const {
  return processes_.at(static_cast<std::size_t>(process)).alive;
}

bool ClusterCore::frozen(ProcessId process) const {
  return processes_.at(static_cast<std::size_t>(process)).frozen;
}

template <class What>
void ClusterCore::each_producer(ProcessId process, const What& what) {
  std::erase_if(producers_, [](const auto& producer) { return producer.expired(); });
  for (std::size_t i = 0; i < producers_.size(); ++i) {
    const auto producer = producers_[i].lock();
    if (producer && producer->process() == process) what(*producer);
  }
}

void ClusterCore::kill(ProcessId process) {
  if (!alive(process)) return;
  find(process).alive = false;
  for (auto& [id, one] : groups_) one.silence(now(), process);
  each_producer(process, [this](Producer& producer) { producer.abandon(now()); });
}

void ClusterCore::freeze(ProcessId process) {
  FOVEA_ASSERT(alive(process));
  settle();
  find(process).frozen = true;
  for (auto& [id, one] : groups_) one.silence(now(), process);
}

void ClusterCore::thaw(ProcessId process) {
  if (!alive(process) || !frozen(process)) return;
  settle();
  find(process).frozen = false;
  hear_again(process);
  each_producer(process, [this](Producer& producer) { producer.go_on(now()); });
}

void ClusterCore::cut_off(ProcessId process, std::chrono::nanoseconds time) {
  settle();
  find(process).cut = {now(), now() + time};
  for (auto& [id, one] : groups_) one.silence(now(), process);
  schedule(now() + time, [this, process](Time) { hear_again(process); });
}

void ClusterCore::hear_again(ProcessId process) {
  const Process& one = find(process);
  if (!one.alive || one.frozen || one.cut.at(now())) return;
  for (auto& [id, group] : groups_) group.hear(process);
}

std::array<Outage, 2> ClusterCore::outages(ProcessId process) const {
  return {plan.broker_away, processes_.at(static_cast<std::size_t>(process)).cut};
}

bool ClusterCore::away(ProcessId process, Time at) const {
  const auto all = outages(process);
  return std::any_of(all.begin(), all.end(), [at](const Outage& one) { return one.at(at); });
}

Time ClusterCore::reachable(ProcessId process, Time at) const {
  while (away(process, at)) {
    for (const Outage& one : outages(process)) {
      if (one.at(at)) at = one.until;
    }
  }
  return at;
}

void ClusterCore::crash_point(ProcessId process, const char* where) {
  if (!hook) return;
  try {
    hook(where);
  } catch (const Crash&) {
    // Before anything is unwound: what a destructor says, nobody hears.
    kill(process);
    throw;
  }
  // The hook may have killed it without a word.
  if (!alive(process)) throw Crash{};
}

void ClusterCore::crash_point_of_caller(ProcessId process, const char* where) {
  if (caller_ == process) crash_point(process, where);
}

void ClusterCore::enlist(const std::shared_ptr<Producer>& producer) {
  producers_.push_back(producer);
}

ClusterCore::Call::Call(ClusterCore& core, ProcessId process) : core_(core), before_(core.caller_) {
  if (!core.alive(process)) throw Crash{};
  FOVEA_ASSERT(!core.frozen(process));
  core.clock.sleep(kCallTakes);
  core.caller_ = process;
  try {
    core.settle();
  } catch (...) {
    core.caller_ = before_;
    throw;
  }
}

ClusterCore::Call::~Call() {
  core_.caller_ = before_;
}

Result<void> AwayReport::say(const ClusterCore& core, ProcessId process) {
  if (!core.away(process) || core.now() - said_ < kReportEvery) return {};
  said_ = core.now();
  return no_broker(core, process);
}

Error no_broker(const ClusterCore& core, ProcessId process) {
  Time since = core.now();
  for (const Outage& one : core.outages(process)) {
    if (one.at(core.now())) since = std::min(since, one.from);
  }
  const auto away = std::chrono::duration_cast<std::chrono::seconds>(core.now() - since);
  return retry(fmt::format("no broker of sim has answered for {} s", away.count()));
}

Error missing_topic(const std::string& topic) {
  return stop(fmt::format("topic {} does not exist", topic));
}

Error fenced(const TransactionHolder& holder) {
  return stop(fmt::format(
      "transactions of {}: fenced: another producer has taken the id over, or one took too long",
      holder.id));
}

std::string words_for(const ingest::TopicPartition& at) {
  return fmt::format("{} [{}]", at.topic, at.partition);
}

ingest::SourceRecord to_record(const LogRecord& record, std::string_view topic,
                               Partition partition) {
  return {topic, partition, record.offset, record.record_time, record.key, record.value};
}

}  // namespace fovea::sim
