#include "ingest/event_codec.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <iterator>

#include "ingest/event_fields.h"
#include "ingest/event_mapping.h"
#include "ingest/file_source.h"
#include "ingest/json_access.h"
#include "ingest/keys.h"
#include "ingest/timestamp.h"
#include "vocab/assert.h"

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kEventsMax = 256;
constexpr std::int64_t kSlateSizeMax = 1000;

// All pointers of a mapping as one tree of keys: a record is walked once, only where a pointer
// leads, however many fields and alternatives there are.
class PointerTree {
 public:
  // The slot that read() fills for the pointer; equal pointers share one.
  std::size_t add(const std::vector<std::string>& tokens) {
    std::size_t at = 0;
    for (const std::string& token : tokens) at = child_of(at, token);
    if (nodes_[at].slot < 0) {
      nodes_[at].slot = static_cast<int>(values_.size());
      values_.emplace_back();
    }
    return static_cast<std::size_t>(nodes_[at].slot);
  }

  [[nodiscard]] bool empty() const { return values_.empty(); }

  // Lifetime: the slots' elements live as long as the parser's document.
  void read(const dom::element& root) {
    clear();
    visit(nodes_[0], root);
  }
  void clear() { std::fill(values_.begin(), values_.end(), std::nullopt); }

  // Absent where the pointer leads nowhere or to null.
  [[nodiscard]] const dom::element* at(std::size_t slot) const {
    return values_[slot] ? &*values_[slot] : nullptr;
  }

 private:
  struct Child {
    std::string token;
    std::size_t node = 0;
    std::optional<std::size_t> index;  // the token as an array index
  };
  struct Node {
    std::vector<Child> children;
    int slot = -1;
  };

  std::size_t child_of(std::size_t at, const std::string& token) {
    for (const Child& child : nodes_[at].children) {
      if (child.token == token) return child.node;
    }
    Child child{token, nodes_.size(), std::nullopt};
    std::size_t index = 0;
    const char* const end = token.data() + token.size();
    const auto [stopped, error] = std::from_chars(token.data(), end, index);
    // RFC 6901: no leading zeros.
    if (error == std::errc{} && stopped == end && (token[0] != '0' || token.size() == 1)) {
      child.index = index;
    }
    nodes_[at].children.push_back(std::move(child));
    nodes_.emplace_back();
    return nodes_.size() - 1;
  }

  void visit(const Node& node, const dom::element& value) {
    if (value.is_null()) return;
    if (node.slot >= 0) values_[static_cast<std::size_t>(node.slot)] = value;
    if (node.children.empty()) return;
    if (dom::object object; value.get(object) == simdjson::SUCCESS) {
      visit_object(node, object);
    } else if (dom::array array; value.get(array) == simdjson::SUCCESS) {
      for (const Child& child : node.children) {
        dom::element entry;
        if (child.index && array.at(*child.index).get(entry) == simdjson::SUCCESS) {
          visit(nodes_[child.node], entry);
        }
      }
    }
  }

  void visit_object(const Node& node, const dom::object& object) {
    // Of a repeated key the first counts, also where it holds null. (Beyond 64 siblings, which no
    // mapping has, the last would.)
    std::uint64_t seen = 0;
    for (const dom::key_value_pair field : object) {
      for (std::size_t i = 0; i < node.children.size(); ++i) {
        if (node.children[i].token != field.key) continue;
        const std::uint64_t bit = i < 64 ? std::uint64_t{1} << i : 0;
        if ((seen & bit) == 0) visit(nodes_[node.children[i].node], field.value);
        seen |= bit;
        break;
      }
    }
  }

  std::vector<Node> nodes_{Node{}};
  std::vector<std::optional<dom::element>> values_;
};

// Where a field may stand: a slot of one of the two trees.
struct Place {
  bool in_entry = false;
  std::size_t slot = 0;
  bool star = false;
  std::vector<std::string> tail;
};

struct Found {
  const dom::element* value = nullptr;
  const Place* place = nullptr;
  explicit operator bool() const { return value != nullptr; }
};

bool takes_item(EventType type) {
  switch (type) {
    case EventType::kSearch:
    case EventType::kImpression:
    case EventType::kRequest:
    case EventType::kIdentify:
    case EventType::kForget:
      return false;
    default:
      return true;
  }
}

}  // namespace

