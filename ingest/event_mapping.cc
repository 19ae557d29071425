#include "ingest/event_mapping.h"

#include <fmt/format.h>

#include <algorithm>

namespace fovea::ingest {
namespace {

// RFC 6901: ~1 is a slash, ~0 a tilde, nothing else may follow a tilde.
std::optional<std::string> unescape(std::string_view token) {
  std::string out;
  for (std::size_t i = 0; i < token.size(); ++i) {
    if (token[i] != '~') {
      out += token[i];
      continue;
    }
    ++i;
    if (i == token.size() || (token[i] != '0' && token[i] != '1')) return std::nullopt;
    out += token[i] == '0' ? '~' : '/';
  }
  return out;
}

Result<FieldPointer> compile_pointer(std::string_view key, std::string_view text) {
  const auto fault = [&](std::string_view what) {
    return stop(fmt::format("{}: pointer \"{}\" {}", key, text, what));
  };
  FieldPointer pointer;
  std::string_view rest = text;
  if (!rest.empty() && rest.front() == '@') {
    pointer.in_entry = true;
    rest.remove_prefix(1);
    if (rest.empty()) return pointer;  // the entry itself: an array of plain ids
  }
  if (rest.empty() || rest.front() != '/') return fault("starts with neither / nor @/");
  while (!rest.empty()) {
    rest.remove_prefix(1);
    const std::string_view token = rest.substr(0, rest.find('/'));
    rest.remove_prefix(token.size());
    if (token == "*") {
      if (pointer.star) return fault("has more than one star");
      pointer.star = true;
      continue;
    }
    auto name = unescape(token);
    if (!name) return fault("has a ~ that is neither ~0 nor ~1");
    (pointer.star ? pointer.tail : pointer.tokens).push_back(*std::move(name));
  }
  return pointer;
}

Result<FieldPointer> compile_field_pointer(const EventMapping& mapping, Field field,
                                           const std::string& text) {
  const std::string key = fmt::format("input.map.{}", name(field));
  auto pointer = compile_pointer(key, text);
  if (!pointer) return pointer;
  if (pointer->star && field != Field::kItems) {
    return stop(fmt::format("{}: pointer \"{}\" has a star, which only items may", key, text));
  }
  if (pointer->in_entry && mapping.each.empty()) {
    return stop(
        fmt::format("{}: pointer \"{}\" reads an entry, but input.each names no array", key, text));
  }
  if (pointer->in_entry && field == Field::kUser && !mapping.user_in_entry) {
    return stop(fmt::format(
        "{}: pointer \"{}\" reads the user in the entry, which needs re-keyed input", key, text));
  }
  return pointer;
}

Result<TypeTarget> compile_target(const std::string& theirs, const std::string& ours) {
  if (ours == "ignore") return TypeTarget{};
  if (const auto type = event_type(ours)) return TypeTarget{*type};
  return stop(
      fmt::format("events.types.\"{}\": \"{}\" is no event type, nor \"ignore\"", theirs, ours));
}

}  // namespace

std::optional<TypeTarget> CompiledMapping::target(std::string_view type) const {
  const auto at = std::lower_bound(
      types.begin(), types.end(), type,
      [](const auto& entry, std::string_view sought) { return entry.first < sought; });
  if (at != types.end() && at->first == type) return at->second;
  if (other_types) return *other_types;
  if (const auto ours = event_type(type)) return TypeTarget{*ours};
  return std::nullopt;
}

Result<CompiledMapping> compile(const EventMapping& mapping) {
  CompiledMapping compiled;
  compiled.ts_unit = mapping.ts_unit;
  compiled.max_future_ms = mapping.max_future_ms;
  if (mapping.max_future_ms < 0) {
    return stop(fmt::format("max_future is {} ms, at least 0", mapping.max_future_ms));
  }

  for (const auto& [field_name, pointers] : mapping.fields) {
    if (std::find(kFieldNames.begin(), kFieldNames.end(), field_name) == kFieldNames.end()) {
      return stop(fmt::format("input.map.{} is no field of the event contract", field_name));
    }
  }
  for (std::size_t i = 0; i < kFieldNames.size(); ++i) {
    const std::string own_name(kFieldNames[i]);
    const auto mapped = mapping.fields.find(own_name);
    const std::vector<std::string> texts =
        mapped != mapping.fields.end() ? mapped->second : std::vector<std::string>{"/" + own_name};
    for (const std::string& text : texts) {
      auto pointer = compile_field_pointer(mapping, static_cast<Field>(i), text);
      if (!pointer) return pointer.error();
      compiled.fields[i].push_back(*std::move(pointer));
    }
  }

  if (!mapping.each.empty()) {
    auto each = compile_pointer("input.each", mapping.each);
    if (!each) return each.error();
    if (each->in_entry || each->star) {
      return stop(fmt::format("input.each: pointer \"{}\" does not name an array of the record",
                              mapping.each));
    }
    compiled.each = *std::move(each);
  }

  for (const auto& [theirs, ours] : mapping.types) {  // a map: by name already
    auto target = compile_target(theirs, ours);
    if (!target) return target.error();
    if (theirs == "*") {
      compiled.other_types = *target;
    } else {
      compiled.types.emplace_back(theirs, *target);
    }
  }
  return compiled;
}

}  // namespace fovea::ingest
