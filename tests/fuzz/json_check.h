#pragma once

// What every decoded event and item has to do, in whatever target it was decoded.

#include <string_view>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "ingest/source.h"

namespace fovea::fuzz {

// Codec and oracle agree on the record: accepted or refused, for which reason, with which values;
// and what was accepted survives being written and read. Stops the process where not.
void check_event_record(ingest::EventCodec& codec, const ingest::EventMapping& mapping,
                        const ingest::SourceRecord& record);
void check_item_record(ingest::ItemCodec& codec, const ingest::ItemContract& contract,
                       const ingest::SourceRecord& record);

// Takes the first line, without its newline.
[[nodiscard]] std::string_view take_line(std::string_view& text);

// "@1700000000000\n" in front of a record is its timestamp; without it the record has none.
[[nodiscard]] TimeMs take_record_time(std::string_view& text);

}  // namespace fovea::fuzz
