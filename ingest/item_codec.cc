#include "ingest/item_codec.h"

#include <fmt/format.h>
#include <simdjson.h>

#include "ingest/json_access.h"
#include "ingest/json_writer.h"
#include "ingest/keys.h"

namespace fovea::ingest {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kCategoriesMax = 64;
constexpr std::size_t kTagsMax = 256;
constexpr std::size_t kAttributesMax = 64;
constexpr std::size_t kTextBytesMax = 256;

// Absent where the field is missing or null. Of a repeated key the first counts.
std::optional<dom::element> field(const dom::object& object, std::string_view name) {
  dom::element value;
  if (object.at_key(name).get(value) != simdjson::SUCCESS || value.is_null()) return std::nullopt;
  return value;
}

bool is_short(std::string_view text) {
  return !text.empty() && text.size() <= kTextBytesMax;
}

Failure read_text_field(const dom::object& object, std::string_view name, std::string_view reason,
                        std::string& out) {
  const auto value = field(object, name);
  if (value && !read_text(*value, out)) {
    return skip(std::string(reason), fmt::format("{} {} is not a string", name, shown(*value)));
  }
  return std::nullopt;
}

Failure read_texts(const dom::object& object, std::string_view name, std::string_view reason,
                   std::size_t count_max, std::vector<std::string>& out) {
  const auto value = field(object, name);
  if (!value) return std::nullopt;
  dom::array array;
  if (value->get(array) != simdjson::SUCCESS) {
    return skip(std::string(reason), fmt::format("{} {} is not an array", name, shown(*value)));
  }
  for (const dom::element entry : array) {
    if (out.size() == count_max) {
      return skip(std::string(reason), fmt::format("{} has more than {} entries", name, count_max));
    }
    std::string& text = out.emplace_back();
    if (!read_text(entry, text) || !is_short(text)) {
      return skip(std::string(reason), fmt::format("{} {} is {}, no string of 1 to {} bytes", name,
                                                   out.size() - 1, shown(entry), kTextBytesMax));
    }
  }
  return std::nullopt;
}

Failure read_attributes(const dom::object& from, Item& item) {
  const auto value = field(from, "attributes");
  if (!value) return std::nullopt;
  dom::object object;
  if (value->get(object) != simdjson::SUCCESS) {
    return skip("bad_attributes", fmt::format("attributes {} is not an object", shown(*value)));
  }
  for (const dom::key_value_pair entry : object) {
    if (entry.value.is_null()) continue;
    if (!is_short(entry.key)) {
      return skip("bad_attributes", fmt::format("attributes has a name of {} bytes, 1 to {}",
                                                entry.key.size(), kTextBytesMax));
    }
    bool repeated = false;
    for (const auto& known : item.attributes) repeated = repeated || known.first == entry.key;
    if (repeated) continue;
    if (item.attributes.size() == kAttributesMax) {
      return skip("bad_attributes",
                  fmt::format("attributes has more than {} fields", kAttributesMax));
    }
    if (std::string_view text; entry.value.get(text) == simdjson::SUCCESS) {
      if (text.size() > kTextBytesMax) {
        return skip("bad_attributes", fmt::format("attribute {} is {} bytes, at most {}",
                                                  quoted(entry.key), text.size(), kTextBytesMax));
      }
      item.attributes.emplace_back(std::string(entry.key), std::string(text));
    } else if (const auto number = read_number(entry.value)) {
      item.attributes.emplace_back(std::string(entry.key), *number);
    } else {
      return skip("bad_attributes", fmt::format("attribute {} is {}, neither a number nor a string",
                                                quoted(entry.key), shown(entry.value)));
    }
  }
  return std::nullopt;
}

Failure read_vector(std::string_view name, const dom::element& from, std::int32_t dim,
                    std::vector<float>& out) {
  dom::array array;
  if (from.get(array) != simdjson::SUCCESS) {
    return skip("bad_vectors",
                fmt::format("vector {} is {}, not an array", quoted(name), shown(from)));
  }
  const auto count = static_cast<std::size_t>(dim);
  if (array.size() != count) {
    return skip("vector_dimension", fmt::format("vector {} has {} values, {} declared",
                                                quoted(name), array.size(), dim));
  }
  out.reserve(count);
  for (const dom::element entry : array) {
    const auto number = read_number(entry);
    if (!number) {
      // JSON has no NaN: it comes as a string, if at all.
      return skip(entry.is_string() ? "vector_not_finite" : "bad_vectors",
                  fmt::format("vector {} value {} is {}, no finite number", quoted(name),
                              out.size(), shown(entry)));
    }
    const auto nearest = nearest_float(*number);
    if (!nearest) {
      return skip("vector_not_finite",
                  fmt::format("vector {} value {} is {}, beyond a 32-bit float", quoted(name),
                              out.size(), shown(entry)));
    }
    out.push_back(*nearest);
  }
  return std::nullopt;
}

Failure read_vectors(const dom::object& from, const ItemContract& contract, Item& item) {
  const auto value = field(from, "vectors");
  if (!value) return std::nullopt;
  dom::object object;
  if (value->get(object) != simdjson::SUCCESS) {
    return skip("bad_vectors", fmt::format("vectors {} is not an object", shown(*value)));
  }
  for (const dom::key_value_pair entry : object) {
    if (entry.value.is_null()) continue;
    const auto declared = contract.vector_dims.find(std::string(entry.key));
    if (declared == contract.vector_dims.end()) {
      return skip("undeclared_vector", fmt::format("vector {} is not declared", quoted(entry.key)));
    }
    bool repeated = false;
    for (const auto& known : item.vectors) repeated = repeated || known.first == entry.key;
    if (repeated) continue;
    auto& [name, values] = item.vectors.emplace_back();
    name.assign(entry.key);
    if (auto failure = read_vector(name, entry.value, declared->second, values)) return failure;
  }
  return std::nullopt;
}

Failure read_item(const dom::object& object, const ItemContract& contract, Item& item) {
  const auto id = field(object, "id");
  if (!id) return skip("missing_id", "id is missing");
  if (auto failure = read_id(*id, "id", item.item.id)) return failure;
  item.item.key = item_key(item.item.id);

  if (auto failure = read_text_field(object, "title", "bad_title", item.title)) return failure;
  if (auto failure = read_text_field(object, "text", "bad_text", item.text)) return failure;
  if (auto failure =
          read_texts(object, "categories", "bad_categories", kCategoriesMax, item.categories)) {
    return failure;
  }
  if (auto failure = read_texts(object, "tags", "bad_tags", kTagsMax, item.tags)) return failure;
  if (auto failure = read_attributes(object, item)) return failure;
  if (const auto provider = field(object, "provider");
      provider && !(read_text(*provider, item.provider) && is_short(item.provider))) {
    return skip("bad_provider", fmt::format("provider {} is no string of 1 to {} bytes",
                                            shown(*provider), kTextBytesMax));
  }
  if (const auto published_at = field(object, "published_at")) {
    item.published_at = read_time(*published_at, TimeUnit::kMilliseconds);
    if (!item.published_at) {
      return skip(
          "bad_published_at",
          fmt::format("published_at {} is no time between 1970 and 9999", shown(*published_at)));
    }
  }
  if (const auto available = field(object, "available");
      available && available->get(item.available) != simdjson::SUCCESS) {
    return skip("bad_available",
                fmt::format("available {} is neither true nor false", shown(*available)));
  }
  return read_vectors(object, contract, item);
}

Result<ItemChange> removal(const SourceRecord& record) {
  if (!record.key || record.key->empty()) return skip("missing_key", "tombstone has no key");
  if (record.key->size() > kIdBytesMax) {
    return skip("id_too_long",
                fmt::format("key is {} bytes, at most {}", record.key->size(), kIdBytesMax));
  }
  ItemChange change;
  change.removed = true;
  change.item.item = {item_key(*record.key), *record.key};
  return change;
}

template <class Sequence, class AppendOne>
void append_field(std::string& out, std::string_view name, std::string_view brackets,
                  const Sequence& sequence, AppendOne append_one) {
  if (sequence.empty()) return;
  out.append(",\"").append(name).append("\":");
  out += brackets[0];
  bool first = true;
  for (const auto& one : sequence) {
    if (!first) out += ',';
    first = false;
    append_one(one);
  }
  out += brackets[1];
}

void append_text_field(std::string& out, std::string_view name, std::string_view text) {
  if (text.empty()) return;
  out.append(",\"").append(name).append("\":");
  append_json_string(out, text);
}

}  // namespace

