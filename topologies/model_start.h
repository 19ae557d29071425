#pragma once

// Where a process's model begins when its own disk does not say: the newest complete snapshot that
// another process published.
//
// Threads   Not thread-safe.

#include <functional>
#include <optional>
#include <string>

#include "scorer/learner.h"
#include "topologies/published_model.h"
#include "topologies/snapshot_files.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Restores the newest published snapshot of this learner's model that is ahead of it, and writes it
// to `directory`, so that the next start needs no topic. One that is not whole, or refused, is
// named, and the other slot's is tried. Absent if none was usable: the learner is as before.
// Errors: kRetry while no broker answers, kStop for a missing topic.
[[nodiscard]] Result<std::optional<SnapshotFile>> restore_published(
    PublishedModels& published, const std::string& directory, scorer::Learner& learner,
    const std::function<void(const std::string&)>& say);

}  // namespace fovea::topologies
