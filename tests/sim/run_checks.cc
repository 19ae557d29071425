#include "tests/sim/run_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <variant>

#include "ingest/event_codec.h"
#include "ingest/recommendation_codec.h"
#include "profile_store/profile_codec.h"
#include "scorer/learner.h"
#include "scorer/learning_record_codec.h"
#include "topologies/event_step.h"

namespace fovea::sim {

using topologies::EventStep;

RunChecks::RunChecks(const topologies::Config& config, const SimLog& log)
    : config_(config), log_(log) {
  fold_input();
  fold_learning();
}

template <class Visit>
void RunChecks::each(const std::string& topic, Visit&& visit) const {
  for (std::int32_t number = 0; number < log_.partition_count(topic); ++number) {
    for (const LogRecord* record : log_.partition({topic, number}).committed()) {
      visit(number, *record);
    }
  }
}

void RunChecks::fold_input() {
  const std::string& topic = config_.topics.input.front();
  auto codec = ingest::EventCodec::create(config_.mapping);
  std::map<Partition, TimeMs> highest;
  each(topic, [&](Partition partition, const LogRecord& there) {
    ingest::SourceRecord record;
    record.topic = topic;
    record.partition = partition;
    record.offset = there.offset;
    record.record_time = there.record_time;
    record.value = there.value;
    const auto decoded = codec->decode(record);
    if (!decoded) {
      poison_[{partition, there.offset}] = decoded.error().reason;
      return;
    }
    for (const Event& event : decoded->events) {
      Behaviour& behaviour = behaviours_[event.user.value];
      const EventStep step =
          topologies::step_event(config_, event, {}, highest[partition], behaviour);
      behaviour.applied = there.offset;
      if (step.verdict.duplicate) continue;
      if (step.example) ++teaching_;
      if (config_.emit.on.contains(event.type)) {
        scorable_[event.user.value].emplace_back(partition, there.offset);
      }
    }
  });
}

void RunChecks::fold_learning() {
  auto learner = *scorer::Learner::create(config_.model, scorer::KernelLevel::kPortable);
  std::set<std::tuple<std::string, Partition, Offset>> sources;
  std::uint64_t examples = 0;
  each(config_.topics.learning, [&](Partition, const LogRecord& there) {
    const auto record = scorer::decode_learning_record(there.value.value_or(""));
    if (!record || !learner->fold(*record, there.offset)) {
      violations_.push_back(fmt::format("learning log offset {} does not fold", there.offset));
      return;
    }
    digests_[there.offset] = learner->digest();
    const auto* mark = std::get_if<Mark>(&record->body);
    if (mark != nullptr && mark->digest != digests_[mark->position]) {
      violations_.push_back(fmt::format("the mark of {} at {} has another digest than the log",
                                        mark->process, mark->position));
    }
    if (std::holds_alternative<Example>(record->body)) {
      ++examples;
      sources.emplace(record->source.topic, record->source.partition, record->source.offset);
    }
  });
  const std::uint64_t learned = learner->stats().examples;
  if (learned != teaching_ || sources.size() != teaching_) {
    violations_.push_back(
        fmt::format("{} of {} teaching events are in the learning log, {} learned", sources.size(),
                    teaching_, learned));
  }
  if (exactly_once() && examples != sources.size()) {
    violations_.push_back(
        fmt::format("the learning log has {} examples of {} events", examples, sources.size()));
  }
}

std::vector<std::string> RunChecks::topics() {
  check_profiles();
  check_slates();
  check_dead_letters();
  return violations_;
}

std::vector<std::string> RunChecks::model(const std::string& process, std::uint64_t digest,
                                          Offset position) {
  const auto expected = digests_.find(position);
  if (expected == digests_.end()) {
    if (position < 0) return {};
    return {fmt::format("{} stands at {}, where the learning log has nothing", process, position)};
  }
  if (expected->second == digest) return {};
  return {
      fmt::format("the model of {} at {} is not the fold of the learning log", process, position)};
}

std::vector<std::string> RunChecks::accounts(const std::string& process,
                                             const topologies::PipelineCounts& counts) {
  // Duplicates are among the events; a record is one event here.
  std::uint64_t known = counts.events + counts.already_applied + counts.catalogue_changes;
  for (const auto& [reason, letters] : counts.dead_letters) known += letters;
  if (known == counts.records) return {};
  return {
      fmt::format("{} has read {} records and accounts for {}", process, counts.records, known)};
}

RunChecks::Changelog RunChecks::changelog() const {
  Changelog newest;
  each(config_.topics.profiles, [&](Partition partition, const LogRecord& there) {
    newest[{partition, there.key.value_or("")}] = there.value;
  });
  return newest;
}

// A process that died may have had records on their way that come behind those of whoever repeats
// its interval: at least once, they have folded in as much and were scored against another model.
bool RunChecks::same(const Profile& stored, const std::string& in_changelog) const {
  if (in_changelog == profile_store::encode_profile(stored)) return true;
  const auto profile = profile_store::decode_profile(in_changelog);
  return !exactly_once() && profile && profile->behaviour == stored.behaviour;
}

std::vector<std::string> RunChecks::store(const std::string& process,
                                          profile_store::ProfileStore& store,
                                          Partition partition) const {
  std::vector<std::string> differing;
  Changelog newest = changelog();
  std::erase_if(newest, [&](const auto& entry) { return entry.first.first != partition; });
  const auto differs = [&](const std::string& user, const std::string& how) {
    differing.push_back(fmt::format("{} of {}: {} {}", user, partition, process, how));
  };
  const auto visited =
      store.for_each([&](Partition of, const UserId& user, const Profile& profile) {
        if (of != partition) return Result<void>();
        const auto there = newest.extract({of, user.value});
        if (!there || !there.mapped()) {
          differs(user.value, "has a profile that is not in the changelog");
        } else if (!same(profile, *there.mapped())) {
          differs(user.value, "has another profile than the changelog");
        }
        return Result<void>();
      });
  if (!visited) differing.push_back(process + ": " + visited.error().message);
  for (const auto& [place, value] : newest) {
    if (value) differs(place.second, "has no profile, the changelog has");
  }
  return differing;
}

void RunChecks::check_profiles() {
  std::map<std::string, std::string> newest;
  for (auto& [place, value] : changelog()) newest[place.second] = value.value_or("");
  for (const auto& [user, behaviour] : behaviours_) {
    const auto profile = profile_store::decode_profile(newest[user]);
    if (!profile) {
      violations_.push_back(fmt::format("{} is not in the changelog", user));
    } else if (!(profile->behaviour == behaviour)) {
      violations_.push_back(
          fmt::format("{}'s behaviour in the changelog, applied to {}, is not the fold of the "
                      "input, applied to {}",
                      user, profile->behaviour.applied, behaviour.applied));
    } else if (profile->served.pending_covers != 0) {
      violations_.push_back(fmt::format("{} has events that no slate covers", user));
    }
  }
  for (const auto& [user, value] : newest) {
    if (!behaviours_.contains(user)) violations_.push_back(user + " is in the changelog alone");
  }
}

void RunChecks::check_slates() {
  std::map<std::string, std::set<std::size_t>> covered;
  std::map<std::string, std::set<std::size_t>> triggers;
  std::map<std::string, std::size_t> covers;
  std::set<std::string> ids;
  each(config_.topics.recommendations, [&](Partition, const LogRecord& there) {
    const auto slate = ingest::decode_recommendation(there.value.value_or(""));
    if (!slate) {
      violations_.push_back("a slate does not decode: " + slate.error().message);
      return;
    }
    const std::string& user = slate->user.value;
    const auto& events = scorable_[user];
    const auto trigger = std::find(events.begin(), events.end(),
                                   Place(slate->trigger.partition, slate->trigger.offset));
    const auto end = static_cast<std::size_t>(trigger - events.begin()) + 1;
    if (trigger == events.end() || slate->covers > end) {
      violations_.push_back(fmt::format("slate {} of {} has a trigger that is none, or covers {}",
                                        slate->id, user, slate->covers));
      return;
    }
    if (!ids.insert(slate->id).second && exactly_once()) {
      violations_.push_back(fmt::format("slate {} of {} is there twice", slate->id, user));
    }
    covers[user] += slate->covers;
    triggers[user].insert(end - 1);
    for (std::size_t i = end - slate->covers; i < end; ++i) covered[user].insert(i);
  });
  for (const auto& [user, events] : scorable_) {
    if (covered[user].size() != events.size()) {
      violations_.push_back(fmt::format("{} of {}'s {} scorable events are covered",
                                        covered[user].size(), user, events.size()));
    } else if (!events.empty() && !triggers[user].contains(events.size() - 1)) {
      violations_.push_back(fmt::format("the last scorable event of {} is no trigger", user));
    } else if (exactly_once() && covers[user] != events.size()) {
      violations_.push_back(fmt::format("slates of {} cover {} events, there are {}", user,
                                        covers[user], events.size()));
    }
  }
}

void RunChecks::check_dead_letters() {
  std::map<Place, std::string> letters;
  std::size_t count = 0;
  each(config_.topics.dead_letter, [&](Partition, const LogRecord& there) {
    Place place{-1, kNoOffset};
    std::string reason;
    for (const auto& [name, value] : there.headers) {
      if (name == "fovea.partition") place.first = std::stoi(value);
      if (name == "fovea.offset") place.second = std::stoll(value);
      if (name == "fovea.reason") reason = value;
    }
    letters[place] = reason;
    ++count;
  });
  if (letters != poison_) {
    violations_.push_back(
        fmt::format("{} records are dead letters, {} should be", letters.size(), poison_.size()));
  } else if (exactly_once() && count != letters.size()) {
    violations_.push_back(fmt::format("{} dead letters are of {} records", count, letters.size()));
  }
}

}  // namespace fovea::sim