struct ItemCodec::Impl {
  ItemContract contract;
  JsonParser parser{kRecordBytesMax};
};

Result<ItemCodec> ItemCodec::create(ItemContract contract) {
  for (const auto& [name, dim] : contract.vector_dims) {
    if (dim < 1 || dim > 4096) {
      return stop(fmt::format("items.vectors.{} has dimension {}, 1 to 4096", name, dim));
    }
  }
  auto impl = std::make_unique<Impl>();
  impl->contract = std::move(contract);
  return ItemCodec(std::move(impl));
}

ItemCodec::ItemCodec(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
ItemCodec::ItemCodec(ItemCodec&&) noexcept = default;
ItemCodec& ItemCodec::operator=(ItemCodec&&) noexcept = default;
ItemCodec::~ItemCodec() = default;

Result<ItemChange> ItemCodec::decode(const SourceRecord& record) {
  if (!record.value) return removal(record);
  const auto root = impl_->parser.parse_object(*record.value);
  if (!root) return root.error();
  dom::object object;
  FOVEA_ASSERT((*root)->get(object) == simdjson::SUCCESS);
  ItemChange change;
  if (auto failure = read_item(object, impl_->contract, change.item)) return *std::move(failure);
  return change;
}

std::string encode_item(const Item& item) {
  std::string out = "{\"id\":";
  append_json_string(out, item.item.id);
  append_text_field(out, "title", item.title);
  append_text_field(out, "text", item.text);
  const auto append_text = [&](const std::string& text) { append_json_string(out, text); };
  append_field(out, "categories", "[]", item.categories, append_text);
  append_field(out, "tags", "[]", item.tags, append_text);
  append_field(out, "attributes", "{}", item.attributes, [&](const auto& attribute) {
    append_json_string(out, attribute.first);
    out += ':';
    if (const auto* number = std::get_if<double>(&attribute.second)) {
      append_json_number(out, *number);
    } else {
      append_json_string(out, std::get<std::string>(attribute.second));
    }
  });
  append_text_field(out, "provider", item.provider);
  if (item.published_at) {
    out += ",\"published_at\":";
    append_json_integer(out, value(*item.published_at));
  }
  if (!item.available) out += ",\"available\":false";
  append_field(out, "vectors", "{}", item.vectors, [&](const auto& vector) {
    append_json_string(out, vector.first);
    out += ":[";
    for (std::size_t i = 0; i < vector.second.size(); ++i) {
      if (i > 0) out += ',';
      append_json_number(out, vector.second[i]);
    }
    out += ']';
  });
  out += '}';
  return out;
}

}  // namespace fovea::ingest
