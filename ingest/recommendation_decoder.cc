#include <fmt/format.h>
#include <simdjson.h>

#include <charconv>
#include <cmath>

#include "ingest/json_access.h"
#include "ingest/keys.h"
#include "ingest/recommendation_codec.h"

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kMessageBytesMax = 4 * 1024 * 1024;

// Reads fields of one object; keeps the name of the first that is missing or of another kind.
class ObjectReader {
 public:
  ObjectReader(const dom::element& from, std::string_view path, std::string& fault)
      : path_(path), fault_(fault) {
    if (from.get(object_) == simdjson::SUCCESS) {
      valid_ = true;
    } else {
      blame("");
    }
  }

  [[nodiscard]] bool has(std::string_view name) const { return element(name).has_value(); }

  dom::element required(std::string_view name) {
    const auto found = element(name);
    if (!found) blame(name);
    return found.value_or(dom::element{});
  }

  void text(std::string_view name, std::string& out) {
    const auto found = element(name);
    if (!found || !found->is_string() || !read_text(*found, out)) blame(name);
  }

  template <class Integer>
  void integer(std::string_view name, Integer& out) {
    const auto found = element(name);
    const auto value = found ? read_integer(*found) : std::nullopt;
    if (!value || *value != static_cast<std::int64_t>(static_cast<Integer>(*value))) {
      blame(name);
      return;
    }
    out = static_cast<Integer>(*value);
  }

  template <class Real>
  void number(std::string_view name, Real& out) {
    const auto found = element(name);
    const auto value = found && found->is_number() ? read_number(*found) : std::nullopt;
    // A double may be beyond what a float holds.
    if (!value || !std::isfinite(static_cast<Real>(*value))) {
      blame(name);
      return;
    }
    out = static_cast<Real>(*value);
  }

  void hex(std::string_view name, std::uint64_t& out) {
    std::string digits;
    text(name, digits);
    const char* const end = digits.data() + digits.size();
    const auto [stopped, error] = std::from_chars(digits.data(), end, out, 16);
    if (digits.size() != 16 || error != std::errc{} || stopped != end) blame(name);
  }

  template <class ReadEntry>
  void array(std::string_view name, ReadEntry read_entry) {
    const auto found = element(name);
    dom::array entries;
    if (!found || found->get(entries) != simdjson::SUCCESS) {
      blame(name);
      return;
    }
    for (const dom::element entry : entries) {
      if (!fault_.empty()) return;
      read_entry(entry);
    }
  }

  template <class ReadField>
  void fields(std::string_view name, ReadField read_field) {
    const auto found = element(name);
    dom::object object;
    if (!found || found->get(object) != simdjson::SUCCESS) {
      blame(name);
      return;
    }
    for (const dom::key_value_pair field : object) {
      const bool is_number = field.value.is_number();
      if (!is_number || !read_field(field.key, *read_number(field.value))) blame(name);
    }
  }

  void blame(std::string_view name) {
    if (fault_.empty()) fault_ = fmt::format("{}{}", path_, name);
  }

 private:
  [[nodiscard]] std::optional<dom::element> element(std::string_view name) const {
    dom::element found;
    if (!valid_ || object_.at_key(name).get(found) != simdjson::SUCCESS) return std::nullopt;
    return found;
  }

  std::string_view path_;
  std::string& fault_;
  dom::object object_;
  bool valid_ = false;
};

HistoryContribution read_history_event(const dom::element& from, std::string& fault) {
  ObjectReader in(from, "history.", fault);
  HistoryContribution event;
  if (in.has("item_key")) {
    std::uint64_t key = 0;
    in.hex("item_key", key);
    event.item = ItemKey{key};
  } else {
    in.text("item", event.item_id);
    event.item = item_key(event.item_id);
  }
  std::string type;
  in.text("type", type);
  if (const auto known = event_type(type)) {
    event.type = *known;
  } else {
    in.blame("type");
  }
  std::int64_t age_s = 0;
  in.integer("age_s", age_s);
  if (age_s < 0 || age_s > std::int64_t{1} << 40U) {
    in.blame("age_s");
    return event;
  }
  event.age_ms = age_s * 1000;
  in.number("attention", event.attention);
  return event;
}

