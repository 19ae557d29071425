#include "topologies/pipeline.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <utility>

#include "ingest/dead_letter.h"
#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "ingest/keys.h"
#include "profile_store/profile_codec.h"
#include "scorer/model_info.h"
#include "scorer/slate_scorer.h"
#include "topologies/emit.h"
#include "topologies/event_step.h"
#include "topologies/metrics.h"
#include "topologies/recent_choices.h"
#include "topologies/shedding.h"

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;
using profile_store::already_applied;
using profile_store::PartitionPositions;
using profile_store::ProfileStore;

// Profiles kept readable between intervals; RocksDB's own caches come after this one.
constexpr std::size_t kCachedBytesMax = 64U << 20U;

// Slate size that a request may ask for at most.
constexpr std::int32_t kSlateSizeMax = 200;

// The scorable event that stands for its user until the end of the batch.
struct Trigger {
  const Event* event = nullptr;
  SourceCoordinates at;
  std::size_t order = 0;      // within the batch: slates leave in the order of their triggers
  std::uint32_t covered = 0;  // scorable events of the batch since the slate before
};

struct OpenProfile {
  UserId user;
  UserKey key{};
  Profile profile;
  bool exists = false;   // a request does not make a profile
  bool changed = false;  // since the last close_interval()
  Trigger trigger;
};

struct Task {
  PartitionPositions positions;
  bool moved = false;  // since the last close_interval()
  std::string topic;
  std::unordered_map<std::string, OpenProfile> users;  // node-based: pointers into it stay
  std::vector<OpenProfile*> changed;                   // in the order of their first change
};

struct DecodedEvents {
  const SourceRecord* record = nullptr;
  std::vector<Event> events;
};

std::size_t estimated_bytes(const Profile& profile) {
  return 1024 + profile.behaviour.history.size() * sizeof(HistoryEntry) +
         profile.behaviour.own_items.size() * sizeof(OwnItem) +
         (profile.learned.current.size() + profile.learned.lasting.size()) * sizeof(float);
}

std::vector<float> as_stored(std::span<const float> vector) {
  std::vector<float> rounded(vector.begin(), vector.end());
  for (float& value : rounded) value = profile_store::round_to_float16(value);
  return rounded;
}

}  // namespace

void add(const PipelineCounts& more, PipelineCounts& sum) {
  for (const auto count : kPipelineCounts) sum.*count += more.*count;
  for (const auto& [reason, count] : more.dead_letters) sum.dead_letters[reason] += count;
}

struct Pipeline::Impl {
  Impl(const Config& config_in, PipelineSettings settings_in, ingest::EventCodec events_in,
       ingest::ItemCodec items_in)
      : config(config_in),
        settings(std::move(settings_in)),
        event_codec(std::move(events_in)),
        item_codec(std::move(items_in)),
        scorer(config.model, settings.kernels) {
    if (settings.metrics == nullptr) return;
    OnlineQualitySettings judged;
    judged.positive = config.model.positive;
    judged.exclude_seen = config.model.exclude_seen;
    quality.emplace(judged, settings.metrics->quality);
  }

  Result<void> load_profiles(ProfileStore& store);
  void decode(const SourceRecord& record, Effects& effects);
  void decode_item(const SourceRecord& record, Effects& effects);
  void decode_events(const SourceRecord& record, Effects& effects);
  void fold_record(const DecodedEvents& decoded, const scorer::Model& model, Effects& effects);
  void fold_event(const Event& event, const SourceCoordinates& at, Task& task, OpenProfile& user,
                  Effects& effects);
  void judge_slate(const Event& event, const Task& task, const OpenProfile& user);
  void shed_if_due(const Event& event, const SourceCoordinates& at, Example& example);
  void answer(Task& task, OpenProfile& user, const scorer::Model& model, Effects& effects);
  std::vector<RecommendedItem> score(OpenProfile& user, const Event& trigger,
                                     const scorer::Model& model);
  void reject(const SourceRecord& record, const Error& error, Effects& effects);

  static void note_change(Task& task, OpenProfile& user) {
    if (std::exchange(user.changed, true)) return;
    task.changed.push_back(&user);
  }

  const Config config;
  PipelineSettings settings;
  ingest::EventCodec event_codec;
  ingest::ItemCodec item_codec;
  scorer::SlateScorer scorer;
  RecentChoices recent;
  std::optional<OnlineQuality> quality;  // absent where nobody measures
  PipelineCounts counts;

