#pragma once

// SIGTERM and SIGINT as a flag: work that can end cleanly looks at it between two steps.

#include <atomic>

namespace fovea::topologies {

// Set by the first signal. Another one, two seconds later or more, ends the process at once, so
// nobody is ever locked in.
// Installs the handlers at the first call.
[[nodiscard]] const std::atomic<bool>& stop_on_signals();

}  // namespace fovea::topologies
