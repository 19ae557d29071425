#pragma once

// What must be true of the topics after a run, and of every model: a plain fold of the input, and
// of the learning log, against what is there.

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "tests/sim/sim_log.h"
#include "topologies/config.h"
#include "vocab/profile.h"

namespace fovea::sim {

class RunChecks {
 public:
  // Lifetime  Both outlive it.
  RunChecks(const topologies::Config& config, const SimLog& log);

  // One clause for each thing that is not as it must be.
  [[nodiscard]] std::vector<std::string> topics();
  [[nodiscard]] std::vector<std::string> model(const std::string& process, std::uint64_t digest,
                                               Offset position);

 private:
  using Place = std::pair<Partition, Offset>;

  void fold_input();
  void fold_learning();
  void check_profiles();
  void check_slates();
  void check_dead_letters();
  template <class Visit>
  void each(const std::string& topic, Visit&& visit) const;

  const topologies::Config& config_;
  const SimLog& log_;
  std::map<std::string, Behaviour> behaviours_;
  std::map<std::string, std::vector<Place>> scorable_;  // of each user, in order
  std::map<Place, std::string> poison_;                 // reason
  std::uint64_t teaching_ = 0;
  std::map<Offset, std::uint64_t> digests_;  // of the learning log's fold, by position
  std::vector<std::string> violations_;
};

}  // namespace fovea::sim
