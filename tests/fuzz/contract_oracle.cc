#include "tests/fuzz/contract_oracle.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <string_view>

#include "ingest/file_source.h"
#include "ingest/keys.h"
#include "tests/fuzz/json_tree.h"
#include "tests/fuzz/slow_values.h"

namespace fovea::fuzz {
namespace {

using Kind = JsonTree::Kind;
using Reason = std::string;  // empty: all is well

constexpr std::size_t kRecordBytes = 64 * 1024;
constexpr std::size_t kTextBytes = 256;
constexpr std::int64_t kYear10000Ms = 253'402'300'800'000;
// Where exactly nesting ends is the parser's: empty containers do not count for it.
constexpr std::size_t kDepthSure = 60;
constexpr std::size_t kDepthNever = 66;

ItemRef item_of(const std::string& id) {
  return {ingest::item_key(id), id};
}

Reason read_id(const JsonTree& from, std::string& out) {
  const auto text = text_of(from);
  if (!text || text->empty()) return "bad_id";
  if (text->size() > kTextBytes) return "id_too_long";
  out = *text;
  return "";
}

// What the two contracts say of any record, before its fields.
Reason read_document(const std::string& bytes, JsonTree& root, bool& unsure) {
  if (bytes.size() > kRecordBytes) return kNotADocument;
  auto document = read_json_slowly(bytes);
  if (!document) return kNotADocument;
  if (document->depth > kDepthNever) return kNotADocument;
  unsure = unsure || document->depth > kDepthSure;
  if (document->root.kind != Kind::kObject) return "not_an_object";
  root = std::move(document->root);
  return "";
}

// Fields of a flat object that are not null, the first of each name.
std::vector<std::pair<std::string, const JsonTree*>> given_fields(const JsonTree& object) {
  std::vector<std::pair<std::string, const JsonTree*>> given;
  for (std::size_t i = 0; i < object.names.size(); ++i) {
    const std::string& name = object.names[i];
    const bool repeated = std::any_of(given.begin(), given.end(),
                                      [&](const auto& known) { return known.first == name; });
    if (!object.entries[i].is_null() && !repeated) given.emplace_back(name, &object.entries[i]);
  }
  return given;
}

// Numbers and strings by name: an event's context, an item's attributes.
template <class Out>
Reason read_flat(const JsonTree& from, const Reason& reason, std::size_t count_max, bool& unsure,
                 Out add) {
  if (from.kind != Kind::kObject) return reason;
  std::size_t count = 0;
  for (const auto& [name, value] : given_fields(from)) {
    if (name.empty() || name.size() > kTextBytes || ++count > count_max) return reason;
    if (value->kind == Kind::kText) {
      if (value->text.size() > kTextBytes) return reason;
      add(name, value->text);
    } else if (const auto number = number_of(*value, unsure)) {
      add(name, *number);
    } else {
      return reason;
    }
  }
  return "";
}

// ---- pointers ----

std::vector<std::string> tokens_of(std::string_view pointer) {
  std::vector<std::string> tokens;
  while (!pointer.empty()) {
    pointer.remove_prefix(1);
    std::string token(pointer.substr(0, pointer.find('/')));
    pointer.remove_prefix(token.size());
    // RFC 6901, section 4: first every ~1, then every ~0.
    for (const auto& [from, to] : {std::pair{"~1", "/"}, std::pair{"~0", "~"}}) {
      for (std::size_t at = token.find(from); at != std::string::npos; at = token.find(from, at)) {
        token.replace(at++, 2, to);
      }
    }
    tokens.push_back(std::move(token));
  }
  return tokens;
}

const JsonTree* step(const JsonTree& at, const std::string& token) {
  if (at.kind == Kind::kObject) return at.first(token);
  if (at.kind != Kind::kArray || token.empty() || token.size() > 9) return nullptr;
  if (token.find_first_not_of("0123456789") != std::string::npos) return nullptr;
  if (token.size() > 1 && token[0] == '0') return nullptr;
  const auto index = static_cast<std::size_t>(std::stoul(token));
  return index < at.entries.size() ? &at.entries[index] : nullptr;
}

const JsonTree* follow(const JsonTree* at, const std::vector<std::string>& tokens) {
  for (const std::string& token : tokens) {
    if (at == nullptr || at->is_null()) return nullptr;
    at = step(*at, token);
  }
  return at == nullptr || at->is_null() ? nullptr : at;
}

struct Found {
  const JsonTree* value = nullptr;
  bool in_entry = false;
  std::vector<std::string> tail;  // behind the star of `items`
  explicit operator bool() const { return value != nullptr; }
};

class SlowEventDecoder {
 public:
  SlowEventDecoder(const ingest::EventMapping& mapping, const ingest::SourceRecord& record,
                   EventAnswer& answer)
      : mapping_(mapping), record_(record), answer_(answer) {}

