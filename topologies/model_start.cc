#include "topologies/model_start.h"

#include <fmt/format.h>

#include <chrono>
#include <sstream>
#include <thread>
#include <utility>

#include "scorer/model_info.h"
#include "topologies/output_records.h"

namespace fovea::topologies {
namespace {

using scorer::Inheritance;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr milliseconds kTakeOver{1'000};
constexpr milliseconds kWrite{3'000};
// For another process to publish what the model begins with.
constexpr seconds kOthersTime{30};
constexpr milliseconds kLookAgain{200};

// Another model, of other settings or another arithmetic, at a position that the log goes on from.
bool may_be_parent(const ModelStart& start, const ModelStamp& own, const ModelStamp& stamp) {
  const bool another =
      stamp.model_id != own.model_id || !scorer::same_arithmetic(stamp.lineage, own.lineage);
  return another && stamp.position + 1 >= start.log.low && stamp.position < start.log.high;
}

bool take_over(const ModelStart& start, const ModelStamp& parent,
               const Result<std::string_view>& bytes, scorer::Learner& learner) {
  const auto taken = bytes ? learner.take_over(*bytes) : Result<Inheritance>(bytes.error());
  if (!taken) {
    start.say(fmt::format("model {:016x} at position {} is no parent: {}", parent.model_id,
                          parent.position, taken.error().message));
    return false;
  }
  const bool rows = *taken == Inheritance::kRows;
  // What the log no longer has this model will never learn.
  if (!rows && start.log.low > 0) learner.skip_to(start.log.low);
  start.say(fmt::format("model {:016x} takes over {} of its parent {:016x} at position {}",
                        learner.stamp().model_id, rows ? "all tables that fit" : "the catalogue",
                        parent.model_id, parent.position));
  return true;
}

// Without one the learner is as before.
Result<void> take_parent(const ModelStart& start, PublishedModels& published,
                         scorer::Learner& learner) {
  const auto wanted = [&start, own = learner.stamp()](const ModelStamp& stamp) {
    return may_be_parent(start, own, stamp);
  };
  const auto files = list_snapshots(start.directory);
  if (!files) return files.error();
  for (const SnapshotFile& file : *files) {
    if (!wanted(file.stamp)) continue;
    const auto bytes = read_snapshot(file);
    const auto parent = bytes ? Result<std::string_view>(bytes->view()) : bytes.error();
    if (take_over(start, file.stamp, parent, learner)) return {};
  }
  for (;;) {
    const auto found = published.next(wanted);
    if (!found) return found.error();
    if (!*found) return {};
    const auto bytes = published.fetch(**found);
    if (!bytes && bytes.error().disposition != Disposition::kSkip) return bytes.error();
    const auto parent = bytes ? Result<std::string_view>(*bytes) : bytes.error();
    if (take_over(start, (*found)->manifest.stamp, parent, learner)) return {};
  }
}

// On the disk, so that the next start needs no topic.
SnapshotFile keep(const std::string& directory, const ModelStamp& stamp, std::string_view bytes,
                  const Say& say) {
  // Nothing is folded yet: it has no name, and is quickly had again.
  if (stamp.position < 0) return {"", stamp};
  auto written = write_snapshot(directory, stamp, bytes);
  if (written) return *std::move(written);
  say(fmt::format("the snapshot is not kept: {}", written.error().message));
  return {"", stamp};
}

// What the model begins with, then kept.
Result<std::optional<SnapshotFile>> publish(const ModelStart& start, const scorer::Learner& learner,
                                            ingest::TransactionalWriter& writer,
                                            const Patience& patience) {
  std::string snapshot = learner.snapshot();
  const std::uint64_t bytes = snapshot.size();
  std::istringstream in(std::move(snapshot));
  const auto written =
      write_model(learner.stamp(), 0, in, bytes, [&](const ModelKey& key, std::string value) {
        const std::vector<ingest::OutputRecord> records{
            model_record(start.config, key, std::move(value))};
        return keep_trying(patience, start.config.topics.model,
                           [&] { return writer.write(records, kWrite); });
      });
  if (!written) return written.error();
  if (!scorer::parent(learner.model())) return std::optional<SnapshotFile>();
  return std::optional(keep(start.directory, learner.stamp(), std::move(in).str(), start.say));
}

}  // namespace

Result<std::optional<SnapshotFile>> restore_published(PublishedModels& published,
                                                      const std::string& directory,
                                                      scorer::Learner& learner, Offset beyond,
                                                      const Say& say) {
  const auto wanted = [own = learner.stamp(), beyond](const ModelStamp& stamp) {
    return stamp.model_id == own.model_id && scorer::same_arithmetic(stamp.lineage, own.lineage) &&
           stamp.position > beyond;
  };
  for (;;) {
    const auto found = published.next(wanted);
    if (!found) return found.error();
    if (!*found) return std::optional<SnapshotFile>();
    const ModelStamp stamp = (*found)->manifest.stamp;
    const auto bytes = published.fetch(**found);
    if (!bytes && bytes.error().disposition != Disposition::kSkip) return bytes.error();
    const auto restored = bytes ? learner.restore(*bytes) : Result<void>(bytes.error());
    if (!restored) {
      say(fmt::format("the published snapshot at position {} is not used: {}", stamp.position,
                      restored.error().message));
      continue;
    }
    say(fmt::format("the published snapshot at position {} is taken", stamp.position));
    return std::optional(keep(directory, stamp, *bytes, say));
  }
}

Result<std::optional<SnapshotFile>> begin_model(const ModelStart& start, scorer::Learner& learner,
                                                const Patience& patience) {
  const std::string& topic = start.config.topics.model;
  const auto published_by_others = [&] {
    PublishedModels published(start.transport.open_reader, patience.stopping);
    return restore_published(published, start.directory, learner, kAnyPosition, start.say);
  };
  while (!patience.stopping) {
    auto writer = start.transport.open_writer();
    if (!writer) return writer.error();
    auto taken = keep_trying(patience, topic, [&] { return (*writer)->take_over(kTakeOver); });
    if (!taken) return taken.error();
    // Behind the fence: what is there now is all there will be, but for what is written here.
    auto found = published_by_others();
    if (!found || *found) return found;
    PublishedModels published(start.transport.open_reader, patience.stopping);
    if (auto parent = take_parent(start, published, learner); !parent) return parent.error();
    auto begun = publish(start, learner, **writer, patience);
    if (begun || !(*writer)->fenced()) return begun;

    start.say("another process begins the same model, it is waited for");
    const auto deadline = steady_clock::now() + kOthersTime;
    while (!patience.stopping && steady_clock::now() < deadline) {
      std::this_thread::sleep_for(kLookAgain);
      auto theirs = published_by_others();
      if (!theirs || *theirs) return theirs;
    }
  }
  return stop("told to stop");
}

}  // namespace fovea::topologies
