#include "topologies/log_follower.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scorer/learning_record_codec.h"
#include "topologies/log.h"

namespace fovea::topologies {

using std::chrono::milliseconds;

namespace {
// What a record costs to be read again, beside its fold: a million that only count were learned
// anew in 9 s, of which folding took less than 2.
constexpr std::chrono::microseconds kReadAgain{8};
}  // namespace

LogFollower::LogFollower(const Config& config, std::string process,
                         std::unique_ptr<scorer::Learner> learner, const Clock& clock)
    : clock_(clock),
      process_(std::move(process)),
      publish_interval_(config.view.publish_interval_ms),
      publish_examples_(static_cast<std::uint64_t>(config.view.publish_examples)),
      model_id_(learner->stamp().model_id),
      learner_(std::move(learner)),
      view_position_(learner_->stamp().position),
      published_at_(clock.monotonic()) {
  if (const Offset position = learner_->stamp().position; position >= 0) {
    digests_.note(position, learner_->digest());
  }
}

Result<void> LogFollower::fold(const std::vector<ingest::SourceRecord>& records,
                               std::vector<std::string>& disagreements) {
  const auto started = clock_.monotonic();
  for (const ingest::SourceRecord& record : records) {
    const auto at_fault = [&record](const Error& error) {
      return stop(fmt::format("{} offset {}: {}", record.topic, record.offset, error.message));
    };
    const auto decoded = scorer::decode_learning_record(record.value.value_or(""));
    if (!decoded) {
      if (decoded.error().disposition != Disposition::kSkip) return at_fault(decoded.error());
      if (auto refused = refuse(record, decoded.error()); !refused) {
        return at_fault(refused.error());
      }
      continue;
    }
    const auto outcome = learner_->fold(*decoded, record.offset);
    if (!outcome) return at_fault(outcome.error());

    count(*outcome, record);
    if (*outcome == scorer::LearnOutcome::kMark) {
      compare(std::get<Mark>(decoded->body), record.offset, disagreements);
    } else {
      unmarked_ = true;
    }
    ++unpublished_;
    digests_.note(record.offset, learner_->digest());
  }
  unsaved_ += clock_.monotonic() - started + kReadAgain * static_cast<std::int64_t>(records.size());
  return {};
}

void LogFollower::note_restored() {
  const Offset position = learner_->stamp().position;
  digests_ = DigestRing();
  if (position >= 0) digests_.note(position, learner_->digest());
  view_position_ = position;
  ++unpublished_;
  unmarked_ = false;
}

void LogFollower::skip_to(Offset next) {
  learner_->skip_to(next);
  ++unpublished_;
  digests_.note(learner_->stamp().position, learner_->digest());
}

Result<void> LogFollower::refuse(const ingest::SourceRecord& record, const Error& why) {
  ++counts_.records;
  ++counts_.refused;
  log_limited(LogLevel::kWarning, "learning record",
              fmt::format("{} offset {} is passed over: {}", record.topic, record.offset,
                          record.value ? why.message : "a tombstone is no learning record"));
  if (auto refused = learner_->refuse(record.offset); !refused) return refused;
  digests_.note(record.offset, learner_->digest());
  return {};
}

void LogFollower::count(scorer::LearnOutcome outcome, const ingest::SourceRecord& record) {
  using enum scorer::LearnOutcome;
  ++counts_.records;
  switch (outcome) {
    case kLearned:
      ++counts_.learned;
      example_time_ = record.record_time;
      return;
    case kCounted:
      ++counts_.counted;
      example_time_ = record.record_time;
      return;
    case kCatalogue:
      ++counts_.catalogue;
      return;
    case kMark:
      ++counts_.marks;
      return;
    case kRepeat:
      ++counts_.repeats;
      return;
  }
}

void LogFollower::compare(const Mark& mark, Offset at, std::vector<std::string>& disagreements) {
  if (mark.process == process_ || mark.model_id != model_id_) return;
  const auto ours = digests_.at(mark.position);
  if (!ours) return;
  if (*ours == mark.digest) {
    ++counts_.marks_agreed;
    return;
  }
  ++counts_.marks_differed;
  disagreements.push_back(
      fmt::format("process {} has model digest {:016x} at position {}, this one has {:016x} "
                  "(its mark is at {})",
                  mark.process, mark.digest, mark.position, *ours, at));
}

bool LogFollower::publish_if_due(TimePoint now) {
  if (unpublished_ == 0) return false;
  const auto elapsed = now - published_at_;
  const bool enough = unpublished_ >= publish_examples_ && elapsed >= last_publish_cost_ * 10;
  if (!enough && elapsed < publish_interval_) return false;

  const auto started = clock_.monotonic();
  // A worker that still holds the retired view makes this wait for the next time.
  if (!learner_->publish()) return false;
  last_publish_cost_ = clock_.monotonic() - started;
  published_at_ = now;
  unpublished_ = 0;
  view_example_time_ = example_time_;
  view_position_ = learner_->stamp().position;
  return true;
}

milliseconds LogFollower::publish_due_in(TimePoint now) const {
  if (unpublished_ == 0) return publish_interval_;
  const auto left =
      std::chrono::duration_cast<milliseconds>(published_at_ + publish_interval_ - now);
  return std::clamp(left, milliseconds(1), publish_interval_);
}

std::optional<LearningRecord> LogFollower::take_mark(std::uint64_t lag_records) {
  if (!std::exchange(unmarked_, false)) return std::nullopt;
  const ModelStamp stamp = learner_->stamp();
  LearningRecord record;
  record.body = Mark{process_, stamp.model_id, stamp.position, learner_->digest(), lag_records};
  return record;
}

}  // namespace fovea::topologies
