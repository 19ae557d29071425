#include "topologies/config_key_kinds.h"

#include <fmt/format.h>

#include <cctype>
#include <charconv>
#include <variant>

namespace fovea::topologies {
namespace {

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

template <class Number>
Result<ConfigValue> text_to(const std::string& text, std::string_view wanted) {
  Number number{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || end != text.data() + text.size()) {
    return wrong_kind(ConfigValue{text}, wanted);
  }
  return ConfigValue{number};
}

}  // namespace

Error wrong_kind(const ConfigValue& value, std::string_view wanted) {
  return stop(fmt::format("= {} is not {}", to_toml(value), wanted));
}

Error outside_range(const ConfigValue& value, std::string_view range) {
  return stop(fmt::format("= {} is outside {}", to_toml(value), range));
}

Result<bool> as_flag(const ConfigValue& value) {
  if (const bool* flag = std::get_if<bool>(&value)) return *flag;
  return wrong_kind(value, "true or false");
}

Result<std::string> as_text(const ConfigValue& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return *text;
  return wrong_kind(value, "a text");
}

Result<std::vector<std::string>> as_list(const ConfigValue& value) {
  std::vector<std::string> list;
  if (const auto* given = std::get_if<std::vector<std::string>>(&value)) {
    list = *given;
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    list.push_back(*text);
  } else {
    return wrong_kind(value, "a list of texts");
  }
  for (const std::string& entry : list) {
    if (entry.empty()) return stop("holds an empty text");
  }
  return list;
}

Result<std::int64_t> as_integer(const ConfigValue& value, std::int64_t low, std::int64_t high) {
  const auto* number = std::get_if<std::int64_t>(&value);
  if (number == nullptr) return wrong_kind(value, "a whole number");
  if (*number < low || *number > high) return outside_range(value, range_text(low, high, ""));
  return *number;
}

Result<double> as_number(const ConfigValue& value, double low, double high) {
  double number = 0;
  if (const auto* whole = std::get_if<std::int64_t>(&value)) {
    number = static_cast<double>(*whole);
  } else if (const auto* real = std::get_if<double>(&value)) {
    number = *real;
  } else {
    return wrong_kind(value, "a number");
  }
  // Written so that NaN is outside, too.
  if (!(number >= low && number <= high)) return outside_range(value, range_text(low, high));
  return number;
}

Result<std::int64_t> as_quantity(const ConfigValue& value, Quantity quantity, std::int64_t low,
                                 std::int64_t high) {
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) {
    return wrong_kind(value, fmt::format("a text with a unit, like \"{}\"", quantity.print(high)));
  }
  const auto amount = quantity.parse(*text);
  if (!amount) return stop("= " + amount.error().message);
  if (*amount < low || *amount > high) {
    return outside_range(value, range_text(quantity, low, high));
  }
  return *amount;
}

Result<EventTypeSet> as_event_types(const ConfigValue& value, EventTypeSet allowed) {
  const auto list = as_list(value);
  if (!list) return list.error();
  EventTypeSet types;
  for (const std::string& entry : *list) {
    const auto type = event_type(entry);
    if (!type || !allowed.contains(*type)) {
      const std::vector<std::string> known = names(allowed);
      const std::string near = nearest_name(entry, known);
      std::string all;
      for (const std::string& one : known) all += (all.empty() ? "" : ", ") + one;
      return stop(fmt::format("holds \"{}\", which is not one of {}{}", entry, all,
                              near.empty() ? "" : "; did you mean " + near));
    }
    types.insert(*type);
  }
  return types;
}

std::vector<std::string> names(EventTypeSet types) {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kEventTypeNames.size(); ++i) {
    if (types.contains(static_cast<EventType>(i))) out.emplace_back(kEventTypeNames[i]);
  }
  return out;
}

Result<ConfigValue> text_to_flag(const std::string& text) {
  if (text == "true") return ConfigValue{true};
  if (text == "false") return ConfigValue{false};
  return wrong_kind(ConfigValue{text}, "true or false");
}

Result<ConfigValue> text_to_integer(const std::string& text) {
  return text_to<std::int64_t>(text, "a whole number");
}

Result<ConfigValue> text_to_number(const std::string& text) {
  return text_to<double>(text, "a number");
}

Result<ConfigValue> text_to_list(const std::string& text) {
  std::string_view rest = trimmed(text);
  if (rest.size() >= 2 && rest.front() == '[' && rest.back() == ']') {
    rest = rest.substr(1, rest.size() - 2);
  }
  std::vector<std::string> list;
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    std::string_view entry = trimmed(rest.substr(0, comma));
    if (entry.size() >= 2 && entry.front() == '"' && entry.back() == '"') {
      entry = entry.substr(1, entry.size() - 2);
    }
    if (!entry.empty()) list.emplace_back(entry);
    if (comma == std::string_view::npos) break;
    rest = rest.substr(comma + 1);
  }
  return ConfigValue{list};
}

std::string range_text(std::int64_t low, std::int64_t high, const std::string& unit) {
  return fmt::format("{}..{}{}{}", low, high, unit.empty() ? "" : " ", unit);
}

std::string range_text(double low, double high) {
  return fmt::format("{}..{}", low, high);
}

std::string range_text(Quantity quantity, std::int64_t low, std::int64_t high) {
  return fmt::format("{}..{}", low == 0 ? "0" : quantity.print(low), quantity.print(high));
}

}  // namespace fovea::topologies
