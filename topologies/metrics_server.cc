#include "topologies/metrics_server.h"

#include <fmt/format.h>

#include <optional>
#include <string>

#include "topologies/log.h"
#include "topologies/metrics_text.h"

namespace fovea::topologies {
namespace {

HttpAnswer verdict(const std::optional<std::string>& why_not) {
  if (why_not) return {503, *why_not + "\n"};
  return {200, "ok\n"};
}

}  // namespace

Result<std::unique_ptr<HttpServer>> serve_metrics(const Config& config, const Metrics& metrics) {
  const std::string& address = config.metrics.listen;
  if (address.empty() || address == "off") return std::unique_ptr<HttpServer>();
  const std::chrono::milliseconds lag_max(config.metrics.ready_lag_ms);
  HttpPages pages;
  pages["/metrics"] = [&metrics, lag_max] {
    return HttpAnswer{200, metrics.text(lag_max), std::string(kMetricsContentType)};
  };
  pages["/healthz"] = [&metrics] { return verdict(why_not_alive(metrics.health())); };
  pages["/readyz"] = [&metrics, lag_max] {
    return verdict(why_not_ready(metrics.health(), lag_max));
  };
  auto server = HttpServer::start(address, pages);
  if (!server) {
    return stop(
        fmt::format("metrics.listen = {} (\"off\" serves no metrics)", server.error().message));
  }
  log_info(fmt::format("metrics at http://{}/metrics", (*server)->address()));
  return server;
}

}  // namespace fovea::topologies