  Reason decode(const JsonTree& root) {
    root_ = &root;
    const JsonTree* each =
        mapping_.each.empty() ? nullptr : follow(root_, tokens_of(mapping_.each));
    if (each == nullptr) return decode_event(std::nullopt);
    if (!type_in_entry()) {
      std::optional<EventType> type;
      if (const Reason reason = read_type(type); !reason.empty()) return reason;
      if (!type || *type == EventType::kImpression) return decode_event(std::nullopt);
    }
    if (each->kind != Kind::kArray) return "bad_each";
    if (each->entries.empty()) return "no_events";
    for (std::size_t i = 0; i < each->entries.size(); ++i) {
      entry_ = &each->entries[i];
      if (const Reason reason = decode_event(i); !reason.empty()) return reason;
    }
    return "";
  }

 private:
  [[nodiscard]] std::vector<std::string> pointers(const std::string& field) const {
    const auto mapped = mapping_.fields.find(field);
    if (mapped == mapping_.fields.end()) return {"/" + field};
    return mapped->second;
  }

  [[nodiscard]] bool type_in_entry() const {
    const auto all = pointers("type");
    return std::any_of(all.begin(), all.end(),
                       [](const std::string& pointer) { return pointer[0] == '@'; });
  }

  [[nodiscard]] Found find(const std::string& field) const {
    for (std::string pointer : pointers(field)) {
      Found found;
      found.in_entry = pointer[0] == '@';
      if (found.in_entry) pointer.erase(0, 1);
      auto tokens = tokens_of(pointer);
      if (field == "items") {
        const auto star = std::find(tokens.begin(), tokens.end(), "*");
        if (star != tokens.end()) {
          found.tail.assign(star + 1, tokens.end());
          tokens.erase(star, tokens.end());
        }
      }
      found.value = follow(found.in_entry ? entry_ : root_, tokens);
      if (found) return found;
    }
    return {};
  }

  Reason read_type(std::optional<EventType>& out) const {
    const Found found = find("type");
    if (!found) return "missing_type";
    if (found.value->kind != Kind::kText) return "bad_type";
    const auto& types = mapping_.types;
    auto listed = types.find(found.value->text);
    // A star in the record is no name of ours, unless the table's star takes all.
    if (listed == types.end()) listed = types.find("*");
    if (listed != types.end()) {
      out = listed->second == "ignore" ? std::nullopt : event_type(listed->second);
      return "";
    }
    out = event_type(found.value->text);
    return out ? "" : "unknown_type";
  }

  Reason read_optional_id(const std::string& field, std::string& out) const {
    const Found found = find(field);
    return found ? read_id(*found.value, out) : "";
  }

  Reason read_time(Event& event) {
    const std::int64_t record_ms = value(record_.record_time);
    const bool judged = record_ms >= 0 && record_ms < kYear10000Ms;
    event.record_time = judged ? record_.record_time : ingest::kNoRecordTime;
    const Found found = find("ts");
    if (!found) {
      event.event_time = event.record_time;
      return judged ? "" : "missing_timestamp";
    }
    const auto time = time_of(*found.value, mapping_.ts_unit, answer_.unsure);
    if (!time) return "bad_timestamp";
    event.event_time = *time;
    return judged && value(*time) - record_ms > mapping_.max_future_ms ? "future_timestamp" : "";
  }

  Reason read_items(const Found& found, std::vector<ItemRef>& out) const {
    if (found.value->kind != Kind::kArray) return "bad_items";
    for (const JsonTree& entry : found.value->entries) {
      const JsonTree* at = &entry;
      for (const std::string& token : found.tail) {
        at = at != nullptr && at->kind == Kind::kObject ? at->first(token) : nullptr;
      }
      if (out.size() == 1000 || at == nullptr || at->is_null()) return "bad_items";
      std::string id;
      if (const Reason reason = read_id(*at, id); !reason.empty()) return reason;
      out.push_back(item_of(id));
    }
    return "";
  }

  static Reason read_filter(const JsonTree& from, Event& event) {
    if (from.kind != Kind::kObject) return "bad_filter";
    for (const auto& [name, value] : given_fields(from)) {
      const auto text = text_of(*value);
      const bool good = !name.empty() && name.size() <= kTextBytes && text && !text->empty() &&
                        text->size() <= kTextBytes;
      if (!good || event.filter.size() == 16) return "bad_filter";
      event.filter.emplace_back(name, *text);
    }
    return "";
  }

