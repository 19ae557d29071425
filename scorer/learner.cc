#include "scorer/learner.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <xxhash.h>

#include "scorer/beside.h"
#include "scorer/bytes.h"
#include "scorer/learn_step.h"
#include "scorer/model.h"
#include "scorer/negatives.h"

namespace fovea::scorer {
namespace {

constexpr std::uint32_t kSnapshotMagic = 0x004D5646U;    // "FVM", and a character:
constexpr std::uint32_t kSnapshotVersion = 0x38000000U;  // "8"
constexpr std::uint32_t kVersionMask = 0xFF000000U;

double seconds(TimeMs time) {
  return static_cast<double>(value(time)) / 1000.0;
}

}  // namespace

// One of the two copies that workers read.
struct PublishedView {
  explicit PublishedView(const ModelSettings& settings) : model(settings) {}
  Model model;
  bool is_another = false;  // of a model that was replaced: nothing of it stays
  std::atomic<int> readers = 0;
};

// What was folded, and all that a snapshot holds.
struct Learner::Folded {
  explicit Folded(const ModelSettings& settings)
      : model(settings), recent(static_cast<std::size_t>(settings.recent_items_max)) {}

  Model model;
  RecentItems recent;
  ChosenItems chosen;
  // The highest source folded, by source partition: what at_least_once wrote twice counts once.
  std::map<std::pair<std::string, Partition>, std::pair<Offset, std::uint16_t>> applied;
  double now_s = 0.0;  // the newest example's time
  std::uint64_t digest = 0;
  LearnerStats stats;
};

struct Learner::Impl : Folded {
  Impl(const ModelSettings& settings, KernelLevel kernel_level)
      : Folded(settings),
        level(kernel_level),
        step(kernels(kernel_level)),
        views{{PublishedView(settings), PublishedView(settings)}} {}

  LearnOutcome fold_example(const Example& example, Offset position);
  bool is_repeat(const SourceCoordinates& source);
  // Counts it if another item gives way to this one.
  void make_room(ItemKey item);