Explanation read_why(const dom::element& from, const std::vector<HistoryContribution>& history,
                     std::string& fault) {
  ObjectReader in(from, "items.why.", fault);
  Explanation why;
  in.number("bias", why.bias);
  in.number("user", why.user);
  in.fields("history", [&](std::string_view key, double contribution) {
    std::size_t index = 0;
    const char* const end = key.data() + key.size();
    const auto [stopped, error] = std::from_chars(key.data(), end, index);
    if (error != std::errc{} || stopped != end || index >= history.size()) return false;
    HistoryContribution& part = why.history.emplace_back(history[index]);
    part.contribution = contribution;
    return true;
  });
  in.fields("features", [&](std::string_view key, double contribution) {
    why.features.push_back({std::string(key), contribution});
    return true;
  });
  in.number("other_history", why.other_history);
  in.number("other_features", why.other_features);
  return why;
}

RecommendedItem read_item(const dom::element& from, const std::vector<HistoryContribution>& history,
                          std::string& fault) {
  ObjectReader in(from, "items.", fault);
  RecommendedItem item;
  in.integer("rank", item.rank);
  in.text("id", item.item.id);
  item.item.key = item_key(item.item.id);
  if (in.has("title")) in.text("title", item.title);
  in.number("score", item.score);
  // Absent in longer brief slates, and in what older versions wrote.
  if (in.has("probability")) in.number("probability", item.probability);
  in.number("attention", item.attention);
  in.number("propensity", item.propensity);
  if (in.has("why")) item.why = read_why(in.required("why"), history, fault);
  return item;
}

Recommendation read_recommendation(const dom::element& root, std::string& fault) {
  ObjectReader in(root, "", fault);
  Recommendation r;
  std::int64_t version = 0;
  in.integer("v", version);
  if (version != 1) in.blame("v");
  in.text("id", r.id);
  in.text("user", r.user.value);
  in.text("topology", r.topology);
  in.integer("covers", r.covers);
  std::int64_t event_time = 0;
  std::int64_t emitted_at = 0;
  in.integer("event_time", event_time);
  in.integer("emitted_at", emitted_at);
  r.event_time = TimeMs{event_time};
  r.emitted_at = TimeMs{emitted_at};
  in.text("policy", r.policy);
  if (in.has("request_id")) in.text("request_id", r.request_id);
  if (in.has("trigger")) {
    ObjectReader trigger(in.required("trigger"), "trigger.", fault);
    trigger.text("topic", r.trigger.topic);
    trigger.integer("partition", r.trigger.partition);
    trigger.integer("offset", r.trigger.offset);
    if (trigger.has("ordinal")) trigger.integer("ordinal", r.trigger.ordinal);
  } else {
    in.blame("trigger");
  }
  if (in.has("model")) {
    ObjectReader model(in.required("model"), "model.", fault);
    model.hex("id", r.model.model_id);
    model.integer("lineage", r.model.lineage);
    model.integer("position", r.model.position);
  } else {
    in.blame("model");
  }
  std::vector<HistoryContribution> history;
  if (in.has("history")) {
    in.array("history", [&](const dom::element& entry) {
      history.push_back(read_history_event(entry, fault));
    });
  }
  in.array("items",
           [&](const dom::element& entry) { r.items.push_back(read_item(entry, history, fault)); });
  return r;
}

}  // namespace

Result<Recommendation> decode_recommendation(std::string_view bytes) {
  // Tools read many of these, one after the other; the parser's memory is worth keeping.
  thread_local JsonParser parser(kMessageBytesMax);
  const auto root = parser.parse_object(bytes);
  if (!root) return root.error();
  std::string fault;
  Recommendation recommendation = read_recommendation(**root, fault);
  if (!fault.empty()) {
    return skip("bad_recommendation", fmt::format("{} is missing or of another kind", fault));
  }
  return recommendation;
}

}  // namespace fovea::ingest
