#pragma once

// Folds the learning log into the model, publishes views, and compares digests with the marks of
// other processes. Everything of the learner's thread but the thread and the broker.
//
// Threads   fold(), publish_if_due() and the rest on one thread; view() from any.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ingest/source.h"
#include "scorer/learner.h"
#include "topologies/config.h"
#include "topologies/digest_ring.h"
#include "vocab/clock.h"
#include "vocab/result.h"

namespace fovea::topologies {

struct FollowerCounts {
  std::uint64_t records = 0;
  std::uint64_t learned = 0;  // examples, by gradient and counts
  std::uint64_t counted = 0;  // examples, by counts only
  std::uint64_t catalogue = 0;
  std::uint64_t marks = 0;
  std::uint64_t repeats = 0;
  std::uint64_t refused = 0;  // were no learning records
  std::uint64_t marks_agreed = 0;
  std::uint64_t marks_differed = 0;
};

class LogFollower {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  LogFollower(const Config& config, std::string process, std::unique_ptr<scorer::Learner> learner,
              const Clock& clock = system_clock());

  // Folds records of the learning log in order. What another process's mark contradicts is
  // appended to `disagreements`, one clause each: the models differ, which must never be. What is
  // no learning record is passed over, by everybody: counted, and named in the log.
  // Errors: kStop naming the offset: a record of a newer version.
  Result<void> fold(const std::vector<ingest::SourceRecord>& records,
                    std::vector<std::string>& disagreements);

  // The learner has been given another snapshot: what was noted of the model before is forgotten.
  void note_restored();

  // As Learner::skip_to().
  void skip_to(Offset next);

  // Publishes when something was learned and the interval is over or enough examples have come,
  // spending at most a tenth of the time on it. True if it published.
  bool publish_if_due(TimePoint now);

  // How long publishing may wait from now: the longest sensible poll.
  [[nodiscard]] std::chrono::milliseconds publish_due_in(TimePoint now) const;

  // A mark of our position, if anything but marks was folded since the last one.
  [[nodiscard]] std::optional<LearningRecord> take_mark(std::uint64_t lag_records);

  // Time spent folding since the last note_snapshot(), and 8 us a record for reading it: about what
  // a restart would spend again.
  [[nodiscard]] std::chrono::nanoseconds unsaved() const { return unsaved_; }
  void note_snapshot() { unsaved_ = {}; }

  [[nodiscard]] scorer::Learner& learner() { return *learner_; }
  [[nodiscard]] const scorer::Learner& learner() const { return *learner_; }
  [[nodiscard]] const FollowerCounts& counts() const { return counts_; }

  // Position of the published view.
  [[nodiscard]] Offset view_position() const { return view_position_; }

  // The broker's time of the newest example in the published view; absent before the first.
  [[nodiscard]] std::optional<TimeMs> view_example_time() const { return view_example_time_; }

 private:
  Result<void> refuse(const ingest::SourceRecord& record, const Error& why);
  void count(scorer::LearnOutcome outcome, const ingest::SourceRecord& record);
  void compare(const Mark& mark, Offset at, std::vector<std::string>& disagreements);

  const Clock& clock_;
  std::string process_;
  std::chrono::milliseconds publish_interval_;
  std::uint64_t publish_examples_;
  std::uint64_t model_id_;
  std::unique_ptr<scorer::Learner> learner_;
  DigestRing digests_;
  FollowerCounts counts_;
  std::uint64_t unpublished_ = 0;  // changes of the model since the last publication
  bool unmarked_ = false;
  std::optional<TimeMs> example_time_;  // the broker's, of the newest one folded
  std::optional<TimeMs> view_example_time_;
  Offset view_position_;
  TimePoint published_at_;
  std::chrono::nanoseconds last_publish_cost_{};
  std::chrono::nanoseconds unsaved_{};
};

}  // namespace fovea::topologies
