#include "topologies/model_start.h"

#include <fmt/format.h>

namespace fovea::topologies {

Result<std::optional<SnapshotFile>> restore_published(
    PublishedModels& published, const std::string& directory, scorer::Learner& learner,
    const std::function<void(const std::string&)>& say) {
  const ModelStamp own = learner.stamp();
  const auto ahead = [&own](const ModelStamp& stamp) {
    return stamp.model_id == own.model_id && scorer::same_arithmetic(stamp.lineage, own.lineage) &&
           stamp.position > own.position;
  };
  for (;;) {
    const auto found = published.next(ahead);
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
    auto written = write_snapshot(directory, stamp, *bytes);
    if (written) return std::optional(*std::move(written));
    say(fmt::format("the published snapshot is not kept: {}", written.error().message));
    return std::optional(SnapshotFile{"", stamp});
  }
}

}  // namespace fovea::topologies