  Reason read_fields_of_type(Event& event) {
    if (event.type == EventType::kSearch || event.type == EventType::kRequest) {
      if (const Found found = find("query")) {
        const auto text = text_of(*found.value);
        if (!text) return "bad_query";
        event.query = *text;
      }
    }
    if (event.type == EventType::kSearch && event.query.empty()) return "missing_query";
    if (event.type == EventType::kImpression) {
      if (const Reason r = read_optional_id("slate", event.slate); !r.empty()) return r;
      if (const Found found = find("items")) {
        if (const Reason r = read_items(found, event.items); !r.empty()) return r;
      }
      if (event.items.empty()) return "missing_items";
    }
    if (event.type == EventType::kRequest) {
      if (const Reason r = read_optional_id("request_id", event.request_id); !r.empty()) return r;
      if (const Found found = find("k")) {
        const auto k = integer_of(*found.value);
        if (!k || *k < 1 || *k > 1000) return "bad_k";
        event.k = static_cast<std::int32_t>(*k);
      }
      if (const Found found = find("filter")) return read_filter(*found.value, event);
    }
    if (event.type == EventType::kIdentify) {
      if (!find("as")) return "missing_as";
      return read_optional_id("as", event.as);
    }
    return "";
  }

  Reason decode_event(std::optional<std::size_t> entry) {
    std::optional<EventType> type;
    if (const Reason r = read_type(type); !r.empty()) return r;
    if (!type) {
      ++answer_.ignored_count;
      return "";
    }
    if (answer_.events.size() == 256) return "too_many_events";
    Event& event = answer_.events.emplace_back();
    event.type = *type;
    if (!find("user")) return "missing_user";
    if (const Reason r = read_optional_id("user", event.user.value); !r.empty()) return r;
    constexpr std::array kWithoutItem = {EventType::kSearch, EventType::kImpression,
                                         EventType::kRequest, EventType::kIdentify,
                                         EventType::kForget};
    if (std::find(kWithoutItem.begin(), kWithoutItem.end(), *type) == kWithoutItem.end()) {
      if (!find("item")) return "missing_item";
      std::string id;
      if (const Reason r = read_optional_id("item", id); !r.empty()) return r;
      event.item = item_of(id);
    }
    if (const Reason r = read_time(event); !r.empty()) return r;
    if (const Found found = find("id")) {
      if (const Reason r = read_id(*found.value, event.id); !r.empty()) return r;
      if (entry && !found.in_entry) event.id += "#" + std::to_string(*entry);
      if (event.id.size() > kTextBytes) return "id_too_long";
    }
    if (const Found found = find("value")) {
      const auto number = number_of(*found.value, answer_.unsure);
      if (!number || std::abs(*number) >= 0x1.ffffffp127) {
        return "bad_value";
      }
      event.value = static_cast<float>(*number);
    }
    if (const Reason r = read_optional_id("session", event.session); !r.empty()) return r;
    if (const Found found = find("context")) {
      const Reason reason = read_flat(*found.value, "bad_context", 16, answer_.unsure,
                                      [&](const std::string& name, auto value) {
                                        event.context.push_back({name, value});
                                      });
      if (!reason.empty()) return reason;
    }
    return read_fields_of_type(event);
  }

