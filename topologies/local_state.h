#pragma once

// What a process keeps on its disk, read by the commands that look at it: profiles beside a running
// process, and the newest snapshot of the model.

#include <memory>
#include <optional>
#include <string>

#include "profile_store/profile_store.h"
#include "scorer/learner.h"
#include "topologies/config.h"
#include "vocab/ids.h"
#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::topologies {

[[nodiscard]] std::string profiles_directory(const Config& config);
[[nodiscard]] std::string model_directory(const Config& config);

// Errors: kStop naming the directory.
[[nodiscard]] Result<std::unique_ptr<profile_store::ProfileStore>> open_profiles_to_read(
    const Config& config);

struct FoundProfile {
  Partition partition = 0;
  Profile profile;
};

// Looks into every partition that the store holds: which one a user is in is the producer's choice.
[[nodiscard]] Result<std::optional<FoundProfile>> find_profile(profile_store::ProfileStore& store,
                                                               const UserId& user);

// The newest snapshot that this configuration's model accepts, restored; none where there is no
// snapshot. `why_not` then says so in one clause.
struct LocalModel {
  std::unique_ptr<scorer::Learner> learner;
  std::string path;
  std::string why_not;
};
[[nodiscard]] Result<LocalModel> open_local_model(const Config& config);

}  // namespace fovea::topologies
