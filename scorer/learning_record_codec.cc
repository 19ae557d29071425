#include "scorer/learning_record_codec.h"

#include <cmath>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "scorer/bytes.h"
#include "scorer/own_items.h"

namespace fovea::scorer {
namespace {

// First byte of every record; a change of layout takes the next number. Numbers end below the
// printable characters, so that text which strayed into the log is not taken for a newer version.
constexpr std::uint8_t kVersion = 1;
constexpr std::uint8_t kLastVersion = 31;

Error garbage(std::string message) {
  return skip("learning_record", std::move(message));
}

enum class Kind : std::uint8_t { kExample = 1, kItemChange = 2, kMark = 3 };

enum ExampleFlag : std::uint8_t { kPositive = 1, kCountOnly = 2 };
enum ItemFlag : std::uint8_t { kRemoved = 1, kAvailable = 2, kPublished = 4 };

void encode_value(const std::variant<double, std::string>& value, ByteWriter& out) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    out.fixed<std::uint8_t>(1);
    out.text(*text);
  } else {
    out.fixed<std::uint8_t>(0);
    out.fixed(std::get<double>(value));
  }
}

std::variant<double, std::string> decode_value(ByteReader& in) {
  if (in.fixed<std::uint8_t>() != 0) return in.text();
  const auto number = in.fixed<double>();
  if (!std::isfinite(number)) in.fail();
  return number;
}

// Ages and counts that no encoder writes are refused, so that nothing downstream meets them.
std::int64_t checked_age(std::int64_t age_ms, ByteReader& in) {
  if (age_ms < 0) in.fail();
  return age_ms;
}

std::uint32_t decode_count(ByteReader& in) {
  const std::uint64_t count = in.varint();
  if (count > UINT32_MAX) in.fail();
  return static_cast<std::uint32_t>(count);
}

// An own item is named by its latest place in the history where it has one: 1 + the distance from
// the newest entry, then 1 + the distance into the older ones; 0 is followed by the key. Its age is
// written only where the history does not tell it.
constexpr std::uint8_t kAgeFollows = 0x80;

std::uint64_t place_of(const Example& example, ItemKey item) {
  const std::size_t n = example.history.size();
  for (std::size_t k = 0; k < n; ++k) {
    if (example.history[n - 1 - k].item == item) return 1 + k;
  }
  const std::size_t older = example.older_history.size();
  for (std::size_t k = 0; k < older; ++k) {
    if (example.older_history[older - 1 - k] == item) return 1 + n + k;
  }
  return 0;
}

void encode_own_items(const Example& example, ByteWriter& out) {
  const std::size_t n = example.history.size();
  out.varint(example.own_items.size());
  for (const ExampleOwnItem& own : example.own_items) {
    const std::uint64_t place = place_of(example, own.item);
    const bool age_known =
        place >= 1 && place <= n && example.history[n - place].age_ms == own.age_ms;
    out.varint(place);
    if (place == 0) out.fixed(value(own.item));
    out.fixed(static_cast<std::uint8_t>(own.lag_class | (age_known ? 0 : kAgeFollows)));
    if (!age_known) out.zigzag(own.age_ms);
    out.varint(own.count);
  }
}

void decode_own_items(ByteReader& in, Example& example) {
  const std::size_t n = example.history.size();
  const std::size_t older = example.older_history.size();
  example.own_items.resize(in.count(3));
  for (ExampleOwnItem& own : example.own_items) {
    const std::uint64_t place = in.varint();
    if (place == 0) {
      own.item = ItemKey{in.fixed<std::uint64_t>()};
    } else if (place <= n) {
      own.item = example.history[n - place].item;
    } else if (place <= n + older) {
      own.item = example.older_history[older - (place - n)];
    } else {
      in.fail();
    }
    const auto lag = in.fixed<std::uint8_t>();
    own.lag_class = lag & static_cast<std::uint8_t>(~kAgeFollows);
    if (own.lag_class >= kLagClasses) in.fail();
    if ((lag & kAgeFollows) != 0) {
      own.age_ms = checked_age(in.zigzag(), in);
    } else if (place >= 1 && place <= n) {
      own.age_ms = example.history[n - place].age_ms;
    } else {
      in.fail();
    }
    own.count = decode_count(in);
    if (in.failed()) return;
  }
}

