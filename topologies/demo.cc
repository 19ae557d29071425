// fovea demo: generated people on a broker inside this process, with a live view.
//
// Everything between an event's record and a slate's record is what `fovea run` does. The demo
// itself only produces, as fast as is asked for and as the lags allow, and consumes.

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
#include <utility>
#include <vector>

#include "ingest/kafka.h"
#include "topologies/commands.h"
#include "topologies/demo_audience.h"
#include "topologies/demo_slates.h"
#include "topologies/demo_view.h"
#include "topologies/demo_world.h"
#include "topologies/embedded_cluster.h"
#include "topologies/http_server.h"
#include "topologies/learner_loop.h"
#include "topologies/log.h"
#include "topologies/metrics.h"
#include "topologies/metrics_server.h"
#include "topologies/produce.h"
#include "topologies/running_topology.h"
#include "topologies/slate_text.h"
#include "topologies/stop_signal.h"
#include "vocab/clock.h"

namespace fovea::topologies {
namespace {

using ingest::OutputRecord;
using std::chrono::duration;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

// With the group's first assignment before it about as long as people like to watch.
constexpr double kDefaultSeconds = 9;
constexpr std::size_t kBatchMax = 32;
constexpr std::size_t kItemsExplained = 3;
constexpr std::size_t kPartsExplained = 6;
constexpr seconds kJoinWithin{30};
constexpr seconds kAnsweredWithin{5};

// The broker drops what a partition holds beyond 5 MB, so whoever is behind is waited for: at most
// half of that, were it all in one partition, at 250 bytes an event, 600 an example, 6 KB a slate.
struct Lags {
  std::int64_t input = 0;
  std::int64_t learning = 0;
  std::int64_t slates = 0;

  [[nodiscard]] bool too_high() const {
    return input >= 2'000 || learning >= 4'000 || slates >= 400;
  }
};

std::int64_t difference(std::uint64_t made, std::uint64_t dealt_with) {
  return static_cast<std::int64_t>(made) - static_cast<std::int64_t>(dealt_with);
}

class Demo {
 public:
  // Lifetime  Everything handed in outlives it.
  Demo(const Config& config, const DemoOptions& options, const RunningTopology& running,
       Metrics& metrics, ingest::Sink& sink, DemoSlates slates, TimeMs now)
      : options_(options),
        running_(running),
        metrics_(metrics),
        sink_(sink),
        slates_(std::move(slates)),
        world_(config, options.seed, now),
        audience_(config),
        view_(!options.plain && isatty(STDOUT_FILENO) == 1),
        seconds_(options.seconds.value_or(options.events ? std::numeric_limits<double>::infinity()
                                                         : kDefaultSeconds)) {}

  Result<void> run();

 private:
  Result<void> announce();
  Result<void> step();
  Result<void> receive();
  Result<void> await_answers();
  Result<void> send(const std::vector<OutputRecord>& records);
  [[nodiscard]] std::size_t batch_size() const;
  [[nodiscard]] Lags lags() const;
  [[nodiscard]] steady_clock::time_point due(std::uint64_t event) const;
  [[nodiscard]] double elapsed() const {
    return duration<double>(steady_clock::now() - started_).count();
  }
  [[nodiscard]] bool over() const;
  void show();
  void show_person() const;

  const DemoOptions& options_;
  const RunningTopology& running_;
  Metrics& metrics_;
  ingest::Sink& sink_;
  DemoSlates slates_;
  DemoWorld world_;
  DemoAudience audience_;
  DemoView view_;
  const double seconds_;

