#pragma once

// Recently viewed: the user's own items, newest first. Nothing where seen items are left out.

#include <memory>

#include "scorer/baselines/baseline.h"

namespace fovea::baselines {

[[nodiscard]] std::unique_ptr<Baseline> make_recently_viewed();

}  // namespace fovea::baselines