  std::map<Partition, Task> tasks;
  std::map<ingest::TopicPartition, Offset> item_positions;  // moved in the open interval
  std::size_t cached_bytes = 0;

  // Scratch of one batch.
  std::vector<DecodedEvents> decoded_records;
  std::vector<std::pair<Task*, OpenProfile*>> triggered;
  std::function<bool(ItemKey)> mask;
  double shed_probability = 0.0;
  std::size_t order = 0;
};

Result<Pipeline> Pipeline::create(const Config& config, PipelineSettings settings) {
  auto events = ingest::EventCodec::create(config.mapping);
  if (!events) return events.error();
  auto items = ingest::ItemCodec::create(config.items);
  if (!items) return items.error();
  if (const auto checked = scorer::check(config.model); !checked) return checked.error();
  return Pipeline(
      std::make_unique<Impl>(config, std::move(settings), *std::move(events), *std::move(items)));
}

Pipeline::Pipeline(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Pipeline::Pipeline(Pipeline&&) noexcept = default;
Pipeline& Pipeline::operator=(Pipeline&&) noexcept = default;
Pipeline::~Pipeline() = default;

void Pipeline::open(Partition partition, std::optional<PartitionPositions> positions) {
  Task& task = impl_->tasks[partition];
  task = Task{};
  if (positions) task.positions = *positions;
}

void Pipeline::say_position(const ingest::TopicPartition& at) {
  Task& task = impl_->tasks[at.partition];
  task.topic = at.topic;
  task.moved = true;
}

void Pipeline::close(const ingest::TopicPartition& at) {
  if (at.topic == impl_->config.topics.items) {
    impl_->item_positions.erase(at);
    return;
  }
  impl_->tasks.erase(at.partition);
}

const PipelineCounts& Pipeline::counts() const {
  return impl_->counts;
}

void Pipeline::settle_learning(Offset position) {
  impl_->recent.settle(position);
}

Result<Effects> Pipeline::process(std::span<const SourceRecord> batch, ProfileStore& store,
                                  const scorer::Model& model) {
  Impl& impl = *impl_;
  Effects effects;
  impl.recent.forget_learned(stamp(model).position);
  impl.mask = impl.settings.withdrawn ? impl.settings.withdrawn() : nullptr;
  impl.shed_probability = impl.settings.shed_probability ? impl.settings.shed_probability() : 0.0;
  impl.decoded_records.clear();
  impl.triggered.clear();
  impl.order = 0;

  for (const SourceRecord& record : batch) impl.decode(record, effects);
  if (const auto loaded = impl.load_profiles(store); !loaded) return loaded.error();
  if (impl.quality && !impl.decoded_records.empty()) {
    impl.quality->refresh(model, impl.decoded_records.back().events.back().event_time);
  }
  for (const DecodedEvents& decoded : impl.decoded_records) {
    impl.fold_record(decoded, model, effects);
  }
  // A user who was triggered again later in the batch, or answered on request since, stands in the
  // list more than once or without a trigger; what counts is where the trigger is now.
  std::erase_if(impl.triggered, [](const auto& entry) { return !entry.second->trigger.event; });
  std::sort(impl.triggered.begin(), impl.triggered.end(), [](const auto& a, const auto& b) {
    return a.second->trigger.order < b.second->trigger.order;
  });
  for (const auto& [task, user] : impl.triggered) {
    if (user->trigger.event) impl.answer(*task, *user, model, effects);
  }
  return effects;
}

void Pipeline::Impl::decode(const SourceRecord& record, Effects& effects) {
  ++counts.records;
  if (record.topic == config.topics.items) {
    decode_item(record, effects);
  } else {
    decode_events(record, effects);
  }
}

void Pipeline::Impl::decode_item(const SourceRecord& record, Effects& effects) {
  item_positions[{std::string(record.topic), record.partition}] = record.offset + 1;
  auto change = item_codec.decode(record);
  if (!change) return reject(record, change.error(), effects);
  ++counts.catalogue_changes;
  if (settings.on_item) settings.on_item(*change);
  LearningRecord learning;
  learning.source = {std::string(record.topic), record.partition, record.offset, 0};
  learning.body = *std::move(change);
  effects.learning.push_back(std::move(learning));
}

void Pipeline::Impl::decode_events(const SourceRecord& record, Effects& effects) {
  Task& task = tasks[record.partition];
  if (task.topic.empty()) task.topic = record.topic;
  // What the store stands for already, read again: nothing of it may change anything.
  if (record.offset < task.positions.input_next) {
    ++counts.already_applied;
    return;
  }
  task.positions.input_next = record.offset + 1;
  task.moved = true;

  auto decoded = event_codec.decode(record);
  if (!decoded) return reject(record, decoded.error(), effects);
  counts.ignored += decoded->ignored_count;
  if (decoded->events.empty()) return;
  for (const Event& event : decoded->events) {
    if (event.type == EventType::kIdentify || event.type == EventType::kForget) {
      return reject(record,
                    skip("unsupported_type",
                         fmt::format("type \"{}\" is not supported yet", name(event.type))),
                    effects);
    }
  }
  decoded_records.push_back({&record, std::move(decoded->events)});
}

Result<void> Pipeline::Impl::load_profiles(ProfileStore& store) {
  std::map<Partition, std::vector<UserId>> missing;
  for (const DecodedEvents& decoded : decoded_records) {
    Task& task = tasks[decoded.record->partition];
    const UserId& user = decoded.events.front().user;
    const auto [place, added] = task.users.try_emplace(user.value);
    if (!added) {
      ++counts.profile_hits;
      continue;
    }
    ++counts.profile_misses;
    place->second.user = user;
    place->second.key = ingest::user_key(config.name, user.value);
    missing[decoded.record->partition].push_back(user);
  }
  for (const auto& [partition, users] : missing) {
    auto found = store.get(partition, users);
    if (!found) return found.error();
    Task& task = tasks[partition];
    for (std::size_t i = 0; i < users.size(); ++i) {
      auto& profile = (*found)[i];
      OpenProfile& open = task.users.find(users[i].value)->second;
      if (profile) {
        open.profile = *std::move(profile);
        open.exists = true;
      }
      cached_bytes += estimated_bytes(open.profile);
    }
  }
  return {};
}

void Pipeline::Impl::fold_record(const DecodedEvents& decoded, const scorer::Model& model,
                                 Effects& effects) {
  const SourceRecord& record = *decoded.record;
  Task& task = tasks.find(record.partition)->second;
  OpenProfile& user = task.users.find(decoded.events.front().user.value)->second;
  if (user.exists && already_applied(user.profile.behaviour, record.offset)) {
    ++counts.already_applied;
    return;
  }
  if (settings.input_partitions > 0 &&
      ingest::murmur2_partition(user.user.value, settings.input_partitions) != record.partition) {
    ++counts.misrouted;
  }

  SourceCoordinates at{std::string(record.topic), record.partition, record.offset, 0};
  for (const Event& event : decoded.events) {
    fold_event(event, at, task, user, effects);
    if (event.type == EventType::kRequest && user.trigger.event == &event) {
      answer(task, user, model, effects);
    }
    ++at.ordinal;
  }
  if (user.exists) {
    user.profile.behaviour.applied = record.offset;
    note_change(task, user);
  }
}

void Pipeline::Impl::fold_event(const Event& event, const SourceCoordinates& at, Task& task,
                                OpenProfile& user, Effects& effects) {
  ++counts.events;
  judge_slate(event, task, user);
  EventStep step = step_event(config, event, user.key, task.positions.highest_event_time,
                              user.profile.behaviour);
  if (event.type != EventType::kRequest) user.exists = true;
  if (step.verdict.duplicate) {
    ++counts.duplicates;
    return;
  }
  if (step.verdict.late) ++counts.late;
  if (step.example) {
    ++counts.examples;
    shed_if_due(event, at, *step.example);
    if (step.example->positive) recent.add(user.key, {event.item.key, event.event_time});
    LearningRecord learning;
    learning.source = at;
    learning.body = *std::move(step.example);
    effects.learning.push_back(std::move(learning));
  }
  if (!config.emit.on.contains(event.type)) return;

  ++counts.scorable;
  Trigger& trigger = user.trigger;
  if (!trigger.event) triggered.emplace_back(&task, &user);
  trigger.event = &event;
  trigger.at = at;
  trigger.order = order++;
  ++trigger.covered;
}

// Before the fold: whether the choice was in the slate that the profile says was sent last.
void Pipeline::Impl::judge_slate(const Event& event, const Task& task, const OpenProfile& user) {
  if (!quality || user.profile.served.slate_count == 0) return;
  if (!config.model.positive.contains(event.type)) return;
  const EventVerdict verdict =
      judge_event(config, event, task.positions.highest_event_time, user.profile.behaviour);
  if (verdict.teaches) quality->judge(event, user.profile);
}

void Pipeline::Impl::shed_if_due(const Event& event, const SourceCoordinates& at,
                                 Example& example) {
  if (shed_probability <= 0 || !settings.clock) return;
  const bool live =
      milliseconds_between(event.record_time, settings.clock->now()) <= kBackfillAgeMs;
  if (!live || !is_shed(at, shed_probability)) return;
  example.count_only = true;
  ++counts.shed;
}

void Pipeline::Impl::answer(Task& task, OpenProfile& user, const scorer::Model& model,
                            Effects& effects) {
  const Trigger trigger = std::exchange(user.trigger, {});
  const Event& event = *trigger.event;
  Served& served = user.profile.served;
  const std::uint32_t covers = served.pending_covers + trigger.covered;
  const std::optional<TimeMs> wall_now =
      settings.clock ? std::optional(settings.clock->now()) : std::nullopt;

  Hold hold = hold_trigger(config.emit, served, event.type, event.event_time, wall_now);
  std::vector<RecommendedItem> items;
  if (hold == Hold::kNone) {
    items = score(user, event, model);
    hold = hold_slate(config.emit, served, event.type, items);
  }
  if (user.exists) note_change(task, user);
  if (hold != Hold::kNone) {
    ++counts.held;
    if (user.exists) served.pending_covers = covers;
    return;
  }

  Recommendation recommendation;
  recommendation.id = recommendation_id(config.name, trigger.at);
  recommendation.user = user.user;
  recommendation.trigger = trigger.at;
  recommendation.covers = covers;
  recommendation.event_time = event.event_time;
  recommendation.emitted_at = wall_now.value_or(event.event_time);
  recommendation.topology = config.name;
  recommendation.model = stamp(model);
  recommendation.request_id = event.request_id;
  recommendation.items = std::move(items);
  note_served(recommendation, served);

  // A user known by requests alone stays unknown, whatever happens to be cached.
  if (!user.exists) user.profile = {};

  ++counts.recommendations;
  counts.covered += covers;
  effects.recommendations.push_back(std::move(recommendation));
  effects.trigger_times.push_back(event.record_time);
}

std::vector<RecommendedItem> Pipeline::Impl::score(OpenProfile& user, const Event& trigger,
                                                   const scorer::Model& model) {
  scorer::SlateRequest request;
  request.user = user.key;
  request.now = trigger.event_time;
  request.size = std::clamp(trigger.k.value_or(config.slate.size), 1, kSlateSizeMax);
  request.explain = config.slate.explain;
  request.temperature = config.slate.temperature;
  request.filter = trigger.filter;
  request.overlay = recent.of(user.key);
  request.withdrawn = mask;
  const auto began = std::chrono::steady_clock::now();
  auto items = scorer.slate(model, user.profile.behaviour, request);
  if (settings.metrics) settings.metrics->score.add(std::chrono::steady_clock::now() - began);

  Learned& learned = user.profile.learned;
  learned.model = stamp(model);
  learned.current = as_stored(scorer.current_interest());
  learned.lasting = as_stored(scorer.lasting_interest());
  return items;
}

void Pipeline::Impl::reject(const SourceRecord& record, const Error& error, Effects& effects) {
  FOVEA_ASSERT(error.disposition == Disposition::kSkip);
  ++counts.dead_letters[error.reason];
  effects.dead_letters.push_back(ingest::dead_letter(config.topics.dead_letter, record, error));
}

Interval Pipeline::close_interval() {
  Impl& impl = *impl_;
  Interval interval;
  for (auto& [partition, task] : impl.tasks) {
    for (OpenProfile* user : task.changed) {
      user->changed = false;
      interval.batch.profiles.push_back({partition, user->user, user->profile});
    }
    task.changed.clear();
    if (!std::exchange(task.moved, false)) continue;
    task.positions.written_at =
        impl.settings.clock ? impl.settings.clock->now() : task.positions.highest_event_time;
    interval.batch.positions.emplace_back(partition, task.positions);
    interval.positions.push_back({{task.topic, partition}, task.positions.input_next});
  }
  for (const auto& [at, next] : impl.item_positions) interval.positions.push_back({at, next});
  impl.item_positions.clear();

  if (impl.cached_bytes > kCachedBytesMax) {
    for (auto& [partition, task] : impl.tasks) task.users.clear();
    impl.cached_bytes = 0;
  }
  return interval;
}

}  // namespace fovea::topologies
