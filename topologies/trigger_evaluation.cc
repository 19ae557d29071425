#include "topologies/trigger_evaluation.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <tuple>
#include <unordered_map>
#include <utility>
#include <vector>

#include "ingest/recommendation_codec.h"
#include "ingest/topic_dump.h"
#include "topologies/evaluation.h"
#include "topologies/evaluation_input.h"
#include "topologies/progress.h"
#include "topologies/write_file.h"

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;

// Where a trigger lies in the input topic.
using Place = std::tuple<Partition, Offset, std::uint16_t>;

struct ServedSlate {
  std::vector<ItemKey> first_items;  // at most ten
  std::uint32_t covers = 0;
  Offset model_position = kNoOffset;
  std::optional<ItemKey> target;  // the user's next choice; absent where there is none
};

struct InputEvent {
  TimeMs record_time{};
  Place place;
  Event event;
};

struct TriggerFigures {
  std::uint64_t slates = 0;
  std::uint64_t covered = 0;
  std::uint64_t without_next = 0;  // the user did nothing after it
  std::uint64_t new_to_all = 0;    // the next item had never been chosen
  Mean served;
  Mean evaluated;
  Mean difference;           // evaluated minus served, per trigger
  std::vector<Offset> lags;  // in records of the learning log
};

Result<std::map<Place, ServedSlate>> read_slates(const std::string& path) {
  std::map<Place, ServedSlate> slates;
  auto read = ingest::read_topic_dump(path, [&](const SourceRecord& record) -> Result<void> {
    if (!record.value) return {};
    auto recommendation = ingest::decode_recommendation(*record.value);
    if (!recommendation) return stop(recommendation.error().message);
    const SourceCoordinates& at = recommendation->trigger;
    // A repeat after a crash: consumers keep the newest, and so does this.
    ServedSlate& slate = slates[{at.partition, at.offset, at.ordinal}];
    slate = {{}, recommendation->covers, recommendation->model.position, {}};
    const std::size_t count = std::min<std::size_t>(10, recommendation->items.size());
    for (std::size_t i = 0; i < count; ++i) {
      slate.first_items.push_back(recommendation->items[i].item.key);
    }
    return {};
  });
  if (!read) return read.error();
  return slates;
}

Result<std::vector<InputEvent>> read_events(const Config& config, const EvaluateOptions& options) {
  auto codec = ingest::EventCodec::create(config.mapping);
  if (!codec) return codec.error();
  std::vector<InputEvent> events;
  auto read =
      ingest::read_topic_dump(options.events, [&](const SourceRecord& record) -> Result<void> {
        auto decoded = codec->decode(record);
        if (!decoded) return {};  // a dead letter then, and not an event now
        std::uint16_t ordinal = 0;
        for (Event& event : decoded->events) {
          events.push_back(
              {record.record_time, {record.partition, record.offset, ordinal++}, std::move(event)});
        }
        return {};
      });
  if (!read) return read.error();
  return events;
}

// The user's next choice after each trigger, by offset: what time stamps say of the order does not
// matter, since the profile was folded by offset.
void find_targets(const Config& config, std::vector<InputEvent>& events,
                  std::map<Place, ServedSlate>& slates) {
  std::sort(events.begin(), events.end(),
            [](const InputEvent& a, const InputEvent& b) { return a.place < b.place; });
  std::unordered_map<std::string, ServedSlate*> open;
  for (const InputEvent& input : events) {
    const Event& event = input.event;
    ServedSlate*& waiting = open[event.user.value];
    if (config.model.positive.contains(event.type) && !event.item.id.empty() && waiting) {
      waiting->target = event.item.key;
      waiting = nullptr;
    }
    if (const auto slate = slates.find(input.place); slate != slates.end()) {
      waiting = &slate->second;
    }
  }
}

bool was_had(const EvaluatedUser& user, ItemKey item) {
  const auto& own = user.behaviour.own_items;
  return std::any_of(own.begin(), own.end(),
                     [item](const OwnItem& entry) { return entry.item == item; });
}

