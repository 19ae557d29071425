#include "ingest/event_codec.h"
#include "ingest/item_codec.h"

namespace fovea::ingest {

// README.md holds both tables; a test compares them with these.

const std::vector<Reason>& event_reasons() {
  static const std::vector<Reason> kReasons = {
      {"no_value", "the record is a tombstone"},
      {"too_large", "the record is larger than 64 KiB"},
      {"not_utf8", "the record is not UTF-8"},
      {"not_json", "the record is not one JSON document"},
      {"too_deep", "the document is nested beyond 64 levels"},
      {"not_an_object", "the document is not an object"},
      {"missing_type", "`type` is absent"},
      {"bad_type", "`type` is not a string"},
      {"unknown_type", "`type` is neither one of ours nor listed in `[events.types]`"},
      {"bad_each", "what `each` names is not an array"},
      {"no_events", "the array that `each` names is empty"},
      {"too_many_events", "the record stands for more than 256 events"},
      {"missing_user", "`user` is absent"},
      {"missing_item", "`item` is absent, and the type has one"},
      {"bad_id", "an id is empty, or neither a string nor an integer"},
      {"id_too_long", "an id is longer than 256 bytes"},
      {"missing_timestamp", "`ts` is absent, and the record has no timestamp of its own"},
      {"bad_timestamp",
       "`ts` is neither a number in the configured unit nor RFC 3339, or outside "
       "1970..9999"},
      {"future_timestamp", "`ts` is further after the record's own timestamp than allowed"},
      {"bad_value", "`value` is not a finite number"},
      {"bad_context",
       "`context` is not a flat object of at most 16 numbers and strings, names and "
       "strings up to 256 bytes"},
      {"bad_query", "`query` is not a string"},
      {"missing_query", "a search has no `query`"},
      {"bad_items", "`items` is not an array of at most 1000 ids"},
      {"missing_items", "an impression has no `items`"},
      {"bad_k", "`k` is not an integer from 1 to 1000"},
      {"bad_filter", "`filter` is not an object of at most 16 strings of 1 to 256 bytes"},
      {"missing_as", "an identify has no `as`"},
  };
  return kReasons;
}

const std::vector<Reason>& item_reasons() {
  static const std::vector<Reason> kReasons = {
      {"too_large", "the record is larger than 64 KiB"},
      {"not_utf8", "the record is not UTF-8"},
      {"not_json", "the record is not one JSON document"},
      {"too_deep", "the document is nested beyond 64 levels"},
      {"not_an_object", "the document is not an object"},
      {"missing_id", "`id` is absent"},
      {"missing_key", "a tombstone has no key that says which item it removes"},
      {"bad_id", "`id` is empty, or neither a string nor an integer"},
      {"id_too_long", "`id` or a tombstone's key is longer than 256 bytes"},
      {"bad_title", "`title` is not a string"},
      {"bad_text", "`text` is not a string"},
      {"bad_categories", "`categories` is not an array of at most 64 strings of 1 to 256 bytes"},
      {"bad_tags", "`tags` is not an array of at most 256 strings of 1 to 256 bytes"},
      {"bad_attributes",
       "`attributes` is not a flat object of at most 64 numbers and strings, names "
       "and strings up to 256 bytes"},
      {"bad_provider", "`provider` is not a string of 1 to 256 bytes"},
      {"bad_published_at",
       "`published_at` is neither milliseconds since the epoch nor RFC 3339, or "
       "outside 1970..9999"},
      {"bad_available", "`available` is neither true nor false"},
      {"bad_vectors", "`vectors` is not an object of arrays of numbers"},
      {"undeclared_vector", "a vector's name is not declared in the topology"},
      {"vector_dimension", "a vector has not the declared number of values"},
      {"vector_not_finite", "a vector's value is not finite as a 32-bit float"},
  };
  return kReasons;
}

}  // namespace fovea::ingest