  const ingest::EventMapping& mapping_;
  const ingest::SourceRecord& record_;
  EventAnswer& answer_;
  const JsonTree* root_ = nullptr;
  const JsonTree* entry_ = nullptr;
};

// ---- items ----

const JsonTree* field(const JsonTree& object, std::string_view name) {
  const JsonTree* found = object.first(name);
  return found == nullptr || found->is_null() ? nullptr : found;
}

Reason read_texts(const JsonTree& object, const std::string& name, std::size_t count_max,
                  std::vector<std::string>& out) {
  const JsonTree* from = field(object, name);
  if (from == nullptr) return "";
  if (from->kind != Kind::kArray || from->entries.size() > count_max) return "bad_" + name;
  for (const JsonTree& entry : from->entries) {
    const auto text = text_of(entry);
    if (!text || text->empty() || text->size() > kTextBytes) return "bad_" + name;
    out.push_back(*text);
  }
  return "";
}

Reason read_vectors(const JsonTree& from, const ingest::ItemContract& contract, bool& unsure,
                    Item& item) {
  if (from.kind != Kind::kObject) return "bad_vectors";
  for (const auto& [name, value] : given_fields(from)) {
    const auto declared = contract.vector_dims.find(name);
    if (declared == contract.vector_dims.end()) return "undeclared_vector";
    if (value->kind != Kind::kArray) return "bad_vectors";
    if (value->entries.size() != static_cast<std::size_t>(declared->second)) {
      return "vector_dimension";
    }
    auto& vector = item.vectors.emplace_back(name, std::vector<float>{}).second;
    for (const JsonTree& entry : value->entries) {
      const auto number = number_of(entry, unsure);
      if (!number) return entry.kind == Kind::kText ? "vector_not_finite" : "bad_vectors";
      if (std::abs(*number) >= 0x1.ffffffp127) return "vector_not_finite";
      vector.push_back(static_cast<float>(*number));
    }
  }
  return "";
}

Reason read_item(const JsonTree& object, const ingest::ItemContract& contract, bool& unsure,
                 Item& item) {
  const JsonTree* id = field(object, "id");
  if (id == nullptr) return "missing_id";
  std::string text;
  if (const Reason r = read_id(*id, text); !r.empty()) return r;
  item.item = item_of(text);
  for (const auto& [name, out] : {std::pair{"title", &item.title}, std::pair{"text", &item.text}}) {
    const JsonTree* from = field(object, name);
    const auto found = from == nullptr ? std::string() : text_of(*from);
    if (!found) return std::string("bad_") + name;
    *out = *found;
  }
  if (const Reason r = read_texts(object, "categories", 64, item.categories); !r.empty()) return r;
  if (const Reason r = read_texts(object, "tags", 256, item.tags); !r.empty()) return r;
  if (const JsonTree* from = field(object, "attributes")) {
    const Reason reason = read_flat(
        *from, "bad_attributes", 64, unsure,
        [&](const std::string& name, auto value) { item.attributes.emplace_back(name, value); });
    if (!reason.empty()) return reason;
  }
  if (const JsonTree* from = field(object, "provider")) {
    const auto provider = text_of(*from);
    if (!provider || provider->empty() || provider->size() > kTextBytes) return "bad_provider";
    item.provider = *provider;
  }
  if (const JsonTree* from = field(object, "published_at")) {
    item.published_at = time_of(*from, ingest::TimeUnit::kMilliseconds, unsure);
    if (!item.published_at) return "bad_published_at";
  }
  if (const JsonTree* from = field(object, "available")) {
    if (from->kind != Kind::kFlag) return "bad_available";
    item.available = from->flag;
  }
  const JsonTree* vectors = field(object, "vectors");
  return vectors == nullptr ? "" : read_vectors(*vectors, contract, unsure, item);
}

}  // namespace

EventAnswer decode_event_slowly(const ingest::EventMapping& mapping,
                                const ingest::SourceRecord& record) {
  EventAnswer answer;
  if (!record.value) {
    answer.reason = "no_value";
    return answer;
  }
  JsonTree root;
  answer.reason = read_document(*record.value, root, answer.unsure);
  if (answer.reason.empty()) answer.reason = SlowEventDecoder(mapping, record, answer).decode(root);
  return answer;
}

ItemAnswer decode_item_slowly(const ingest::ItemContract& contract,
                              const ingest::SourceRecord& record) {
  ItemAnswer answer;
  if (!record.value) {
    const std::string key = record.key.value_or("");
    if (key.empty()) answer.reason = "missing_key";
    if (key.size() > kTextBytes) answer.reason = "id_too_long";
    answer.change.removed = true;
    answer.change.item.item = item_of(key);
    return answer;
  }
  JsonTree root;
  answer.reason = read_document(*record.value, root, answer.unsure);
  if (answer.reason.empty()) {
    answer.reason = read_item(root, contract, answer.unsure, answer.change.item);
  }
  return answer;
}

std::string comparable(const std::string& reason) {
  for (const char* of_bytes : {"too_large", "not_utf8", "not_json", "too_deep"}) {
    if (reason == of_bytes) return kNotADocument;
  }
  return reason;
}

bool equal(const Event& a, const Event& b) {
  return a.user == b.user && a.type == b.type && a.item == b.item && a.event_time == b.event_time &&
         a.record_time == b.record_time && a.id == b.id && a.value == b.value &&
         a.query == b.query && a.session == b.session && a.slate == b.slate && a.items == b.items &&
         a.context == b.context && a.request_id == b.request_id && a.k == b.k &&
         a.filter == b.filter && a.as == b.as;
}

}  // namespace fovea::fuzz
