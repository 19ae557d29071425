#include "topologies/local_state.h"

#include <utility>

#include "profile_store/rocksdb_profile_store.h"
#include "topologies/snapshot_files.h"

namespace fovea::topologies {

std::string profiles_directory(const Config& config) {
  return config.state.directory + "/profiles";
}

std::string model_directory(const Config& config) {
  return config.state.directory + "/model";
}

Result<std::unique_ptr<profile_store::ProfileStore>> open_profiles_to_read(const Config& config) {
  profile_store::RocksDbSettings settings;
  settings.directory = profiles_directory(config);
  settings.stamp.topology = config.name;
  settings.stamp.group_id = config.group_id;
  // The cluster is left open: looking at a profile needs no broker.
  settings.read_only = true;
  return profile_store::open_rocksdb_profile_store(settings);
}

Result<std::optional<FoundProfile>> find_profile(profile_store::ProfileStore& store,
                                                 const UserId& user) {
  auto partitions = store.partitions();
  if (!partitions) return partitions.error();
  for (const Partition partition : *partitions) {
    auto found = store.get(partition, {user});
    if (!found) return found.error();
    if (found->front()) {
      return std::optional<FoundProfile>({partition, *std::move(found->front())});
    }
  }
  return std::optional<FoundProfile>{};
}

Result<LocalModel> open_local_model(const Config& config) {
  auto learner = scorer::Learner::create(config.model);
  if (!learner) return learner.error();
  LocalModel model;
  const std::string directory = model_directory(config);
  const auto snapshot = restore_newest(directory, **learner, [&](const std::string& line) {
    model.why_not += (model.why_not.empty() ? "" : "; ") + line;
  });
  if (!snapshot) {
    if (model.why_not.empty()) model.why_not = "no snapshot in " + directory;
    return model;
  }
  model.learner = *std::move(learner);
  model.path = snapshot->path;
  return model;
}

}  // namespace fovea::topologies
