#include "tests/sim/producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "vocab/assert.h"

namespace fovea::sim {
namespace {

using ingest::TopicPartition;
using std::chrono::milliseconds;

constexpr milliseconds kLinger{1};
constexpr milliseconds kAskAgainAfter{100};
constexpr milliseconds kBusyAgainAfter{20};

}  // namespace

std::optional<Offset> Producer::delivered_next(const TopicPartition& at) const {
  const auto queue = queues_.find(at);
  if (queue == queues_.end() || queue->second.delivered_next == kNoOffset) return std::nullopt;
  return queue->second.delivered_next;
}

template <class What>
void Producer::later(Time at, What what) {
  core_.schedule(at, [self = weak_from_this(), what = std::move(what)](Time now) {
    const auto producer = self.lock();
    if (producer && !producer->abandoned_) what(*producer, now);
  });
}

void Producer::enqueue(const TopicPartition& at, LogRecord record) {
  FOVEA_ASSERT(!abandoned_);
  Queue& queue = queues_[at];
  const bool idle = queue.waiting.empty() && queue.under_way.empty();
  queue.waiting.push_back(std::move(record));
  if (++pending_ == 1 && holder_) expire_if_still_pending();
  if (idle) {
    later(core_.now() + kLinger, [at](Producer& self, Time now) { self.send(at, now); });
  }
}

void Producer::expire_if_still_pending() {
  const auto timeout = core_.settings.transactions.timeout;
  later(core_.now() + timeout, [wait = ++waits_](Producer& self, Time now) {
    if (wait != self.waits_ || self.pending_ == 0) return;
    self.lost_ = stop("interval lost: records were not delivered in time");
    self.abandon(now);
  });
}

void Producer::hurry() {
  for (auto& [at, queue] : queues_) send(at, core_.now());
}

void Producer::send(const TopicPartition& at, Time now) {
  Queue& queue = queues_.at(at);
  if (queue.waiting.empty() || !queue.under_way.empty() || core_.frozen(process_)) return;
  const std::size_t most = std::min(queue.waiting.size(), core_.settings.batch_records_max);
  const std::size_t count = 1 + core_.random.below(static_cast<std::uint32_t>(most));
  for (std::size_t i = 0; i < count; ++i) {
    queue.under_way.push_back(std::move(queue.waiting.front()));
    queue.waiting.pop_front();
  }
  queue.arrived = false;
  later(now + core_.up_to(core_.plan.delivery_max),
        [at](Producer& self, Time then) { self.arrive(at, then); });
}

void Producer::arrive(const TopicPartition& at, Time now) {
  const auto again = [at](Producer& self, Time then) { self.arrive(at, then); };
  if (core_.away(process_, now)) {
    later(core_.reachable(process_, now) + core_.up_to(core_.plan.delivery_max), again);
    return;
  }
  if (core_.plan.refuse_batches > 0) {
    --core_.plan.refuse_batches;
    refuse(at, now,
           stop(fmt::format("interval lost: a record for {} was not delivered: refused",
                            words_for(at))));
    return;
  }
  core_.crash_point_of_caller(process_, "batch:before");
  if (holder_ && !in_transaction(at, now)) return;
  Queue& queue = queues_.at(at);
  const auto appended = core_.log.append(at, id_, queue.sequence, queue.under_way,
                                         core_.clock.wall_at(now), transaction_);
  queue.arrived = true;
  core_.crash_point_of_caller(process_, "batch:after");
  if (core_.plan.lose_answers > 0) {
    --core_.plan.lose_answers;
    later(now + kAskAgainAfter, again);
    return;
  }
  // A batch that is recognised may come back without its offset.
  const Offset next = appended.repeated && core_.random.below(2) == 0 ? kNoOffset : appended.next;
  later(now + core_.up_to(core_.plan.answer_max),
        [at, next](Producer& self, Time then) { self.answer(at, next, then); });
}

bool Producer::in_transaction(const TopicPartition& at, Time now) {
  SimTransactions& transactions = core_.transactions;
  if (transaction_ != kNoTransaction && transactions.takes(*holder_, transaction_, at)) return true;
  const auto again = [at](Producer& self, Time then) { self.arrive(at, then); };
  const Time up = core_.coordinator_up(now);
  if (up > now) {
    later(up + core_.up_to(core_.plan.delivery_max), again);
    return false;
  }
  core_.crash_point_of_caller(process_, "begin:before");
  switch (transactions.add(*holder_, at)) {
    case SimTransactions::Answer::kDone:
      transaction_ = transactions.number(*holder_);
      core_.crash_point_of_caller(process_, "begin:after");
      // That may have taken a while.
      if (transactions.takes(*holder_, transaction_, at)) return true;
      refuse(at, now, fenced(*holder_));
      return false;
    case SimTransactions::Answer::kBusy:
      later(now + kBusyAgainAfter, again);
      return false;
    default:
      refuse(at, now, fenced(*holder_));
      return false;
  }
}

void Producer::answer(const TopicPartition& at, Offset next, Time now) {
  Queue& queue = queues_.at(at);
  if (core_.frozen(process_)) {
    queue.unread = next;
    return;
  }
  queue.delivered_next = std::max(queue.delivered_next, next);
  queue.sequence += static_cast<std::int64_t>(queue.under_way.size());
  pending_ -= queue.under_way.size();
  queue.under_way.clear();
  send(at, now);
}

void Producer::go_on(Time now) {
  if (abandoned_) return;
  for (auto& [at, queue] : queues_) {
    if (queue.unread) {
      answer(at, *std::exchange(queue.unread, std::nullopt), now);
    } else {
      send(at, now);
    }
  }
}

// Nothing later of that partition gets through, and the client gives up the others' with it.
void Producer::refuse(const TopicPartition& at, Time now, Error why) {
  lost_ = std::move(why);
  Queue& queue = queues_.at(at);
  queue.waiting.clear();
  queue.under_way.clear();
  abandon(now);
}

void Producer::abandon(Time now) {
  if (std::exchange(abandoned_, true)) return;
  for (auto& [at, queue] : queues_) leave_on_the_wire(at, queue, now);
  pending_ = 0;
}

void Producer::leave_on_the_wire(const TopicPartition& at, Queue& queue, Time now) {
  std::vector<LogRecord> rest;
  if (queue.arrived) {
    queue.sequence += static_cast<std::int64_t>(queue.under_way.size());
  } else {
    rest = std::move(queue.under_way);
  }
  std::move(queue.waiting.begin(), queue.waiting.end(), std::back_inserter(rest));
  queue.under_way.clear();
  queue.waiting.clear();
  if (rest.empty() || core_.plan.late_max.count() <= 0) return;
  rest.resize(core_.random.below(static_cast<std::uint32_t>(rest.size()) + 1));
  if (rest.empty()) return;
  // In two parts at two times. A broker that cannot be reached then hears neither that part nor
  // what follows it.
  const std::size_t split = core_.random.below(static_cast<std::uint32_t>(rest.size()) + 1);
  const auto cut = std::make_shared<bool>(false);
  Time arrival = now;
  std::int64_t sequence = queue.sequence;
  const auto middle = rest.begin() + static_cast<std::ptrdiff_t>(split);
  for (const auto& part :
       {std::vector<LogRecord>(rest.begin(), middle), std::vector<LogRecord>(middle, rest.end())}) {
    if (part.empty()) continue;
    arrival += core_.up_to(core_.plan.late_max) / 2;
    core_.schedule(arrival, [&core = core_, id = id_, process = process_, holder = holder_,
                             number = transaction_, at, part, sequence, cut](Time then) {
      *cut = *cut || core.away(process, then) ||
             (holder && !core.transactions.takes(*holder, number, at));
      if (!*cut) core.log.append(at, id, sequence, part, core.clock.wall_at(then), number);
    });
    sequence += static_cast<std::int64_t>(part.size());
  }
}

}  // namespace fovea::sim