void encode_example(const Example& example, ByteWriter& out) {
  out.fixed(value(example.user));
  out.fixed(value(example.item.key));
  out.text(example.item.id);
  out.fixed(value(example.time));
  out.fixed(static_cast<std::uint8_t>(example.type));
  out.fixed(example.strength);
  out.fixed(static_cast<std::uint8_t>((example.positive ? kPositive : 0) |
                                      (example.count_only ? kCountOnly : 0)));
  out.varint(example.context.size());
  for (const ContextField& field : example.context) {
    out.text(field.name);
    encode_value(field.value, out);
  }
  out.varint(example.history_length);
  out.varint(example.history.size());
  // Ages fall towards the newest: differences are short.
  std::int64_t age_before = 0;
  for (const ExampleHistoryEntry& entry : example.history) {
    out.fixed(value(entry.item));
    out.zigzag(age_before - entry.age_ms);
    age_before = entry.age_ms;
  }
  out.varint(example.older_history.size());
  for (const ItemKey key : example.older_history) out.fixed(value(key));
  encode_own_items(example, out);
  out.text(example.seen_filter);
}

Example decode_example(ByteReader& in) {
  Example example;
  example.user = UserKey{in.fixed<std::uint64_t>()};
  example.item.key = ItemKey{in.fixed<std::uint64_t>()};
  example.item.id = in.text();
  example.time = TimeMs{in.fixed<std::int64_t>()};
  const auto type = in.fixed<std::uint8_t>();
  if (type >= kEventTypeNames.size()) in.fail();
  example.type = static_cast<EventType>(type);
  example.strength = in.fixed<float>();
  if (!std::isfinite(example.strength)) in.fail();
  const auto flags = in.fixed<std::uint8_t>();
  example.positive = (flags & kPositive) != 0;
  example.count_only = (flags & kCountOnly) != 0;
  example.context.resize(in.count(2));
  for (ContextField& field : example.context) {
    field.name = in.text();
    field.value = decode_value(in);
  }
  example.history_length = decode_count(in);
  example.history.resize(in.count(sizeof(std::uint64_t) + 1));
  std::int64_t age_before = 0;
  for (ExampleHistoryEntry& entry : example.history) {
    entry.item = ItemKey{in.fixed<std::uint64_t>()};
    // Unsigned: a corrupt difference must not overflow.
    const auto age =
        static_cast<std::uint64_t>(age_before) - static_cast<std::uint64_t>(in.zigzag());
    entry.age_ms = checked_age(static_cast<std::int64_t>(age), in);
    age_before = entry.age_ms;
  }
  example.older_history.resize(in.count(sizeof(std::uint64_t)));
  for (ItemKey& key : example.older_history) key = ItemKey{in.fixed<std::uint64_t>()};
  decode_own_items(in, example);
  example.seen_filter = in.text();
  return example;
}

void encode_item_change(const ItemChange& change, ByteWriter& out) {
  const Item& item = change.item;
  out.fixed(value(item.item.key));
  out.text(item.item.id);
  out.fixed(static_cast<std::uint8_t>((change.removed ? kRemoved : 0) |
                                      (item.available ? kAvailable : 0) |
                                      (item.published_at ? kPublished : 0)));
  out.text(item.title);
  out.text(item.text);
  out.text(item.provider);
  for (const auto* list : {&item.categories, &item.tags}) {
    out.varint(list->size());
    for (const std::string& entry : *list) out.text(entry);
  }
  out.varint(item.attributes.size());
  for (const auto& [name, attribute] : item.attributes) {
    out.text(name);
    encode_value(attribute, out);
  }
  if (item.published_at) out.fixed(value(*item.published_at));
  out.varint(item.vectors.size());
  for (const auto& [name, vector] : item.vectors) {
    out.text(name);
    out.array(vector);
  }
}

