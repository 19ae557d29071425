#pragma once

// The kinds of configuration keys: each builder ties one field of Config to its checks.
//
// `access` takes a Config, const or not, and gives the field: [](auto& c) -> auto& { ... }.

#include <cstdint>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "topologies/config_keys.h"
#include "topologies/config_value.h"
#include "vocab/event.h"
#include "vocab/result.h"

namespace fovea::topologies {

using ConfigPairs = std::vector<std::pair<std::string, ConfigValue>>;

// The clauses of refusal: `= 0 is outside 1..200`, `= true is not a text`.
[[nodiscard]] Error wrong_kind(const ConfigValue& value, std::string_view wanted);
[[nodiscard]] Error outside_range(const ConfigValue& value, std::string_view range);

// Typed values out of configured ones. Errors: kStop, one of the clauses above.
[[nodiscard]] Result<bool> as_flag(const ConfigValue& value);
[[nodiscard]] Result<std::string> as_text(const ConfigValue& value);
[[nodiscard]] Result<std::vector<std::string>> as_list(const ConfigValue& value);
[[nodiscard]] Result<std::int64_t> as_integer(const ConfigValue& value, std::int64_t low,
                                              std::int64_t high);
[[nodiscard]] Result<double> as_number(const ConfigValue& value, double low, double high);
[[nodiscard]] Result<EventTypeSet> as_event_types(const ConfigValue& value, EventTypeSet allowed);
[[nodiscard]] std::vector<std::string> names(EventTypeSet types);

// Text from the environment or the command line to a value of a kind.
[[nodiscard]] Result<ConfigValue> text_to_flag(const std::string& text);
[[nodiscard]] Result<ConfigValue> text_to_integer(const std::string& text);
[[nodiscard]] Result<ConfigValue> text_to_number(const std::string& text);
// `a, b` or `["a", "b"]`; the quotes are optional, so that a shell needs none.
[[nodiscard]] Result<ConfigValue> text_to_list(const std::string& text);
[[nodiscard]] inline Result<ConfigValue> text_to_text(const std::string& text) {
  return ConfigValue{text};
}

// A duration or a size: a text with a unit outside, a count of the smallest unit inside.
struct Quantity {
  Result<std::int64_t> (*parse)(std::string_view);
  std::string (*print)(std::int64_t);
};
inline constexpr Quantity kDuration{&parse_duration_ms, &print_duration_ms};
inline constexpr Quantity kSize{&parse_bytes, &print_bytes};
[[nodiscard]] Result<std::int64_t> as_quantity(const ConfigValue& value, Quantity quantity,
                                               std::int64_t low, std::int64_t high);

[[nodiscard]] std::string range_text(std::int64_t low, std::int64_t high, const std::string& unit);
[[nodiscard]] std::string range_text(double low, double high);
[[nodiscard]] std::string range_text(Quantity quantity, std::int64_t low, std::int64_t high);

// A key of one field: `read` turns a value into what is assigned to it, `print` goes back.
template <class Access, class Read, class Print>
ConfigKey field_key(std::string name, std::string range, std::string meaning, Access access,
                    Read read, Print print, Result<ConfigValue> (*parse)(const std::string&)) {
  ConfigKey key{std::move(name), {}, std::move(range), std::move(meaning), {}, parse, {}};
  key.set = [=](Config& config, const std::string&, const ConfigValue& value) -> Result<void> {
    auto converted = read(value);
    if (!converted) return converted.error();
    auto& field = access(config);
    field = static_cast<std::remove_reference_t<decltype(field)>>(*std::move(converted));
    return {};
  };
  key.get = [=](const Config& config) { return ConfigPairs{{"", print(access(config))}}; };
  key.default_text = to_toml(key.get(Config{}).front().second);
  return key;
}

template <class Access>
ConfigKey flag_key(std::string name, std::string meaning, Access access) {
  return field_key(
      std::move(name), "true, false", std::move(meaning), access, &as_flag,
      [](bool flag) { return ConfigValue{flag}; }, &text_to_flag);
}

template <class Access>
ConfigKey integer_key(std::string name, std::int64_t low, std::int64_t high,
                      const std::string& unit, std::string meaning, Access access) {
  return field_key(
      std::move(name), range_text(low, high, unit), std::move(meaning), access,
      [=](const ConfigValue& value) { return as_integer(value, low, high); },
      [](auto number) { return ConfigValue{static_cast<std::int64_t>(number)}; }, &text_to_integer);
}

template <class Access>
ConfigKey number_key(std::string name, double low, double high, std::string meaning,
                     Access access) {
  return field_key(
      std::move(name), range_text(low, high), std::move(meaning), access,
      [=](const ConfigValue& value) { return as_number(value, low, high); },
      [](double number) { return ConfigValue{number}; }, &text_to_number);
}

// `scale` is how many of the smallest unit the field's own unit holds: 1000 for seconds.
template <class Access>
ConfigKey quantity_key(std::string name, Quantity quantity, std::int64_t scale, std::int64_t low,
                       std::int64_t high, std::string meaning, Access access) {
  using Field = std::remove_cvref_t<decltype(access(std::declval<Config&>()))>;
  return field_key(
      std::move(name), range_text(quantity, low, high), std::move(meaning), access,
      [=](const ConfigValue& value) -> Result<Field> {
        const auto amount = as_quantity(value, quantity, low, high);
        if (!amount) return amount.error();
        return static_cast<Field>(*amount) / static_cast<Field>(scale);
      },
      [=](Field amount) {
        return ConfigValue{
            quantity.print(static_cast<std::int64_t>(amount * static_cast<Field>(scale)))};
      },
      &text_to_text);
}

template <class Access>
ConfigKey duration_key(std::string name, std::int64_t low_ms, std::int64_t high_ms,
                       std::string meaning, Access access) {
  return quantity_key(std::move(name), kDuration, 1, low_ms, high_ms, std::move(meaning), access);
}

template <class Access>
ConfigKey text_key(std::string name, std::string range, std::string meaning, Access access) {
  return field_key(
      std::move(name), std::move(range), std::move(meaning), access, &as_text,
      [](const std::string& text) { return ConfigValue{text}; }, &text_to_text);
}

template <class Access>
ConfigKey list_key(std::string name, std::string range, std::string meaning, Access access) {
  return field_key(
      std::move(name), std::move(range), std::move(meaning), access, &as_list,
      [](const std::vector<std::string>& list) { return ConfigValue{list}; }, &text_to_list);
}

template <class Access>
ConfigKey event_types_key(std::string name, EventTypeSet allowed, std::string meaning,
                          Access access) {
  return field_key(
      std::move(name), "event types", std::move(meaning), access,
      [=](const ConfigValue& value) { return as_event_types(value, allowed); },
      [](EventTypeSet types) { return ConfigValue{names(types)}; }, &text_to_list);
}

// One of a few words, each standing for a value of the field.
template <class Value, class Access>
ConfigKey choice_key(std::string name, std::vector<std::pair<std::string, Value>> choices,
                     std::string meaning, Access access) {
  std::string range;
  for (const auto& choice : choices) range += (range.empty() ? "" : ", ") + choice.first;
  return field_key(
      std::move(name), range, std::move(meaning), access,
      [=](const ConfigValue& value) -> Result<Value> {
        const auto* text = std::get_if<std::string>(&value);
        for (const auto& choice : choices) {
          if (text != nullptr && choice.first == *text) return choice.second;
        }
        return wrong_kind(value, "one of " + range);
      },
      [=](const Value& field) {
        for (const auto& choice : choices) {
          if (choice.second == field) return ConfigValue{choice.first};
        }
        return ConfigValue{std::string()};
      },
      &text_to_text);
}

}  // namespace fovea::topologies