struct EventCodec::Impl {
  explicit Impl(const CompiledMapping& compiled) : mapping(compiled), parser(kRecordBytesMax) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      for (const FieldPointer& pointer : mapping.fields[i]) {
        PointerTree& tree = pointer.in_entry ? entry_tree : record_tree;
        places[i].push_back(
            {pointer.in_entry, tree.add(pointer.tokens), pointer.star, pointer.tail});
      }
    }
    if (mapping.each) each_slot = record_tree.add(mapping.each->tokens);
    for (const Place& place : at(Field::kType)) type_in_entry = type_in_entry || place.in_entry;
  }

  [[nodiscard]] const std::vector<Place>& at(Field field) const {
    return places[static_cast<std::size_t>(field)];
  }

  [[nodiscard]] Found find(Field field) const {
    for (const Place& place : at(field)) {
      const PointerTree& tree = place.in_entry ? entry_tree : record_tree;
      if (const dom::element* value = tree.at(place.slot)) return {value, &place};
    }
    return {};
  }

  Failure decode_object(const SourceRecord& record, DecodedRecord& out);
  Failure decode_entries(const SourceRecord& record, const dom::array& entries, DecodedRecord& out);
  Failure decode_event(const SourceRecord& record, std::optional<std::size_t> entry,
                       DecodedRecord& out);
  Failure read_target(TypeTarget& out) const;
  Failure read_event_time(const SourceRecord& record, Event& event) const;
  Failure read_fields_of_type(Event& event) const;
  Failure read_optional_id(Field field, std::string& out) const;
  Failure read_required_id(Field field, std::string_view missing, std::string& out) const;

  CompiledMapping mapping;
  std::array<std::vector<Place>, kFieldNames.size()> places;
  PointerTree record_tree;
  PointerTree entry_tree;
  std::optional<std::size_t> each_slot;
  bool type_in_entry = false;
  JsonParser parser;
};

Failure EventCodec::Impl::read_target(TypeTarget& out) const {
  const Found found = find(Field::kType);
  if (!found) return skip("missing_type", "type is missing");
  std::string_view text;
  if (found.value->get(text) != simdjson::SUCCESS) {
    return skip("bad_type", fmt::format("type {} is not a string", shown(*found.value)));
  }
  const auto target = mapping.target(text);
  if (!target) return skip("unknown_type", fmt::format("type {} is not known", quoted(text)));
  out = *target;
  return std::nullopt;
}

Failure EventCodec::Impl::read_event_time(const SourceRecord& record, Event& event) const {
  // Where the broker does not set it, a timestamp is the producer's word: one that is no time is
  // none.
  const auto record_time = time_from_integer(value(record.record_time), TimeUnit::kMilliseconds);
  const bool judged = record_time.has_value();
  event.record_time = record_time.value_or(kNoRecordTime);
  const Found found = find(Field::kTs);
  if (!found) {
    if (!judged) return skip("missing_timestamp", "ts is missing and the record has no timestamp");
    event.event_time = event.record_time;
    return std::nullopt;
  }
  const auto time = read_time(*found.value, mapping.ts_unit);
  if (!time) {
    return skip("bad_timestamp",
                fmt::format("ts {} is no time between 1970 and 9999", shown(*found.value)));
  }
  event.event_time = *time;
  const std::int64_t ahead_ms = milliseconds_between(event.record_time, *time);
  if (judged && ahead_ms > mapping.max_future_ms) {
    return skip("future_timestamp", fmt::format("ts is {} ms after its record, at most {}",
                                                ahead_ms, mapping.max_future_ms));
  }
  return std::nullopt;
}

Failure EventCodec::Impl::read_optional_id(Field field, std::string& out) const {
  if (const Found found = find(field)) return read_id(*found.value, name(field), out);
  return std::nullopt;
}

Failure EventCodec::Impl::read_required_id(Field field, std::string_view missing,
                                           std::string& out) const {
  const Found found = find(field);
  if (!found) return skip(std::string(missing), fmt::format("{} is missing", name(field)));
  return read_id(*found.value, name(field), out);
}

Failure EventCodec::Impl::read_fields_of_type(Event& event) const {
  if (event.type == EventType::kSearch || event.type == EventType::kRequest) {
    if (const Found found = find(Field::kQuery); found && !read_text(*found.value, event.query)) {
      return skip("bad_query", fmt::format("query {} is not a string", shown(*found.value)));
    }
  }
  switch (event.type) {
    case EventType::kSearch:
      if (event.query.empty()) return skip("missing_query", "search has no query");
      return std::nullopt;
    case EventType::kImpression: {
      if (auto failure = read_optional_id(Field::kSlate, event.slate)) return failure;
      const Found found = find(Field::kItems);
      if (found) {
        if (auto failure = read_items(*found.value, found.place->tail, event.items)) return failure;
      }
      if (event.items.empty()) return skip("missing_items", "impression shows no items");
      return std::nullopt;
    }
    case EventType::kRequest: {
      if (auto failure = read_optional_id(Field::kRequestId, event.request_id)) return failure;
      if (const Found found = find(Field::kK)) {
        const auto k = read_integer(*found.value);
        if (!k || *k < 1 || *k > kSlateSizeMax) {
          return skip("bad_k", fmt::format("k {} is no integer from 1 to {}", shown(*found.value),
                                           kSlateSizeMax));
        }
        event.k = static_cast<std::int32_t>(*k);
      }
      if (const Found found = find(Field::kFilter)) return read_filter(*found.value, event.filter);
      return std::nullopt;
    }
    case EventType::kIdentify:
      return read_required_id(Field::kAs, "missing_as", event.as);
    default:
      return std::nullopt;
  }
}

