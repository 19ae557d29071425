#include "ingest/recommendation_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "ingest/json_writer.h"

namespace fovea::ingest {
namespace {

// How many of an item's parts are listed, strongest first.
struct Listed {
  std::size_t history = 0;
  std::size_t features = 0;
};

bool same_event(const HistoryContribution& a, const HistoryContribution& b) {
  return a.item == b.item && a.age_ms == b.age_ms && a.type == b.type &&
         !(a.attention < b.attention) && !(b.attention < a.attention);
}

// The history events of a message, each once. Two events of one history may look alike (an item
// bought twice in one order): the second of them in an explanation is the second in the table.
class HistoryTable {
 public:
  // Where the event of why.history[place] stands; the table's size if it does not. Linear: there
  // are at most the history's 50 entries.
  [[nodiscard]] std::size_t find(const Explanation& why, std::size_t place) const {
    const HistoryContribution& part = why.history[place];
    auto alike =
        std::count_if(why.history.begin(), why.history.begin() + static_cast<std::ptrdiff_t>(place),
                      [&](const auto& earlier) { return same_event(earlier, part); });
    std::size_t i = 0;
    for (; i < events_.size(); ++i) {
      if (same_event(*events_[i], part) && alike-- == 0) break;
    }
    return i;
  }
  void add(const Explanation& why, std::size_t place) {
    if (find(why, place) == events_.size()) events_.push_back(&why.history[place]);
  }
  [[nodiscard]] const std::vector<const HistoryContribution*>& events() const { return events_; }

 private:
  std::vector<const HistoryContribution*> events_;
};

void append_history_event(std::string& out, const HistoryContribution& event) {
  if (event.item_id.empty()) {
    out += "{\"item_key\":";
    append_json_hex(out, value(event.item));
  } else {
    out += "{\"item\":";
    append_json_string(out, event.item_id);
  }
  out.append(",\"type\":\"").append(name(event.type)).append("\",\"age_s\":");
  append_json_integer(out, event.age_ms / 1000);
  out += ",\"attention\":";
  append_json_significant(out, double{event.attention}, 4);
  out += '}';
}

void append_history_part(std::string& out, std::size_t index, double contribution) {
  out += '"';
  append_json_integer(out, static_cast<std::int64_t>(index));
  out += "\":";
  append_json_rounded(out, contribution);
}

void append_feature_part(std::string& out, const FeatureContribution& part) {
  append_json_string(out, part.feature);
  out += ':';
  append_json_rounded(out, part.contribution);
}

double other_history(const Explanation& why, std::size_t listed) {
  double sum = why.other_history;
  for (std::size_t i = listed; i < why.history.size(); ++i) sum += why.history[i].contribution;
  return sum;
}

double other_features(const Explanation& why, std::size_t listed) {
  double sum = why.other_features;
  for (std::size_t i = listed; i < why.features.size(); ++i) sum += why.features[i].contribution;
  return sum;
}

void append_why(std::string& out, const Explanation& why, const Listed& listed,
                const HistoryTable& table) {
  out += ",\"why\":{\"bias\":";
  append_json_rounded(out, why.bias);
  out += ",\"user\":";
  append_json_rounded(out, why.user);
  out += ",\"history\":{";
  for (std::size_t i = 0; i < listed.history; ++i) {
    if (i > 0) out += ',';
    append_history_part(out, table.find(why, i), why.history[i].contribution);
  }
  out += "},\"features\":{";
  for (std::size_t i = 0; i < listed.features; ++i) {
    if (i > 0) out += ',';
    append_feature_part(out, why.features[i]);
  }
  out += "},\"other_history\":";
  append_json_rounded(out, other_history(why, listed.history));
  out += ",\"other_features\":";
  append_json_rounded(out, other_features(why, listed.features));
  out += '}';
}

void append_item(std::string& out, const RecommendedItem& item, const Listed& listed,
                 const HistoryTable& table, bool probability) {
  out += "{\"rank\":";
  append_json_integer(out, item.rank);
  out += ",\"id\":";
  append_json_string(out, item.item.id);
  if (!item.title.empty()) {
    out += ",\"title\":";
    append_json_string(out, item.title);
  }
  out += ",\"score\":";
  append_json_rounded(out, item.score);
  if (probability) {
    out += ",\"probability\":";
    append_json_significant(out, double{item.probability}, 4);
  }
  out += ",\"attention\":";
  append_json_significant(out, double{item.attention}, 4);
  out += ",\"propensity\":";
  append_json_significant(out, double{item.propensity}, 6);
  if (item.why) append_why(out, *item.why, listed, table);
  out += '}';
}

void append_head(std::string& out, const Recommendation& r) {
  out += "{\"v\":1,\"id\":";
  append_json_string(out, r.id);
  out += ",\"user\":";
  append_json_string(out, r.user.value);
  out += ",\"topology\":";
  append_json_string(out, r.topology);
  out += ",\"trigger\":{\"topic\":";
  append_json_string(out, r.trigger.topic);
  out += ",\"partition\":";
  append_json_integer(out, r.trigger.partition);
  out += ",\"offset\":";
  append_json_integer(out, r.trigger.offset);
  if (r.trigger.ordinal > 0) {
    out += ",\"ordinal\":";
    append_json_integer(out, r.trigger.ordinal);
  }
  out += "},\"covers\":";
  append_json_integer(out, r.covers);
  out += ",\"event_time\":";
  append_json_integer(out, value(r.event_time));
  out += ",\"emitted_at\":";
  append_json_integer(out, value(r.emitted_at));
  out += ",\"model\":{\"id\":";
  append_json_hex(out, r.model.model_id);
  out += ",\"lineage\":";
  append_json_integer(out, r.model.lineage);
  out += ",\"position\":";
  append_json_integer(out, r.model.position);
  out += "},\"policy\":";
  append_json_string(out, r.policy);
  if (!r.request_id.empty()) {
    out += ",\"request_id\":";
    append_json_string(out, r.request_id);
  }
}

// What a message lists: per item, and the history events that these parts name.
struct Choice {
  std::vector<Listed> listed;
  HistoryTable table;
  bool probabilities = true;
};

std::string encode(const Recommendation& r, const Choice& choice) {
  std::string out;
  out.reserve(kBriefBytesMax + 256);
  append_head(out, r);
  const auto& events = choice.table.events();
  if (!events.empty()) {
    out += ",\"history\":[";
    for (std::size_t i = 0; i < events.size(); ++i) {
      if (i > 0) out += ',';
      append_history_event(out, *events[i]);
    }
    out += ']';
  }
  out += ",\"items\":[";
  for (std::size_t i = 0; i < r.items.size(); ++i) {
    if (i > 0) out += ',';
    append_item(out, r.items[i], choice.listed[i], choice.table, choice.probabilities);
  }
  out += "]}";
  return out;
}

Choice choose_all(const Recommendation& r) {
  Choice choice;
  for (const RecommendedItem& item : r.items) {
    Listed& listed = choice.listed.emplace_back();
    if (!item.why) continue;
    listed = {item.why->history.size(), item.why->features.size()};
    for (std::size_t i = 0; i < listed.history; ++i) choice.table.add(*item.why, i);
  }
  return choice;
}

// Adds part after part while they fit: the strongest history event of every item, the strongest
// feature of every item, then the second ones. Every item gets its strongest before any its second.
class BriefChoice {
 public:
  BriefChoice(const Recommendation& r, std::size_t bytes_max) : r_(r), bytes_max_(bytes_max) {
    choice_.listed.resize(r.items.size());
    choice_.probabilities = r.items.size() <= kBriefProbabilities;
    used_ = encode(r, choice_).size() + std::string_view(",\"history\":[]").size();
  }

