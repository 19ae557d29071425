#pragma once

// A topology on a broker inside this process: topics made, state in a temporary directory.
//
// For trials. What the broker does not keep (ingest/embedded_broker.h) makes the state worthless
// after it, so the directory goes with it.

#include <memory>
#include <string>
#include <vector>

#include "ingest/embedded_broker.h"
#include "topologies/config.h"
#include "vocab/result.h"

namespace fovea::topologies {

class EmbeddedCluster {
 public:
  // Errors: kStop: no port, no temporary directory, or a topic without a name.
  [[nodiscard]] static Result<std::unique_ptr<EmbeddedCluster>> start(const Config& config);
  ~EmbeddedCluster();
  EmbeddedCluster(const EmbeddedCluster&) = delete;
  EmbeddedCluster& operator=(const EmbeddedCluster&) = delete;

  // The same topology, pointed here.
  [[nodiscard]] const Config& config() const { return config_; }

  [[nodiscard]] ingest::EmbeddedBroker& broker() { return *broker_; }

  // Where it is and how to talk to it, a line each.
  [[nodiscard]] std::vector<std::string> directions() const;

 private:
  EmbeddedCluster() = default;

  Config config_;
  std::string directory_;
  std::unique_ptr<ingest::EmbeddedBroker> broker_;
};

}  // namespace fovea::topologies
