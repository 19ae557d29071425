#pragma once

// GET /metrics, /healthz and /readyz of a running topology: [metrics] of the configuration.

#include <memory>

#include "topologies/config.h"
#include "topologies/http_server.h"
#include "topologies/metrics.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Null where `metrics.listen` is empty or "off". Says the address in the log.
// Errors: kStop naming the key and the address.
// Lifetime  `metrics` outlives it.
[[nodiscard]] Result<std::unique_ptr<HttpServer>> serve_metrics(const Config& config,
                                                                const Metrics& metrics);

}  // namespace fovea::topologies
