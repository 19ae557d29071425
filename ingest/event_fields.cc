#include "ingest/event_fields.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "ingest/keys.h"

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kItemsMax = 1000;
constexpr std::size_t kContextFieldsMax = 16;
constexpr std::size_t kContextBytesMax = 256;
constexpr std::size_t kFiltersMax = 16;

// The value that `tail` leads to below an element of a starred array; absent counts as null.
std::optional<dom::element> below(dom::element at, const std::vector<std::string>& tail) {
  for (const std::string& token : tail) {
    if (!at.is_object() || at.at_key(token).get(at) != simdjson::SUCCESS) return std::nullopt;
  }
  if (at.is_null()) return std::nullopt;
  return at;
}

}  // namespace

Failure read_context(const dom::element& from, std::vector<ContextField>& out) {
  dom::object object;
  if (from.get(object) != simdjson::SUCCESS) {
    return skip("bad_context", fmt::format("context {} is not an object", shown(from)));
  }
  for (const dom::key_value_pair field : object) {
    if (field.value.is_null()) continue;
    if (field.key.empty() || field.key.size() > kContextBytesMax) {
      return skip("bad_context", fmt::format("context has a name of {} bytes, 1 to {}",
                                             field.key.size(), kContextBytesMax));
    }
    bool repeated = false;
    for (const ContextField& known : out) repeated = repeated || known.name == field.key;
    if (repeated) continue;
    if (out.size() == kContextFieldsMax) {
      return skip("bad_context", fmt::format("context has more than {} fields", kContextFieldsMax));
    }
    ContextField& added = out.emplace_back();
    added.name.assign(field.key);
    if (std::string_view text; field.value.get(text) == simdjson::SUCCESS) {
      if (text.size() > kContextBytesMax) {
        return skip("bad_context", fmt::format("context {} is {} bytes, at most {}",
                                               quoted(field.key), text.size(), kContextBytesMax));
      }
      added.value = std::string(text);
    } else if (const auto number = read_number(field.value)) {
      added.value = *number;
    } else {
      return skip("bad_context", fmt::format("context {} is {}, neither a number nor a string",
                                             quoted(field.key), shown(field.value)));
    }
  }
  return std::nullopt;
}

Failure read_filter(const dom::element& from,
                    std::vector<std::pair<std::string, std::string>>& out) {
  dom::object object;
  if (from.get(object) != simdjson::SUCCESS) {
    return skip("bad_filter", fmt::format("filter {} is not an object", shown(from)));
  }
  for (const dom::key_value_pair field : object) {
    if (field.value.is_null()) continue;
    bool repeated = false;
    for (const auto& known : out) repeated = repeated || known.first == field.key;
    if (repeated) continue;
    if (out.size() == kFiltersMax) {
      return skip("bad_filter", fmt::format("filter has more than {} fields", kFiltersMax));
    }
    if (field.key.empty() || field.key.size() > kIdBytesMax) {
      return skip("bad_filter", fmt::format("filter has a name of {} bytes, 1 to {}",
                                            field.key.size(), kIdBytesMax));
    }
    std::string text;
    if (!read_text(field.value, text) || text.empty() || text.size() > kIdBytesMax) {
      return skip("bad_filter", fmt::format("filter {} is {}, no string of 1 to {} bytes",
                                            quoted(field.key), shown(field.value), kIdBytesMax));
    }
    out.emplace_back(std::string(field.key), std::move(text));
  }
  return std::nullopt;
}

Failure read_items(const dom::element& from, const std::vector<std::string>& tail,
                   std::vector<ItemRef>& out) {
  dom::array array;
  if (from.get(array) != simdjson::SUCCESS) {
    return skip("bad_items", fmt::format("items {} is not an array", shown(from)));
  }
  std::string id;
  for (const dom::element entry : array) {
    if (out.size() == kItemsMax) {
      return skip("bad_items", fmt::format("items has more than {} ids", kItemsMax));
    }
    const auto value = below(entry, tail);
    if (!value) return skip("bad_items", fmt::format("items {} has no id", out.size()));
    if (auto failure = read_id(*value, "id", id)) {
      failure->message = fmt::format("items {}: {}", out.size(), failure->message);
      return failure;
    }
    out.push_back({item_key(id), id});
  }
  return std::nullopt;
}

}  // namespace fovea::ingest
