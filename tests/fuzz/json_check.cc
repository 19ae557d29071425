#include "tests/fuzz/json_check.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "ingest/file_source.h"
#include "tests/fuzz/contract_oracle.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

[[noreturn]] void disagree(const std::string& codec, const std::string& oracle) {
  std::fprintf(stderr, "the codec says \"%s\", the oracle \"%s\"\n", codec.c_str(), oracle.c_str());
  std::abort();
}

// Accepted or refused alike; true if accepted.
template <class T>
bool same_verdict(const Result<T>& decoded, const std::string& expected,
                  const std::vector<ingest::Reason>& known) {
  const std::string reason = decoded ? "" : decoded.error().reason;
  if (!decoded) {
    FOVEA_ASSERT(decoded.error().disposition == Disposition::kSkip);
    FOVEA_ASSERT(!decoded.error().message.empty());
    FOVEA_ASSERT(std::any_of(known.begin(), known.end(),
                             [&](const ingest::Reason& one) { return one.name == reason; }));
  }
  if (comparable(reason) != expected) disagree(reason, expected);
  return decoded.has_value();
}

void check_event_survives(const Event& event) {
  static ingest::EventCodec plain = *ingest::EventCodec::create({});
  ingest::SourceRecord record;
  record.record_time = ingest::kNoRecordTime;
  record.value = ingest::encode_event(event);
  const auto again = plain.decode(record);
  if (!again) disagree(again.error().message, "what it wrote: " + *record.value);
  FOVEA_ASSERT(again->events.size() == 1 && again->ignored_count == 0);
  Event expected = event;
  expected.record_time = record.record_time;
  FOVEA_ASSERT(equal(again->events[0], expected));
}

void check_item_survives(const Item& item, const ingest::ItemContract& contract) {
  ingest::ItemCodec codec = *ingest::ItemCodec::create(contract);
  ingest::SourceRecord record;
  record.value = ingest::encode_item(item);
  // Escapes can make a record longer than it came.
  if (record.value->size() > 64 * 1024) return;
  const auto again = codec.decode(record);
  if (!again) disagree(again.error().message, "what it wrote: " + *record.value);
  FOVEA_ASSERT(again->item == item);
}

}  // namespace

void check_event_record(ingest::EventCodec& codec, const ingest::EventMapping& mapping,
                        const ingest::SourceRecord& record) {
  const auto decoded = codec.decode(record);
  const EventAnswer answer = decode_event_slowly(mapping, record);
  if (answer.unsure) return;
  if (!same_verdict(decoded, answer.reason, ingest::event_reasons())) return;
  FOVEA_ASSERT(decoded->ignored_count == answer.ignored_count);
  FOVEA_ASSERT(std::equal(decoded->events.begin(), decoded->events.end(), answer.events.begin(),
                          answer.events.end(), equal));
  for (const Event& event : decoded->events) check_event_survives(event);
}

void check_item_record(ingest::ItemCodec& codec, const ingest::ItemContract& contract,
                       const ingest::SourceRecord& record) {
  const auto decoded = codec.decode(record);
  const ItemAnswer answer = decode_item_slowly(contract, record);
  if (answer.unsure) return;
  if (!same_verdict(decoded, answer.reason, ingest::item_reasons())) return;
  FOVEA_ASSERT(*decoded == answer.change);
  if (!decoded->removed) check_item_survives(decoded->item, contract);
}

std::string_view take_line(std::string_view& text) {
  const std::string_view line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(text.size(), line.size() + 1));
  return line;
}

TimeMs take_record_time(std::string_view& text) {
  if (text.empty() || text.front() != '@') return ingest::kNoRecordTime;
  const std::string_view line = take_line(text).substr(1);
  std::int64_t ms = value(ingest::kNoRecordTime);
  std::from_chars(line.data(), line.data() + line.size(), ms);
  return TimeMs{ms};
}

}  // namespace fovea::fuzz
