// fovea demo: the whole pipeline in one process on generated people, with a live view.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "ingest/keys.h"
#include "scorer/baselines.h"
#include "scorer/model_info.h"
#include "topologies/commands.h"
#include "topologies/demo_view.h"
#include "topologies/generated_log.h"
#include "topologies/latency_histogram.h"
#include "topologies/local_topology.h"
#include "topologies/output_records.h"
#include "topologies/slate_text.h"
#include "topologies/stop_signal.h"

namespace fovea::topologies {
namespace {

using ingest::SourceRecord;
using std::chrono::duration;
using std::chrono::nanoseconds;
using std::chrono::steady_clock;

constexpr double kDefaultSeconds = 12;
constexpr std::size_t kBatchMax = 32;
constexpr std::size_t kHitWindow = 2'000;
constexpr std::int32_t kShown = 10;
constexpr std::size_t kItemsExplained = 3;
constexpr std::size_t kPartsExplained = 6;
constexpr std::size_t kHistoryShown = 5;

// Generated people meet the pipeline as producers would: as JSON records of two topics.
class World {
 public:
  World(const Config& config, std::uint64_t seed) : config_(config), log_(log_settings(seed)) {}

  [[nodiscard]] std::vector<SourceRecord> catalogue() {
    std::vector<SourceRecord> records;
    for (const Item& item : log_.catalogue()) records.push_back(announce({item, false}));
    return records;
  }

  // Appends the next event, after what changed in the catalogue before it.
  Event next(std::vector<SourceRecord>& records) {
    GeneratedStep step = log_.next();
    for (const ItemChange& change : step.catalogue) records.push_back(announce(change));
    SourceRecord record;
    record.topic = config_.topics.input.front();
    record.offset = next_event_++;
    record.record_time = step.event.event_time;
    record.key = step.event.user.value;
    record.value = ingest::encode_event(step.event);
    records.push_back(std::move(record));
    return std::move(step.event);
  }

  [[nodiscard]] std::string title(const std::string& id) const {
    const auto found = titles_.find(id);
    return found == titles_.end() ? id : found->second;
  }
  [[nodiscard]] std::string taste(const UserId& user) const { return log_.taste(user); }

 private:
  static GeneratedLogSettings log_settings(std::uint64_t seed) {
    GeneratedLogSettings settings;
    settings.seed = seed;
    return settings;
  }

  SourceRecord announce(const ItemChange& change) {
    const Item& item = change.item;
    if (!change.removed) titles_[item.item.id] = item.title;
    SourceRecord record;
    record.topic = config_.topics.items;
    record.offset = next_item_++;
    record.key = item.item.id;
    if (!change.removed) record.value = ingest::encode_item(item);
    return record;
  }

  const Config& config_;
  GeneratedLog log_;
  Offset next_event_ = 0;
  Offset next_item_ = 0;
  std::unordered_map<std::string, std::string> titles_;
};

// Was the next choice among the ten that were shown before it? And among the ten most popular?
class HitRates {
 public:
  HitRates(const Config& config, profile_store::ProfileStore& store)
      : config_(config),
        store_(store),
        popularity_(scorer::make_popularity_baseline(config.model.half_life_s)) {}

  // Asked before the event is processed. Errors: the store's.
  Result<void> ask(const Event& event) {
    if (!config_.model.positive.contains(event.type) || event.item.id.empty()) return {};
    auto found = store_.get(0, {event.user});
    if (!found) return found.error();
    const std::optional<Profile>& profile = found->front();
    const Behaviour behaviour = profile ? profile->behaviour : Behaviour{};
    if (profile && profile->served.slate_count > 0 && chosen_.contains(event.item.key)) {
      std::vector<ItemKey> excluded;
      if (config_.model.exclude_seen) {
        for (const OwnItem& own : behaviour.own_items) excluded.push_back(own.item);
      }
      const auto rank = popularity_->rank(behaviour, event.event_time, event.item.key, excluded);
      by_popularity_.add(rank && *rank < kShown);
      shown_.add(is_among_shown(profile->served, event.item.key));
    }
    popularity_->observe(behaviour, event.item.key, event.event_time);
    chosen_.insert(event.item.key);
    return {};
  }

  [[nodiscard]] const RollingShare& shown() const { return shown_; }
  [[nodiscard]] const RollingShare& by_popularity() const { return by_popularity_; }

 private:
  static bool is_among_shown(const Served& served, ItemKey item) {
    const auto end = served.items.begin() + static_cast<std::ptrdiff_t>(std::min<std::size_t>(
                                                served.items.size(), std::size_t{kShown}));
    return std::any_of(served.items.begin(), end,
                       [item](const ServedItem& entry) { return entry.item == item; });
  }

  const Config& config_;
  profile_store::ProfileStore& store_;
  std::unique_ptr<scorer::Baseline> popularity_;
  std::unordered_set<ItemKey> chosen_;
  RollingShare shown_{kHitWindow};
  RollingShare by_popularity_{kHitWindow};
};

class Demo {
 public:
  Demo(const Config& config, const DemoOptions& options, LocalTopology local)
      : config_(config),
        options_(options),
        local_(std::move(local)),
        world_(config, options.seed),
        hits_(config, local_.store()),
        view_(!options.plain && isatty(STDOUT_FILENO) == 1),
        seconds_(options.seconds.value_or(options.events ? std::numeric_limits<double>::infinity()
                                                         : kDefaultSeconds)) {}

  Result<void> run();

 private:
  Result<void> step();
  [[nodiscard]] std::size_t batch_size() const;
  [[nodiscard]] double elapsed() const {
    return duration<double>(steady_clock::now() - started_).count();
  }
  [[nodiscard]] bool over() const;
  void show();
  Result<void> show_person();

