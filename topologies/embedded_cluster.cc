#include "topologies/embedded_cluster.h"

#include <fmt/format.h>
#include <stdlib.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <utility>

#include "topologies/topics.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

Result<std::string> make_directory() {
  std::error_code failure;
  const fs::path base = fs::temp_directory_path(failure);
  if (failure) return stop("temporary directory: " + failure.message());
  std::string path = (base / "fovea-embedded-XXXXXX").string();
  if (mkdtemp(path.data()) == nullptr) {
    return stop(fmt::format("{}: {}", path, std::strerror(errno)));
  }
  return path;
}

}  // namespace

Result<std::unique_ptr<EmbeddedCluster>> EmbeddedCluster::start(const Config& config) {
  std::unique_ptr<EmbeddedCluster> cluster(new EmbeddedCluster);
  auto broker = ingest::EmbeddedBroker::start();
  if (!broker) return broker.error();
  cluster->broker_ = *std::move(broker);
  if (auto made = cluster->broker_->create(plan_topics(config, 0)); !made) return made.error();
  auto directory = make_directory();
  if (!directory) return directory.error();
  cluster->directory_ = *std::move(directory);

  cluster->config_ = config;
  cluster->config_.transport = Transport::kEmbedded;
  cluster->config_.state.directory = cluster->directory_;
  ingest::KafkaSettings kafka;
  kafka.properties = config.kafka;
  cluster->config_.kafka = ingest::embedded_settings(kafka, *cluster->broker_).properties;
  return cluster;
}

EmbeddedCluster::~EmbeddedCluster() {
  if (directory_.empty()) return;
  std::error_code ignored;
  fs::remove_all(directory_, ignored);
}

std::vector<std::string> EmbeddedCluster::directions() const {
  const std::string& at = broker_->bootstrap();
  const std::string file = config_.path.empty() ? config_.name + ".toml" : config_.path;
  return {
      fmt::format("embedded broker at {}: nothing is kept, at most 5 MB a partition", at),
      fmt::format("state in {} until the end", directory_),
      fmt::format("try: fovea produce {} --demo --rate 100 --set kafka.bootstrap.servers={}", file,
                  at),
      fmt::format("try: kcat -C -b {} -t {} -o end", at, config_.topics.recommendations),
  };
}

}  // namespace fovea::topologies
