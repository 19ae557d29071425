#pragma once

// Records on their way to a sink whose queue may be full: nothing is dropped, order is kept.
//
// Threads   Not thread-safe.

#include <deque>
#include <utility>

#include "ingest/sink.h"
#include "vocab/result.h"

namespace fovea::topologies {

class Outbox {
 public:
  void put(ingest::OutputRecord record) { records_.push_back(std::move(record)); }

  // Errors: the sink's; on kRetry what is left stays for the next call.
  Result<void> pump(ingest::Sink& sink) {
    while (!records_.empty()) {
      if (auto appended = sink.append(records_.front()); !appended) return appended;
      records_.pop_front();
    }
    return {};
  }

  [[nodiscard]] bool empty() const { return records_.empty(); }
  void clear() { records_.clear(); }

 private:
  std::deque<ingest::OutputRecord> records_;
};

}  // namespace fovea::topologies
