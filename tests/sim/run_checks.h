#pragma once

// What must be true of the topics after a run, and of every store and model: a plain fold of the
// input, and of the learning log, against what is there and committed. How often something may be
// there is the mode of delivery's to say.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "profile_store/profile_store.h"
#include "tests/sim/sim_log.h"
#include "topologies/config.h"
#include "topologies/pipeline.h"
#include "vocab/profile.h"

namespace fovea::sim {

class RunChecks {
 public:
  // Lifetime  Both outlive it.
  RunChecks(const topologies::Config& config, const SimLog& log);

  // One clause for each thing that is not as it must be.
  [[nodiscard]] std::vector<std::string> topics();
  // Of whoever owns the partition.
  [[nodiscard]] std::vector<std::string> store(const std::string& process,
                                               profile_store::ProfileStore& store,
                                               Partition partition) const;
  // Of a worker: every record that it read was folded, dead-lettered or had been folded already.
  [[nodiscard]] static std::vector<std::string> accounts(const std::string& process,
                                                         const topologies::PipelineCounts& counts);
  [[nodiscard]] std::vector<std::string> model(const std::string& process, std::uint64_t digest,
                                               Offset position);

 private:
  using Place = std::pair<Partition, Offset>;

  void fold_input();
  void fold_learning();
  [[nodiscard]] bool exactly_once() const {
    return config_.delivery.mode == topologies::DeliveryMode::kExactlyOnce;
  }
  // The last record of each user, by partition and user; without a value: deleted.
  using Changelog = std::map<std::pair<Partition, std::string>, std::optional<std::string>>;
  [[nodiscard]] Changelog changelog() const;
  [[nodiscard]] bool same(const Profile& stored, const std::string& in_changelog) const;

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
