// An idempotent producer, as its owner sees it (ingest/sink.h, open_kafka_sink()).

#include "tests/sim/sim_sink.h"

namespace fovea::sim {
namespace {

class SimSink final : public SimSinkOf<ingest::Sink> {
 public:
  SimSink(ClusterCore& core, ProcessId process) : SimSinkOf(core, process, std::nullopt) {}
};

}  // namespace

Result<std::unique_ptr<ingest::Sink>> open_sim_sink(ClusterCore& core, ProcessId process) {
  const ClusterCore::Call call(core, process);
  return std::unique_ptr<ingest::Sink>(std::make_unique<SimSink>(core, process));
}

}  // namespace fovea::sim