void compare(const Config& config, const ServedSlate& slate, const InputEvent& input,
             Evaluation& evaluation, TriggerFigures& figures) {
  ++figures.slates;
  figures.covered += slate.covers;
  figures.lags.push_back(evaluation.learner().stamp().position - slate.model_position);
  if (!slate.target) {
    ++figures.without_next;
    return;
  }
  if (!evaluation.chosen(*slate.target)) {
    ++figures.new_to_all;
    return;
  }
  const EvaluatedUser* user = evaluation.user(input.event.user.value);
  // What the topology does not show again cannot be a hit of either.
  if (user == nullptr || (config.model.exclude_seen && was_had(*user, *slate.target))) return;

  const bool shown = std::find(slate.first_items.begin(), slate.first_items.end(), *slate.target) !=
                     slate.first_items.end();
  const Rank rank = evaluation.rank(*user, input.event.event_time, *slate.target);
  figures.served.add(shown ? 1 : 0);
  figures.evaluated.add(hit(rank, 10));
  figures.difference.add(hit(rank, 10) - (shown ? 1 : 0));
}

Offset quantile(std::vector<Offset> values, double share) {
  if (values.empty()) return 0;
  const auto index = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(index),
                   values.end());
  return values[index];
}

double share(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

std::string table(const Config& config, const TriggerFigures& figures) {
  const double served = figures.served.value();
  return fmt::format(
      "{}: {} slates covering {} events, {:.1f} % of them covered but not scored\n"
      "  HR@10 as served    {:.4f} ({:.4f})  over {} triggers with a next choice known before\n"
      "  HR@10 evaluated    {:.4f} ({:.4f})  ratio {:.3f}\n"
      "  evaluated - served {:+.4f} ({:.4f})\n"
      "  without a next choice {}, next item new to all {}\n"
      "  the serving model was behind by {} learning records in the median, {} at 90 %\n",
      config.name, figures.slates, figures.covered,
      100 * share(figures.covered - std::min(figures.covered, figures.slates), figures.covered),
      served, figures.served.error(), figures.served.count(), figures.evaluated.value(),
      figures.evaluated.error(), served > 0 ? figures.evaluated.value() / served : 0.0,
      figures.difference.value(), figures.difference.error(), figures.without_next,
      figures.new_to_all, quantile(figures.lags, 0.5), quantile(figures.lags, 0.9));
}

std::string json(const Config& config, const TriggerFigures& figures) {
  return fmt::format(
      R"({{"topology":"{}","slates":{},"covered":{},"covered_not_scored":{:.6f},"compared":{},)"
      R"("served_hr_10":{:.6f},"served_hr_10_error":{:.6f},"evaluated_hr_10":{:.6f},)"
      R"("evaluated_hr_10_error":{:.6f},"difference":{:.6f},"difference_error":{:.6f},)"
      R"("lag_records_median":{},"lag_records_90":{}}})"
      "\n",
      config.name, figures.slates, figures.covered,
      share(figures.covered - std::min(figures.covered, figures.slates), figures.covered),
      figures.served.count(), figures.served.value(), figures.served.error(),
      figures.evaluated.value(), figures.evaluated.error(), figures.difference.value(),
      figures.difference.error(), quantile(figures.lags, 0.5), quantile(figures.lags, 0.9));
}

}  // namespace

Result<void> evaluate_triggers(const Config& config, const EvaluateOptions& options) {
  auto slates = read_slates(options.triggers);
  if (!slates) return slates.error();
  auto events = read_events(config, options);
  if (!events) return events.error();
  find_targets(config, *events, *slates);
  // Folded in the order in which the brokers had them, which is about how they were learned.
  std::sort(events->begin(), events->end(), [](const InputEvent& a, const InputEvent& b) {
    return std::tie(a.record_time, a.place) < std::tie(b.record_time, b.place);
  });

  Evaluation::Settings settings;
  settings.publish_every = options.publish_every;
  settings.rank_choices = false;
  settings.kernels = options.kernels;
  auto evaluation = Evaluation::create(config, settings);
  if (!evaluation) return evaluation.error();
  if (!options.items.empty()) {
    if (auto learned = learn_catalogue(config, options.items, *evaluation); !learned) {
      return learned;
    }
  }
  TriggerFigures figures;
  Progress progress("evaluate", events->size(), [&figures] {
    return fmt::format("HR@10 served {:.4f}, evaluated {:.4f}", figures.served.value(),
                       figures.evaluated.value());
  });
  const std::string& topic = config.topics.input.front();
  for (const InputEvent& input : *events) {
    const auto& [partition, offset, ordinal] = input.place;
    if (auto stepped = evaluation->step(input.event, {topic, partition, offset, ordinal});
        !stepped) {
      return stepped;
    }
    progress.advance();
    if (const auto slate = slates->find(input.place); slate != slates->end()) {
      compare(config, slate->second, input, *evaluation, figures);
    }
  }
  progress.finish();
  fmt::print("{}", table(config, figures));
  if (options.json.empty()) return {};
  return write_file(options.json, json(config, figures));
}

}  // namespace fovea::topologies