ItemChange decode_item_change(ByteReader& in) {
  ItemChange change;
  Item& item = change.item;
  item.item.key = ItemKey{in.fixed<std::uint64_t>()};
  item.item.id = in.text();
  const auto flags = in.fixed<std::uint8_t>();
  change.removed = (flags & kRemoved) != 0;
  item.available = (flags & kAvailable) != 0;
  item.title = in.text();
  item.text = in.text();
  item.provider = in.text();
  for (auto* list : {&item.categories, &item.tags}) {
    list->resize(in.count());
    for (std::string& entry : *list) entry = in.text();
  }
  item.attributes.resize(in.count(2));
  for (auto& [name, attribute] : item.attributes) {
    name = in.text();
    attribute = decode_value(in);
  }
  if ((flags & kPublished) != 0) item.published_at = TimeMs{in.fixed<std::int64_t>()};
  item.vectors.resize(in.count(2));
  for (auto& [name, vector] : item.vectors) {
    name = in.text();
    in.array(vector);
    for (const float x : vector) {
      if (!std::isfinite(x)) in.fail();
    }
  }
  return change;
}

}  // namespace

std::string encode_learning_record(const LearningRecord& record) {
  ByteWriter out;
  out.fixed(kVersion);
  const auto head = [&](Kind kind) {
    out.fixed(static_cast<std::uint8_t>(kind));
    if (kind == Kind::kMark) return;
    out.text(record.source.topic);
    out.fixed(record.source.partition);
    out.fixed(record.source.offset);
    out.fixed(record.source.ordinal);
  };
  if (const auto* example = std::get_if<Example>(&record.body)) {
    head(Kind::kExample);
    encode_example(*example, out);
  } else if (const auto* change = std::get_if<ItemChange>(&record.body)) {
    head(Kind::kItemChange);
    encode_item_change(*change, out);
  } else {
    const Mark& mark = std::get<Mark>(record.body);
    head(Kind::kMark);
    out.text(mark.process);
    out.fixed(mark.model_id);
    out.fixed(mark.position);
    out.fixed(mark.digest);
    out.varint(mark.lag_records);
  }
  return out.take();
}

Result<LearningRecord> decode_learning_record(std::string_view bytes) {
  ByteReader in(bytes);
  const auto version = in.fixed<std::uint8_t>();
  if (in.failed()) return garbage("empty learning record");
  if (version > kVersion && version <= kLastVersion) {
    return stop(fmt::format("learning record of version {}: this build reads up to version {}",
                            version, kVersion));
  }
  if (version != kVersion) {
    return garbage(fmt::format("a record that begins with byte {} is no learning record", version));
  }
  const auto kind = static_cast<Kind>(in.fixed<std::uint8_t>());
  LearningRecord record;
  if (kind == Kind::kExample || kind == Kind::kItemChange) {
    record.source.topic = in.text();
    record.source.partition = in.fixed<Partition>();
    record.source.offset = in.fixed<Offset>();
    record.source.ordinal = in.fixed<std::uint16_t>();
  }
  switch (kind) {
    case Kind::kExample:
      record.body = decode_example(in);
      break;
    case Kind::kItemChange:
      record.body = decode_item_change(in);
      break;
    case Kind::kMark: {
      Mark mark;
      mark.process = in.text();
      mark.model_id = in.fixed<std::uint64_t>();
      mark.position = in.fixed<Offset>();
      mark.digest = in.fixed<std::uint64_t>();
      mark.lag_records = in.varint();
      record.body = std::move(mark);
      break;
    }
    default:
      return garbage(fmt::format("learning record of unknown kind {}", static_cast<int>(kind)));
  }
  if (!in.at_end()) return garbage("learning record is truncated or has bytes left over");
  return record;
}

}  // namespace fovea::scorer