Failure EventCodec::Impl::decode_event(const SourceRecord& record, std::optional<std::size_t> entry,
                                       DecodedRecord& out) {
  TypeTarget target;
  if (auto failure = read_target(target)) return failure;
  if (!target) {
    ++out.ignored_count;
    return std::nullopt;
  }
  if (out.events.size() == kEventsMax) {
    return skip("too_many_events", fmt::format("record has more than {} events", kEventsMax));
  }
  Event& event = out.events.emplace_back();
  event.type = *target;
  if (auto failure = read_required_id(Field::kUser, "missing_user", event.user.value)) {
    return failure;
  }
  if (takes_item(event.type)) {
    if (auto failure = read_required_id(Field::kItem, "missing_item", event.item.id)) {
      return failure;
    }
    event.item.key = item_key(event.item.id);
  }
  if (auto failure = read_event_time(record, event)) return failure;
  if (const Found found = find(Field::kId)) {
    if (auto failure = read_id(*found.value, "id", event.id)) return failure;
    // One id for a whole basket would make its second product a repeat of the first.
    if (entry && !found.place->in_entry) {
      fmt::format_to(std::back_inserter(event.id), "#{}", *entry);
      if (event.id.size() > kIdBytesMax) {
        return skip("id_too_long", fmt::format("id with its entry is {} bytes, at most {}",
                                               event.id.size(), kIdBytesMax));
      }
    }
  }
  if (const Found found = find(Field::kValue)) {
    if (const auto number = read_number(*found.value)) event.value = nearest_float(*number);
    if (!event.value) {
      return skip("bad_value", fmt::format("value {} is no finite number", shown(*found.value)));
    }
  }
  if (auto failure = read_optional_id(Field::kSession, event.session)) return failure;
  if (const Found found = find(Field::kContext)) {
    if (auto failure = read_context(*found.value, event.context)) return failure;
  }
  return read_fields_of_type(event);
}

Failure EventCodec::Impl::decode_entries(const SourceRecord& record, const dom::array& entries,
                                         DecodedRecord& out) {
  std::size_t index = 0;
  for (const dom::element entry : entries) {
    entry_tree.read(entry);
    if (auto failure = decode_event(record, index, out)) {
      failure->message = fmt::format("entry {}: {}", index, failure->message);
      return failure;
    }
    ++index;
  }
  if (index == 0) return skip("no_events", fmt::format("the array of each has no entry"));
  return std::nullopt;
}

Failure EventCodec::Impl::decode_object(const SourceRecord& record, DecodedRecord& out) {
  const dom::element* const each = each_slot ? record_tree.at(*each_slot) : nullptr;
  if (each == nullptr) {
    entry_tree.clear();
    return decode_event(record, std::nullopt, out);
  }
  if (!type_in_entry) {
    // One type for all entries: an ignored record is ignored whatever its array holds, and an
    // impression is never split.
    TypeTarget target;
    if (auto failure = read_target(target)) return failure;
    if (!target || *target == EventType::kImpression) {
      entry_tree.clear();
      return decode_event(record, std::nullopt, out);
    }
  }
  dom::array entries;
  if (each->get(entries) != simdjson::SUCCESS) {
    return skip("bad_each", fmt::format("each names {}, not an array", shown(*each)));
  }
  return decode_entries(record, entries, out);
}

Result<EventCodec> EventCodec::create(const EventMapping& mapping) {
  auto compiled = compile(mapping);
  if (!compiled) return compiled.error();
  return EventCodec(std::make_unique<Impl>(*compiled));
}

EventCodec::EventCodec(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
EventCodec::EventCodec(EventCodec&&) noexcept = default;
EventCodec& EventCodec::operator=(EventCodec&&) noexcept = default;
EventCodec::~EventCodec() = default;

Result<DecodedRecord> EventCodec::decode(const SourceRecord& record) {
  if (!record.value) return skip("no_value", "record is a tombstone");
  const auto root = impl_->parser.parse_object(*record.value);
  if (!root) return root.error();
  impl_->record_tree.read(**root);
  DecodedRecord decoded;
  if (auto failure = impl_->decode_object(record, decoded)) return *std::move(failure);
  return decoded;
}

}  // namespace fovea::ingest