  Choice choose() && {
    for (std::size_t place = 0; add_place(place); ++place) {
    }
    return std::move(choice_);
  }

 private:
  // Adds every item's parts of this place; false when one did not fit or there were none.
  bool add_place(std::size_t place) {
    bool added = false;
    for (std::size_t i = 0; i < r_.items.size(); ++i) {
      const auto& why = r_.items[i].why;
      if (!why || place >= why->history.size()) continue;
      if (!take(history_bytes(*why, place))) return false;
      choice_.table.add(*why, place);
      choice_.listed[i].history = place + 1;
      added = true;
    }
    for (std::size_t i = 0; i < r_.items.size(); ++i) {
      const auto& why = r_.items[i].why;
      if (!why || place >= why->features.size()) continue;
      if (!take(feature_bytes(*why, place))) return false;
      choice_.listed[i].features = place + 1;
      added = true;
    }
    return added;
  }

  bool take(std::int64_t bytes) {
    if (used_ + static_cast<std::size_t>(bytes) > bytes_max_) return false;
    used_ += static_cast<std::size_t>(bytes);
    return true;
  }

  // The part, its event if the table lacks it, and what the sum's text gains or loses.
  std::int64_t history_bytes(const Explanation& why, std::size_t place) {
    const HistoryContribution& part = why.history[place];
    const std::size_t index = choice_.table.find(why, place);
    scratch_.clear();
    append_history_part(scratch_, index, part.contribution);
    scratch_ += ',';
    if (index == choice_.table.events().size()) {
      append_history_event(scratch_, part);
      scratch_ += ',';
    }
    const auto bytes = static_cast<std::int64_t>(scratch_.size());
    return bytes + width(other_history(why, place + 1)) - width(other_history(why, place));
  }

  std::int64_t feature_bytes(const Explanation& why, std::size_t place) {
    scratch_.clear();
    append_feature_part(scratch_, why.features[place]);
    scratch_ += ',';
    const auto bytes = static_cast<std::int64_t>(scratch_.size());
    return bytes + width(other_features(why, place + 1)) - width(other_features(why, place));
  }

  std::int64_t width(double sum) {
    scratch_.clear();
    append_json_rounded(scratch_, sum);
    return static_cast<std::int64_t>(scratch_.size());
  }

  const Recommendation& r_;
  std::size_t bytes_max_;
  std::size_t used_ = 0;
  Choice choice_;
  std::string scratch_;
};

}  // namespace

std::string encode_recommendation(const Recommendation& recommendation,
                                  RecommendationDetail detail) {
  if (detail == RecommendationDetail::kFull) {
    return encode(recommendation, choose_all(recommendation));
  }
  const std::size_t item_count = std::max(recommendation.items.size(), kBriefItems);
  const std::size_t bytes_max = kBriefBytesMax * item_count / kBriefItems;
  return encode(recommendation, BriefChoice(recommendation, bytes_max).choose());
}

}  // namespace fovea::ingest