  const Config& config_;
  const DemoOptions& options_;
  LocalTopology local_;
  World world_;
  HitRates hits_;
  DemoView view_;
  const double seconds_;

  steady_clock::time_point started_;
  steady_clock::time_point shown_at_;
  std::uint64_t events_ = 0;
  std::uint64_t shown_events_ = 0;
  std::uint64_t shown_recommendations_ = 0;
  LatencyHistogram latencies_;
  std::optional<Recommendation> last_;  // of a user with enough of a history to tell
};

bool Demo::over() const {
  if (stop_on_signals()) return true;
  if (options_.events && events_ >= static_cast<std::uint64_t>(*options_.events)) return true;
  return elapsed() >= seconds_;
}

// With a rate, what is due by now and no more than a batch: an open loop, so that a slow pipeline
// does not slow its input.
std::size_t Demo::batch_size() const {
  std::size_t size = kBatchMax;
  if (options_.rate > 0) {
    const double due = elapsed() * options_.rate - static_cast<double>(events_);
    size = due < 1 ? 0 : std::min<std::size_t>(size, static_cast<std::size_t>(due));
  }
  if (options_.events) {
    size = std::min<std::size_t>(size, static_cast<std::size_t>(*options_.events) - events_);
  }
  return size;
}

Result<void> Demo::step() {
  const std::size_t size = batch_size();
  if (size == 0) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return {};
  }
  std::vector<SourceRecord> batch;
  for (std::size_t i = 0; i < size; ++i) {
    if (auto asked = hits_.ask(world_.next(batch)); !asked) return asked;
  }
  auto began = steady_clock::now();
  if (options_.rate > 0) {
    // From when the batch's first event was due, not from when it was got round to.
    began = started_ + std::chrono::duration_cast<nanoseconds>(
                           duration<double>(static_cast<double>(events_) / options_.rate));
  }
  auto effects = local_.step(batch);
  if (!effects) return effects.error();
  for (const Recommendation& recommendation : effects->recommendations) {
    const auto record = recommendation_record(config_, recommendation);
    latencies_.add(steady_clock::now() - began);
    if (record.value->empty()) return stop("a recommendation without bytes");
  }
  for (Recommendation& recommendation : effects->recommendations) {
    if (recommendation.items.empty() || !recommendation.items.front().why) continue;
    if (recommendation.items.front().why->history.size() < 3) continue;
    last_ = std::move(recommendation);
  }
  events_ += size;
  return {};
}

void Demo::show() {
  const auto now = steady_clock::now();
  const double since = std::max(1e-9, duration<double>(now - shown_at_).count());
  const PipelineCounts& counts = local_.counts();
  const auto stats = local_.learner().stats();
  DemoFigures figures;
  figures.elapsed = now - started_;
  figures.done = options_.events
                     ? static_cast<double>(events_) / static_cast<double>(*options_.events)
                     : elapsed() / seconds_;
  figures.events = events_;
  figures.events_per_second = static_cast<double>(events_ - shown_events_) / since;
  figures.recommendations = counts.recommendations;
  figures.recommendations_per_second =
      static_cast<double>(counts.recommendations - shown_recommendations_) / since;
  figures.latency_p50 = latencies_.quantile(0.5);
  figures.latency_p99 = latencies_.quantile(0.99);
  figures.examples = stats.examples;
  figures.items = stats.items;
  figures.hit_rate = hits_.shown().value();
  figures.popularity_hit_rate = hits_.by_popularity().value();
  figures.window = hits_.shown().count();
  view_.show(figures);
  shown_at_ = now;
  shown_events_ = events_;
  shown_recommendations_ = counts.recommendations;
}

Result<void> Demo::show_person() {
  if (!last_) return {};
  const UserId& user = last_->user;
  const auto found = local_.store().get(0, {user});
  if (!found) return found.error();
  if (!found->front()) return {};
  const Behaviour& behaviour = found->front()->behaviour;

  std::string taste = world_.taste(user);
  if (!taste.empty()) taste = fmt::format(" (made to like {})", taste);
  fmt::print("\n{}{}, lately:\n", user.value, taste);
  const auto& history = behaviour.history;
  const std::size_t first = history.size() > kHistoryShown ? history.size() - kHistoryShown : 0;
  for (std::size_t i = history.size(); i-- > first;) {
    const std::string id(scorer::item_id(local_.learner().model(), history[i].item));
    fmt::print("  {:<6} {}\n", name(history[i].type), world_.title(id));
  }
  fmt::print("\n{} of the {} shown next, and why:\n\n",
             std::min(kItemsExplained, last_->items.size()), last_->items.size());
  std::vector<RecommendedItem> slate = last_->items;
  if (slate.size() > kItemsExplained) slate.resize(kItemsExplained);
  SlateTextOptions text;
  text.parts_max = kPartsExplained;
  text.title = [this](const std::string& id) { return world_.title(id); };
  fmt::print("{}", draw_slate(slate, text));
  return {};
}

Result<void> Demo::run() {
  fmt::print("fovea demo: generated people and things, everything in this process\n\n");
  if (const auto announced = local_.step(world_.catalogue()); !announced) {
    return announced.error();
  }
  started_ = shown_at_ = steady_clock::now();
  while (!over()) {
    if (auto stepped = step(); !stepped) return stepped;
    if (steady_clock::now() - shown_at_ >= view_.interval()) show();
  }
  show();
  return show_person();
}

}  // namespace

Result<void> demo(const Config& config, const DemoOptions& options) {
  if (config.topics.input.empty()) return stop("input.topics is empty");
  auto local = LocalTopology::create(config, {});
  if (!local) return local.error();
  return Demo(config, options, *std::move(local)).run();
}

}  // namespace fovea::topologies