  KernelLevel level;
  LearnStep step;
  std::array<PublishedView, kViewCount> views;
  std::atomic<std::size_t> current = 0;
};

// ---- views ----

ModelView::ModelView(ModelView&& other) noexcept
    : model_(std::exchange(other.model_, nullptr)),
      readers_(std::exchange(other.readers_, nullptr)) {}

ModelView& ModelView::operator=(ModelView&& other) noexcept {
  std::swap(model_, other.model_);
  std::swap(readers_, other.readers_);
  return *this;
}

ModelView::~ModelView() {
  if (readers_ != nullptr) {
    static_cast<std::atomic<int>*>(readers_)->fetch_sub(1, std::memory_order_release);
  }
}

ModelView Learner::view() const {
  for (;;) {
    const std::size_t index = impl_->current.load();
    PublishedView& published = impl_->views[index];
    published.readers.fetch_add(1);
    // The learner may have retired it in between; it checks `readers` after it has switched, so
    // either it sees this reader or this reader sees the switch.
    if (impl_->current.load() == index) return ModelView(&published.model, &published.readers);
    published.readers.fetch_sub(1);
  }
}

bool Learner::publish() {
  const std::size_t retired = 1 - impl_->current.load();
  PublishedView& next = impl_->views[retired];
  if (next.readers.load() != 0) return false;
  if (std::exchange(next.is_another, false)) next.model = Model(impl_->model.settings);
  impl_->model.copy_changed(next.model, retired);
  impl_->current.store(retired);
  return true;
}

// ---- the fold ----

Learner::Learner(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Learner::~Learner() = default;

Result<std::unique_ptr<Learner>> Learner::create(const ModelSettings& settings, KernelLevel level) {
  if (auto checked = check(settings); !checked) return checked.error();
  if (!supported(level)) {
    return stop(fmt::format("this machine has no {} kernels", name(level)));
  }
  return std::unique_ptr<Learner>(new Learner(std::make_unique<Impl>(settings, level)));
}

bool Learner::Impl::is_repeat(const SourceCoordinates& source) {
  const std::pair<Offset, std::uint16_t> at{source.offset, source.ordinal};
  const auto [found, is_new] = applied.try_emplace({source.topic, source.partition}, at);
  if (is_new) return false;
  if (at <= found->second) return true;
  found->second = at;
  return false;
}

LearnOutcome Learner::Impl::fold_example(const Example& example, Offset position) {
  now_s = std::max(now_s, seconds(example.time));
  const double time_s = seconds(example.time);
  ++stats.examples;

  const Slot known = model.catalogue.find(example.item.key);
  make_query(model, example, step.moment().query);
  LearnOutcome outcome = LearnOutcome::kCounted;
  const bool warm = recent.size() > 0 &&
                    stats.examples > static_cast<std::uint64_t>(model.settings.warmup_examples);
  if (model.settings.parts.learning && warm && known != kNoSlot && !example.count_only &&
      example.strength > 0.0F && !example.history.empty() && model.popularity.count(known) > 0) {
    Random random(model.stamp.model_id, static_cast<std::uint64_t>(position));
    const StepResult result = step.learn(model, recent, chosen, example, known, random);
    ++stats.gradients;
    stats.loss +=
        (result.loss - stats.loss) / std::min(1000.0, static_cast<double>(stats.gradients));
    digest = step.digest_of(digest, result);
    outcome = LearnOutcome::kLearned;
  }
  // What was refused is not counted as chosen.
  if (!example.positive) return outcome;

  make_room(example.item.key);
  const Slot slot = model.add_item(example.item, time_s);
  if (known == kNoSlot) chosen.remove(slot);  // another item's so far
  if (!chosen.contains(slot)) {
    model.meet(slot, kernels(level));
    chosen.add(slot);
  }
  model.popularity.observe(slot, time_s);
  recent.add(slot, model.item_count());
  Query& query = step.moment().query;
  if (known == kNoSlot) {
    // What the history knew in this row has given way.
    for (QueryEntry& entry : query.history) {
      if (entry.slot == slot) entry.slot = kNoSlot;
    }
  }
  if (!model.settings.exclude_seen) {
    model.repeat.observe(
        slot, std::any_of(example.own_items.begin(), example.own_items.end(),
                          [&](const ExampleOwnItem& own) { return own.item == example.item.key; }));
  }
  const bool immediate_repeat = !query.empty() && query.newest(0).key == example.item.key;
  if (!immediate_repeat) {
    model.transitions.observe(query, slot);
    if (model.settings.parts.pairs) model.pairs.observe(query, slot);
    if (model.settings.parts.neighbours) model.neighbours.observe(example.user, slot);
  }
  return outcome;
}

void Learner::Impl::make_room(ItemKey item) {
  if (model.full() && model.catalogue.find(item) == kNoSlot) ++stats.items_evicted;
}

Result<void> Learner::advance(Offset position) {
  Offset& at = impl_->model.stamp.position;
  if (position <= at) {
    return stop(
        fmt::format("learning-log position {} is not ahead of the model's {}", position, at));
  }
  at = position;
  return {};
}

Result<void> Learner::refuse(Offset position) {
  if (auto advanced = advance(position); !advanced) return advanced;
  ++impl_->stats.records_refused;
  return {};
}

void Learner::skip_to(Offset next) {
  ModelStamp& stamp = impl_->model.stamp;
  FOVEA_ASSERT(next > stamp.position + 1);
  stamp.lineage = lineage_after_gap(stamp.lineage, stamp.position, next);
  stamp.position = next - 1;
}

Result<LearnOutcome> Learner::fold(const LearningRecord& record, Offset position) {
  Impl& impl = *impl_;
  if (auto advanced = advance(position); !advanced) return advanced.error();
  if (std::holds_alternative<Mark>(record.body)) return LearnOutcome::kMark;
  if (impl.is_repeat(record.source)) {
    ++impl.stats.repeats_skipped;
    return LearnOutcome::kRepeat;
  }
  if (const auto* example = std::get_if<Example>(&record.body)) {
    return impl.fold_example(*example, position);
  }
  const auto& change = std::get<ItemChange>(record.body);
  // A removal of what nobody knows needs no row.
  if (!change.removed || impl.model.catalogue.find(change.item.item.key) != kNoSlot) {
    const bool is_new = impl.model.catalogue.find(change.item.item.key) == kNoSlot;
    impl.make_room(change.item.item.key);
    const Slot slot = impl.model.change(change, impl.now_s, kernels(impl.level));
    if (is_new) impl.chosen.remove(slot);  // another item's so far
  }
  ++impl.stats.catalogue_changes;
  return LearnOutcome::kCatalogue;
}

const Model& Learner::model() const {
  return impl_->model;
}
ModelStamp Learner::stamp() const {
  return impl_->model.stamp;
}
std::uint64_t Learner::digest() const {
  return impl_->digest;
}

LearnerStats Learner::stats() const {
  LearnerStats stats = impl_->stats;
  stats.items = impl_->model.item_count();
  return stats;
}

// ---- snapshots ----

std::string Learner::snapshot() const {
  const Impl& impl = *impl_;
  ByteWriter out;
  out.fixed(kSnapshotMagic | kSnapshotVersion);
  impl.model.save(out);
  impl.recent.save(out);
  impl.chosen.save(out);
  out.varint(impl.applied.size());
  for (const auto& [partition, at] : impl.applied) {
    out.text(partition.first);
    out.fixed(partition.second);
    out.fixed(at.first);
    out.fixed(at.second);
  }
  out.fixed(impl.now_s);
  out.fixed(impl.digest);
  out.fixed(impl.stats);
  out.fixed(XXH3_64bits(out.bytes().data(), out.bytes().size()));
  return out.take();
}

// Of `model_id`, if one is given.
// Errors: kStop: damaged, of another version, of another model.
Result<std::unique_ptr<Learner::Folded>> Learner::read(std::string_view bytes,
                                                       std::optional<std::uint64_t> model_id) {
  constexpr std::size_t kTrailer = sizeof(std::uint64_t);
  ByteReader header(bytes);
  const auto magic = header.fixed<std::uint32_t>();
  if (header.failed() || (magic & ~kVersionMask) != kSnapshotMagic) {
    return stop("not a model snapshot");
  }
  if ((magic & kVersionMask) != kSnapshotVersion) {
    return stop("a model snapshot of another version of this program");
  }
  if (bytes.size() < sizeof magic + kTrailer) return stop("model snapshot is truncated");
  const std::string_view body = bytes.substr(0, bytes.size() - kTrailer);
  ByteReader trailer(bytes.substr(body.size()));
  const auto sum = trailer.fixed<std::uint64_t>();
  const auto summed_up = [body, sum] { return sum == XXH3_64bits(body.data(), body.size()); };
  const std::shared_future<bool> whole = beside(body.size(), summed_up);
  auto folded = read_body(body, model_id, whole);
  // Whatever was found wrong, it is of that.
  if (!whole.get()) {
    return stop("model snapshot is truncated or corrupt: its checksum does not match");
  }
  return folded;
}

Result<std::unique_ptr<Learner::Folded>> Learner::read_body(std::string_view body,
                                                            std::optional<std::uint64_t> model_id,
                                                            const std::shared_future<bool>& whole) {
  const Error unlike = stop("model snapshot does not hold what its version says");
  ByteReader in(body);
  (void)in.fixed<std::uint32_t>();
  const ModelSettings settings = load_settings(in);
  // One's own settings are known; what others ask for is not allocated before they are.
  if (!model_id && !whole.get()) return unlike;
  if (in.failed() || !check(settings)) return unlike;
  const std::uint64_t found = scorer::model_id(settings);
  if (model_id && found != *model_id) {
    return stop(fmt::format("snapshot of model {:016x}, not {:016x}: its settings differ", found,
                            *model_id));
  }

  auto fresh = std::make_unique<Folded>(settings);
  fresh->model.load(in, whole);
  fresh->recent.load(in, fresh->model.item_count());
  fresh->chosen.load(in, fresh->model.item_count());
  const std::size_t partitions = in.count();
  for (std::size_t p = 0; p < partitions && !in.failed(); ++p) {
    std::string topic = in.text();
    std::pair<std::string, Partition> at{std::move(topic), in.fixed<Partition>()};
    // In order, as they were written: what is restored is written again byte for byte.
    if (!fresh->applied.empty() && at <= fresh->applied.rbegin()->first) in.fail();
    const auto offset = in.fixed<Offset>();
    fresh->applied.emplace(std::move(at), std::pair{offset, in.fixed<std::uint16_t>()});
  }
  fresh->now_s = in.fixed<double>();
  fresh->digest = in.fixed<std::uint64_t>();
  fresh->stats = in.fixed<LearnerStats>();
  if (!in.at_end()) return unlike;
  return fresh;
}

// The views stay, whoever may be reading them: they are copied anew, each when its turn comes.
void Learner::become(Folded&& other) {
  static_cast<Folded&>(*impl_) = std::move(other);
  for (PublishedView& view : impl_->views) view.is_another = true;
  publish();
}

Result<void> Learner::restore(std::string_view bytes) {
  const ModelStamp own = impl_->model.stamp;
  auto folded = read(bytes, own.model_id);
  if (!folded) return folded.error();
  const std::uint32_t lineage = (*folded)->model.stamp.lineage;
  if (!same_arithmetic(lineage, own.lineage)) {
    return stop(fmt::format("snapshot of lineage {}, not {}: its arithmetic differs", lineage,
                            own.lineage));
  }
  become(std::move(**folded));
  return {};
}

Result<Inheritance> Learner::take_over(std::string_view parent) {
  auto folded = read(parent, std::nullopt);
  if (!folded) return folded.error();
  Folded& from = **folded;
  const ModelSettings& settings = impl_->model.settings;
  if (from.model.settings.topology != settings.topology) {
    return stop(fmt::format("the snapshot is of topology \"{}\", not \"{}\"",
                            from.model.settings.topology, settings.topology));
  }
  if (from.model.stamp.model_id == impl_->model.stamp.model_id &&
      same_arithmetic(from.model.stamp.lineage, impl_->model.stamp.lineage)) {
    return stop(fmt::format("model {:016x} is not its own parent", from.model.stamp.model_id));
  }
  Folded fresh(settings);
  const Inheritance inherited = fresh.model.take_over(from.model);
  if (inherited == Inheritance::kRows) {
    if (settings.recent_items_max == from.model.settings.recent_items_max &&
        fresh.model.item_count() == from.model.item_count()) {
      fresh.recent = std::move(from.recent);
    }
    fresh.chosen = std::move(from.chosen);
    fresh.applied = std::move(from.applied);
    fresh.now_s = from.now_s;
    fresh.digest = from.digest;
    fresh.stats = from.stats;
  }
  become(std::move(fresh));
  return inherited;
}

}  // namespace fovea::scorer