  steady_clock::time_point started_;
  steady_clock::time_point shown_at_;
  std::uint64_t sent_ = 0;  // records, of the catalogue too
  std::uint64_t events_ = 0;
  std::uint64_t shown_events_ = 0;
  std::uint64_t shown_slates_ = 0;
};

bool Demo::over() const {
  if (stop_on_signals()) return true;
  if (options_.events && events_ >= static_cast<std::uint64_t>(*options_.events)) return true;
  return elapsed() >= seconds_;
}

Lags Demo::lags() const {
  const PipelineCounts counts = running_.counts();
  const auto learned = static_cast<std::uint64_t>(running_.learner().position() + 1);
  return {difference(sent_, counts.records),
          difference(counts.examples + counts.catalogue_changes, learned),
          difference(counts.recommendations, audience_.slates())};
}

// With a rate, what is due by now and no more than a batch: an open loop as far as the broker can
// hold it, so that a slow pipeline does not slow its input.
std::size_t Demo::batch_size() const {
  if (lags().too_high()) return 0;
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

// With a rate from when an event was due, not from when it was got round to.
steady_clock::time_point Demo::due(std::uint64_t event) const {
  if (options_.rate <= 0) return steady_clock::now();
  return started_ + std::chrono::duration_cast<nanoseconds>(
                        duration<double>(static_cast<double>(event) / options_.rate));
}

Result<void> Demo::send(const std::vector<OutputRecord>& records) {
  for (const OutputRecord& record : records) {
    auto appended =
        append_patiently(sink_, record, [](const Error&) { return stop_on_signals().load(); });
    if (!appended) return appended;
    ++sent_;
  }
  return {};
}

Result<void> Demo::receive() {
  std::vector<Recommendation> slates;
  if (auto polled = slates_.poll(slates); !polled) return polled;
  const auto now = steady_clock::now();
  for (Recommendation& slate : slates) audience_.show(std::move(slate), now);
  return {};
}

Result<void> Demo::step() {
  if (const auto failure = running_.failure()) return *failure;
  if (auto received = receive(); !received) return received;
  const std::size_t size = batch_size();
  if (size == 0) {
    std::this_thread::sleep_for(milliseconds(1));
    return {};
  }
  std::vector<OutputRecord> records;
  for (std::size_t i = 0; i < size; ++i) audience_.act(world_.next(records), due(events_ + i));
  events_ += size;
  return send(records);
}

// Whoever has read the catalogue has joined.
Result<void> Demo::announce() {
  if (auto sent = send(world_.catalogue()); !sent) return sent;
  fmt::print("the workers join their group, which takes a moment\n\n");
  std::fflush(stdout);
  const auto deadline = steady_clock::now() + kJoinWithin;
  while (lags().input > 0 && !stop_on_signals()) {
    if (const auto failure = running_.failure()) return *failure;
    if (steady_clock::now() >= deadline) return stop("the workers did not join within 30 s");
    std::this_thread::sleep_for(milliseconds(5));
  }
  return {};
}

// So that what is told at the end does not depend on how far the last answers have come.
Result<void> Demo::await_answers() {
  const auto deadline = steady_clock::now() + kAnsweredWithin;
  for (;;) {
    const auto flushed = sink_.flush(milliseconds(10));
    if (!flushed && flushed.error().disposition == Disposition::kStop) return flushed;
    if (auto received = receive(); !received) return received;
    if (const auto failure = running_.failure()) return *failure;
    const Lags left = lags();
    if (flushed && left.input <= 0 && left.slates <= 0) return {};
    if (stop_on_signals() || steady_clock::now() >= deadline) return {};
  }
}

void Demo::show() {
  const auto now = steady_clock::now();
  const double since = std::max(1e-9, duration<double>(now - shown_at_).count());
  const LearnerMetrics& learner = metrics_.learner();
  DemoFigures figures;
  figures.elapsed = now - started_;
  figures.done = options_.events
                     ? static_cast<double>(events_) / static_cast<double>(*options_.events)
                     : elapsed() / seconds_;
  figures.events = events_;
  figures.events_per_second = static_cast<double>(events_ - shown_events_) / since;
  figures.recommendations = audience_.slates();
  figures.recommendations_per_second =
      static_cast<double>(audience_.slates() - shown_slates_) / since;
  figures.latency_p50 = audience_.latencies().quantile(0.5);
  figures.latency_p99 = audience_.latencies().quantile(0.99);
  figures.examples = learner.examples.value();
  figures.items = learner.items.value();
  figures.hit_rate = audience_.shown().value();
  figures.popularity_hit_rate = audience_.by_popularity().value();
  figures.window = audience_.shown().count();
  view_.show(figures);
  shown_at_ = now;
  shown_events_ = events_;
  shown_slates_ = audience_.slates();
}

void Demo::show_person() const {
  if (!audience_.example()) return;
  const Recommendation& example = *audience_.example();
  std::string taste = world_.taste(example.user);
  if (!taste.empty()) taste = fmt::format(" (made to like {})", taste);
  fmt::print("\n{}{}, lately:\n", example.user.value, taste);
  for (const auto& act : audience_.lately(example.user, example.event_time)) {
    fmt::print("  {:<6} {}\n", name(act.type), world_.title(act.item));
  }
  fmt::print("\n{} of the {} shown next, and why:\n\n",
             std::min(kItemsExplained, example.items.size()), example.items.size());
  std::vector<RecommendedItem> slate = example.items;
  if (slate.size() > kItemsExplained) slate.resize(kItemsExplained);
  SlateTextOptions text;
  text.parts_max = kPartsExplained;
  text.title = [this](const std::string& id) { return world_.title(id); };
  fmt::print("{}", draw_slate(slate, text));
}

Result<void> Demo::run() {
  if (auto announced = announce(); !announced) return announced;
  started_ = shown_at_ = steady_clock::now();
  while (!over()) {
    if (auto stepped = step(); !stepped) return stepped;
    if (steady_clock::now() - shown_at_ >= view_.interval()) show();
  }
  if (auto answered = await_answers(); !answered) return answered;
  show();
  show_person();
  return {};
}

// The topology on generated events: they are in our own format, and of an earlier day.
Config for_the_demo(const Config& config, const DemoOptions& options) {
  Config changed = config;
  changed.mapping = {};
  changed.emit.max_event_age_ms = 0;
  changed.start = "earliest";
  if (!options.metrics.empty()) changed.metrics.listen = options.metrics;
  return changed;
}

}  // namespace

Result<void> demo(const Config& config, const DemoOptions& options) {
  if (config.topics.input.size() != 1) {
    return stop(fmt::format("input.topics names {} topics: exactly one can be consumed directly",
                            config.topics.input.size()));
  }
  // What a worker has to say every few seconds would run through the view.
  set_up_log(config.log_format, config.log_level == "info" ? "warning" : config.log_level);

  auto cluster = EmbeddedCluster::start(for_the_demo(config, options));
  if (!cluster) return cluster.error();
  const Config& here = (*cluster)->config();
  ingest::KafkaSettings kafka;
  kafka.properties = here.kafka;
  kafka.log = [](const std::string& line) { log_limited(LogLevel::kWarning, line, line); };
  const SystemClock clock;
  const Patience patience{stop_on_signals(), true};

  Metrics metrics(here.name, clock);
  auto server = serve_metrics(here, metrics);
  if (!server && !options.metrics.empty()) return server.error();
  if (!server) log_warning(server.error().message);
  fmt::print("fovea demo: generated people and things, everything in this process\n");
  fmt::print("broker at {}", (*cluster)->broker().bootstrap());
  if (server && *server) fmt::print(", metrics at http://{}/metrics", (*server)->address());
  fmt::print("\n");
  std::fflush(stdout);

  const auto examined = await_cluster(here, kafka, patience);
  if (!examined) return examined.error();
  auto slates = DemoSlates::open(kafka, here.topics.recommendations, here.topic_shape.partitions);
  if (!slates) return slates.error();
  auto sink = ingest::open_kafka_sink(kafka);
  if (!sink) return sink.error();
  auto running = RunningTopology::start(here, kafka, *examined, clock, patience, true, &metrics);
  if (!running) return running.error();
  if (*running == nullptr) return {};

  auto shown =
      Demo(here, options, **running, metrics, **sink, *std::move(slates), clock.now()).run();
  auto stopped = (*running)->stop();
  return shown ? std::move(stopped) : std::move(shown);
}

}  // namespace fovea::topologies
