// A producer with a transactional id, as its owner sees it (ingest/kafka.h,
// open_kafka_transactional_sink()).

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "tests/sim/sim_sink.h"
#include "vocab/assert.h"

namespace fovea::sim {
namespace {

using Answer = SimTransactions::Answer;
using ingest::OutputRecord;
using ingest::TopicPosition;
using std::chrono::milliseconds;

constexpr milliseconds kAskAgainAfter{20};

// Whether there was a coordinator to ask.
bool ask(ClusterCore& core, ProcessId process, Time deadline) {
  const Time arrives = core.now() + core.up_to(core.plan.delivery_max);
  core.wait(std::min(arrives, deadline), [] { return false; });
  return core.wait(deadline, [&] {
    return !core.away(process) && core.coordinator_up(core.now()) == core.now();
  });
}

class SimTransactionalSink final : public SimSinkOf<ingest::TransactionalSink> {
 public:
  SimTransactionalSink(ClusterCore& core, const TransactionHolder& holder)
      : SimSinkOf(core, holder.process, holder), holder_(holder) {}

  // A process that lives ends what it leaves open, if that is to be had at once.
  ~SimTransactionalSink() override {
    if (phase_ != Phase::kAppending || !core_.alive(process_) || core_.frozen(process_)) return;
    if (core_.away(process_) || core_.coordinator_up(core_.now()) > core_.now()) return;
    core_.transactions.abort(holder_, core_.transactions.number(holder_));
  }

  Result<void> append(const OutputRecord& record) override {
    if (stopped_) return *stopped_;
    FOVEA_ASSERT(phase_ != Phase::kCommitting);
    auto appended = SimSinkOf::append(record);
    if (appended) phase_ = Phase::kAppending;
    return appended;
  }

  Result<void> flush(milliseconds timeout) override {
    return stopped_ ? Result<void>(*stopped_) : SimSinkOf::flush(timeout);
  }

  Result<void> commit(const std::vector<TopicPosition>& positions, const std::string& membership,
                      milliseconds timeout) override {
    const ClusterCore::Call call(core_, process_);
    if (producer_->lost()) return *producer_->lost();
    if (stopped_) return *stopped_;
    FOVEA_ASSERT(pending() == 0);
    if (phase_ == Phase::kNone && positions.empty()) return {};
    const Time deadline = core_.now() + timeout;
    if (phase_ == Phase::kNone) phase_ = Phase::kAppending;
    if (phase_ == Phase::kAppending) {
      if (auto sent = send(positions, membership, deadline); !sent) return sent;
      number_ = core_.transactions.number(holder_);
      phase_ = Phase::kCommitting;
    }
    if (auto ended = end(deadline); !ended) return ended;
    phase_ = Phase::kNone;
    producer_->begin_anew();
    return {};
  }

 private:
  enum class Phase : std::uint8_t { kNone, kAppending, kCommitting };

  Result<void> send(const std::vector<TopicPosition>& positions, const std::string& membership,
                    Time deadline) {
    if (positions.empty()) return {};
    const auto member = read_membership(membership);
    if (!member) return give_up(stop("positions: not a membership of a group"));
    for (;;) {
      if (!ask(core_, process_, deadline)) return timed_out();
      if (core_.plan.postpone_commits > 0) {
        --core_.plan.postpone_commits;
        return retry("positions: the coordinator is moving");
      }
      core_.crash_point(process_, "offsets:before");
      const Answer answer = core_.transactions.add_positions(holder_, *member, positions);
      core_.crash_point(process_, "offsets:after");
      if (answer == Answer::kDone) return {};
      if (answer == Answer::kFenced) return give_up(fenced(holder_));
      if (answer == Answer::kStale) {
        return give_up(stop("positions: unknown member, or of an older generation"));
      }
      if (core_.now() >= deadline) return timed_out();
      core_.wait(core_.now() + kAskAgainAfter, [] { return false; });
    }
  }

  Result<void> end(Time deadline) {
    if (!ask(core_, process_, deadline)) return timed_out();
    core_.crash_point(process_, "end:before");
    const Answer answer = core_.transactions.commit(holder_, number_);
    core_.crash_point(process_, "end:after");
    if (answer == Answer::kFenced) return give_up(fenced(holder_));
    const Time heard = core_.now() + core_.up_to(core_.plan.answer_max);
    const bool lost = core_.plan.lose_end_answers > 0;
    core_.plan.lose_end_answers -= lost ? 1 : 0;
    if (lost || heard > deadline) {
      core_.wait(deadline, [] { return false; });
      return timed_out();
    }
    core_.wait(heard, [] { return false; });
    return {};
  }

  [[nodiscard]] Error timed_out() const {
    return retry(fmt::format("committing transactions of {}: timed out", holder_.id));
  }

  Error give_up(Error why) {
    stopped_ = why;
    return why;
  }

  const TransactionHolder holder_;
  Phase phase_ = Phase::kNone;
  TransactionNumber number_ = kNoTransaction;  // that is being committed
  std::optional<Error> stopped_;
};

}  // namespace

std::optional<TransactionHolder> take_over(ClusterCore& core, ProcessId process,
                                           const std::string& id, Time deadline) {
  for (;;) {
    if (!ask(core, process, deadline)) return std::nullopt;
    core.crash_point(process, "take_over:before");
    auto holder = core.transactions.take_over(id, process);
    core.crash_point(process, "take_over:after");
    if (holder || core.now() >= deadline) return holder;
    core.wait(std::min(deadline, core.now() + kAskAgainAfter), [] { return false; });
  }
}

Result<std::unique_ptr<ingest::TransactionalSink>> open_sim_transactional_sink(
    ClusterCore& core, ProcessId process, const std::string& id, milliseconds timeout) {
  const ClusterCore::Call call(core, process);
  if (id.empty()) return stop("no id for transactions");
  const auto holder = take_over(core, process, id, core.now() + timeout);
  if (!holder) return retry(fmt::format("taking over transactions of {}: timed out", id));
  return std::unique_ptr<ingest::TransactionalSink>(
      std::make_unique<SimTransactionalSink>(core, *holder));
}

}  // namespace fovea::sim
