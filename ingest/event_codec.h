#pragma once

// Bytes in, events out: the event contract, version 1. Total on any bytes.
//
// A record is one JSON object. Field mapping finds each field of the contract in the shape the
// team's producers already write; type mapping renames their event names. Every way a record can
// be wrong has a name (reason) and is an Error{kSkip}; nothing throws, nothing is guessed.
//
// Limits    record 64 KiB, ids 1..256 bytes of UTF-8, numbers finite, 256 events a record.
// Threads   Not thread-safe: an instance owns the parser's scratch memory.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/source.h"
#include "vocab/event.h"
#include "vocab/result.h"

namespace fovea::ingest {

enum class TimeUnit : std::uint8_t { kSeconds, kMilliseconds, kMicroseconds };

// [input.map] and [events.types] of a topology, as data. Pointers are RFC 6901; `@/x` is read in
// the entry of `each`; the first that is present and not null wins. A field that is left out is
// read under its own name ("/user"); one with an empty list nowhere.
struct EventMapping {
  std::map<std::string, std::vector<std::string>> fields;  // contract field -> pointers
  std::string each;                                        // pointer of an array, or empty
  TimeUnit ts_unit = TimeUnit::kMilliseconds;
  std::map<std::string, std::string> types;  // their name -> ours or "ignore"; "*" for the rest
  bool user_in_entry = false;                // `user` may be read in the entry (re-keyed input)
  std::int64_t max_future_ms = 600'000;      // an event this far after its record is refused
};

// What one record turned into. No events: all of them were of ignored types.
struct DecodedRecord {
  std::vector<Event> events;  // in order; all of one user unless user_in_entry
  std::uint32_t ignored_count = 0;
};

class EventCodec {
 public:
  // Errors: kStop naming the field, pointer or type at fault.
  [[nodiscard]] static Result<EventCodec> create(const EventMapping& mapping);

  EventCodec(EventCodec&&) noexcept;
  EventCodec& operator=(EventCodec&&) noexcept;
  ~EventCodec();

  // Errors: kSkip, with one of event_reasons().
  [[nodiscard]] Result<DecodedRecord> decode(const SourceRecord& record);

 private:
  struct Impl;
  explicit EventCodec(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The contract's own shape, one line without a newline. decode() gives the event back, all but
// record_time, for fields that its type has.
[[nodiscard]] std::string encode_event(const Event& event);

// Every reason decode() can give, with one sentence each: the documentation's table.
struct Reason {
  std::string_view name;
  std::string_view meaning;
};
[[nodiscard]] const std::vector<Reason>& event_reasons();

}  // namespace fovea::ingest
