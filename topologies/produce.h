#pragma once

// Sending a log to a topic on schedule.
//
// Open loop: record n is due at start + n / rate, whatever happened to the records before it. A
// stall is caught up with and shows in latencies; a closed loop would hide it.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "ingest/event_codec.h"
#include "ingest/sink.h"
#include "topologies/commands.h"
#include "vocab/result.h"

namespace fovea::topologies {

// When record `index` is due, after the start. `rate` 0: at once.
[[nodiscard]] std::chrono::nanoseconds due_after(std::int64_t index, double rate);

// The user a line is about, as the topology's mapping reads it. Absent for what cannot be decoded:
// it is sent all the same, without a key, so that broken input can be tried.
[[nodiscard]] std::optional<std::string> user_of(ingest::EventCodec& codec,
                                                 const std::string& line);

// Appends, waiting where the queue is full or no broker answers. `give_up` is asked between
// attempts, and told why there is another.
// Errors: kStop from the sink.
[[nodiscard]] Result<void> append_patiently(ingest::Sink& sink, const ingest::OutputRecord& record,
                                            const std::function<bool(const Error&)>& give_up);

}  // namespace fovea::topologies
