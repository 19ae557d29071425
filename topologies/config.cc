#include "topologies/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <limits>
#include <map>
#include <set>
#include <string_view>
#include <utility>

#include "ingest/kafka.h"
#include "topologies/config_file.h"
#include "topologies/config_keys.h"

extern char** environ;  // NOLINT: POSIX declares it in no header that standard C++ mode shows

namespace fovea::topologies {
namespace {

constexpr std::string_view kVariablePrefix = "FOVEA_";
constexpr std::int64_t kTransactionMsMin = 20;
constexpr std::int64_t kTransactionMsMax = 5'000;

// "FOVEA_SLATE__SIZE" -> "slate.size"; empty for a variable that is not configuration.
std::string path_of_variable(const std::string& variable) {
  if (variable.compare(0, kVariablePrefix.size(), kVariablePrefix) != 0) return {};
  std::string path;
  for (std::size_t i = kVariablePrefix.size(); i < variable.size(); ++i) {
    if (variable.compare(i, 2, "__") == 0) {
      path += '.';
      ++i;
    } else {
      path += static_cast<char>(std::tolower(static_cast<unsigned char>(variable[i])));
    }
  }
  if (path.find('.') == std::string::npos) {
    const auto& keys = config_keys();
    const bool known = std::any_of(keys.begin(), keys.end(),
                                   [&](const ConfigKey& key) { return key.name == path; });
    return known ? path : std::string();
  }
  // No librdkafka property holds an underscore, and no variable a full stop.
  if (path.compare(0, 6, "kafka.") == 0) std::replace(path.begin(), path.end(), '_', '.');
  return path;
}

class Loader {
 public:
  Result<void> apply(const ConfigSetting& setting) {
    const auto found = find_config_key(setting.path);
    if (!found) {
      return stop(fmt::format("{}: {}: {}", setting.origin, setting.path, found.error().message));
    }
    auto done = found->key->set(config_, found->word, setting.value);
    if (!done) {
      return stop(fmt::format("{}: {} {}", setting.origin, setting.path, done.error().message));
    }
    given_[setting.path] = setting.origin;
    return {};
  }

  Result<void> apply_text(const std::string& path, const std::string& text,
                          const std::string& origin) {
    const auto found = find_config_key(path);
    if (!found) return stop(fmt::format("{}: {}: {}", origin, path, found.error().message));
    const auto value = found->key->parse(text);
    if (!value) return stop(fmt::format("{}: {} {}", origin, path, value.error().message));
    return apply({path, *value, origin});
  }

  Result<Config> finish(const std::string& where);

 private:
  [[nodiscard]] bool given(const std::string& path) const { return given_.count(path) != 0; }

  void derive();
  [[nodiscard]] Result<void> check_delivery() const;
  [[nodiscard]] Result<void> check() const;

  Config config_;
  std::map<std::string, std::string> given_;  // a key and where it was last set
};

// Defaults that depend on other keys.
void Loader::derive() {
  Config& c = config_;
  const std::string stem = c.prefix + c.name + ".";
  if (c.topics.input.empty()) c.topics.input = {stem + "events"};
  if (c.topics.events.empty()) {
    c.topics.events = c.keyed_by_user ? c.topics.input.front() : stem + "events";
  }
  c.mapping.user_in_entry = !c.keyed_by_user;
  const auto name_topic = [&](std::string& topic, const char* suffix) {
    if (topic.empty()) topic = stem + suffix;
  };
  name_topic(c.topics.items, "items");
  name_topic(c.topics.learning, "learning");
  name_topic(c.topics.model, "model");
  name_topic(c.topics.profiles, "profiles");
  name_topic(c.topics.recommendations, "recommendations");
  name_topic(c.topics.dead_letter, "dead-letter");

  if (c.group_id.empty()) c.group_id = c.name;
  if (c.instance_id.empty()) {
    std::array<char, 256> host{};
    const bool known = gethostname(host.data(), host.size() - 1) == 0 && host[0] != '\0';
    c.instance_id = known ? host.data() : "fovea";
  }
  if (c.state.directory.empty()) c.state.directory = "state/" + c.name;
  c.kafka.try_emplace("bootstrap.servers", "localhost:9092");
  if (!given("delivery.mode") && c.transport == Transport::kKafka) {
    c.delivery.mode = DeliveryMode::kExactlyOnce;
  }

  if (!given("events.learn.positive")) {
    for (const EventType type :
         {EventType::kView, EventType::kClick, EventType::kLike, EventType::kRate,
          EventType::kPurchase, EventType::kAddToCart, EventType::kPlay}) {
      if (!c.model.negative.contains(type)) c.model.positive.insert(type);
    }
  }
  if (!given("emit.on")) {
    c.emit.on = c.model.positive;
    c.emit.on.insert(EventType::kRequest);
  }

  c.model.topology = c.name;
  c.model.history_max = static_cast<std::int32_t>(c.fold.history_max);
  if (!given("model.example_history_max")) {
    c.model.example_history_max = std::min(c.model.example_history_max, c.model.history_max);
  }
  c.fold.context_fields = c.model.context_fields;
}

bool is_topic_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
  return !name.empty() && name.size() <= 249 && name != "." && name != ".." &&
         name.find_first_not_of(kAllowed) == std::string_view::npos;
}

bool is_topology_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_-") == std::string_view::npos;
}

// Here and not at the key, because the transport may be set after it.
Result<void> Loader::check_delivery() const {
  if (config_.delivery.mode != DeliveryMode::kExactlyOnce) return {};
  if (config_.transport == Transport::kEmbedded) {
    return stop(
        fmt::format("{}: delivery.mode = \"exactly_once\" is for a cluster that keeps what it was "
                    "given: the embedded broker has nothing on disk and drops the oldest beyond 5 "
                    "MB a partition, use \"at_least_once\"",
                    given_.at("delivery.mode")));
  }
  // A client waits 20 ms between one transaction and the next.
  if (config_.delivery.commit_interval_ms < kTransactionMsMin) {
    return stop(
        fmt::format("{}: delivery.commit_interval = \"{}ms\" is below {}ms, the least with "
                    "delivery.mode = \"exactly_once\"",
                    given_.at("delivery.commit_interval"), config_.delivery.commit_interval_ms,
                    kTransactionMsMin));
  }
  if (config_.delivery.commit_interval_ms > kTransactionMsMax) {
    return stop(
        fmt::format("{}: delivery.commit_interval = \"{}ms\" is above {}ms, the most with "
                    "delivery.mode = \"exactly_once\": the broker gives up a transaction that "
                    "takes 10 s",
                    given_.at("delivery.commit_interval"), config_.delivery.commit_interval_ms,
                    kTransactionMsMax));
  }
  return {};
}

// What one key cannot see alone.
Result<void> Loader::check() const {
  const Config& c = config_;
  if (c.name.empty()) return stop("name is not set: a topology needs one, like name = \"video\"");
  if (!is_topology_name(c.name)) {
    return stop(
        fmt::format("name = {} is not a-z, 0-9, _ and -, at most 64 of them", toml_string(c.name)));
  }
  if ((c.model.positive.bits() & c.model.negative.bits()) != 0) {
    return stop("events.learn.positive and events.learn.negative name the same type");
  }
  for (const auto& [type, grade] : c.grades) {
    if (c.model.positive.contains(type) || c.model.negative.contains(type)) continue;
    return stop(
        fmt::format("events.learn.grade.{}: events.learn names no {}, so it teaches nothing",
                    name(type), name(type)));
  }
  if (c.model.example_history_max > c.model.history_max) {
    return stop(fmt::format("model.example_history_max = {} is above profile.history_max = {}",
                            c.model.example_history_max, c.model.history_max));
  }
  if (c.model.context_fields.size() > c.fold.context_fields_max) {
    return stop(fmt::format("context.fields has {} entries, more than {}",
                            c.model.context_fields.size(), c.fold.context_fields_max));
  }
  for (std::size_t i = 0; i < c.model.context_fields.size(); ++i) {
    const auto& fields = c.model.context_fields;
    if (std::find(fields.begin(), fields.begin() + static_cast<std::ptrdiff_t>(i), fields[i]) !=
        fields.begin() + static_cast<std::ptrdiff_t>(i)) {
      return stop(fmt::format("context.fields names {} twice", toml_string(fields[i])));
    }
  }

  if (c.keyed_by_user && c.topics.events != c.topics.input.front()) {
    return stop(fmt::format("topics.events = {} is for input.keyed_by_user = false",
                            toml_string(c.topics.events)));
  }
  std::vector<std::pair<std::string, std::string>> topics = {
      {"topics.items", c.topics.items},
      {"topics.learning", c.topics.learning},
      {"topics.model", c.topics.model},
      {"topics.profiles", c.topics.profiles},
      {"topics.recommendations", c.topics.recommendations},
      {"topics.dead_letter", c.topics.dead_letter}};
  for (const std::string& topic : c.topics.input) topics.emplace_back("input.topics", topic);
  if (!c.keyed_by_user) topics.emplace_back("topics.events", c.topics.events);
  std::set<std::string> seen;
  for (const auto& [key, topic] : topics) {
    if (!is_topic_name(topic)) {
      return stop(fmt::format("{} = {} is not a topic name", key, toml_string(topic)));
    }
    if (!seen.insert(topic).second) {
      return stop(fmt::format("{} = {} has another use already", key, toml_string(topic)));
    }
  }

  if (const auto codec = ingest::EventCodec::create(c.mapping); !codec) {
    return stop("input.map: " + codec.error().message);
  }
  if (const auto codec = ingest::ItemCodec::create(c.items); !codec) {
    return stop("items.vectors: " + codec.error().message);
  }
  ingest::KafkaSettings kafka;
  kafka.properties = c.kafka;
  if (const auto known = ingest::check_kafka_settings(kafka); !known) {
    return stop("kafka: " + known.error().message);
  }
  return {};
}

Result<Config> Loader::finish(const std::string& where) {
  derive();
  if (auto good = check_delivery(); !good) return good.error();
  if (const auto good = check(); !good) {
    return stop(fmt::format("{}: {}", where, good.error().message));
  }
  return std::move(config_);
}

Result<Config> load(const std::vector<ConfigSetting>& settings, const ConfigSources& sources,
                    const std::string& where) {
  Loader loader;
  for (const ConfigSetting& setting : settings) {
    if (auto done = loader.apply(setting); !done) return done.error();
  }
  for (const auto& [variable, text] : sources.environment) {
    const std::string path = path_of_variable(variable);
    // Compose files pass variables on empty when they are not set outside.
    if (path.empty() || text.empty()) continue;
    if (auto done = loader.apply_text(path, text, variable); !done) return done.error();
  }
  for (const auto& [path, text] : sources.overrides) {
    if (auto done = loader.apply_text(path, text, "--set"); !done) return done.error();
  }
  return loader.finish(where);
}

}  // namespace

Result<Config> load_config(const ConfigSources& sources) {
  const auto settings = read_toml_file(sources.path);
  if (!settings) return settings.error();
  auto config = load(*settings, sources, sources.path);
  if (config) config->path = sources.path;
  return config;
}

Result<Config> load_config_text(const std::string& toml, const std::string& directory,
                                const ConfigSources& sources) {
  const auto settings = read_toml_text(toml, "configuration", directory);
  if (!settings) return settings.error();
  return load(*settings, sources, "configuration");
}

std::map<std::string, std::string> process_environment() {
  std::map<std::string, std::string> out;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) continue;
    if (text.substr(0, kVariablePrefix.size()) != kVariablePrefix) continue;
    out.emplace(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

Config config_of_tasks(Config config) {
  if (config.keyed_by_user) return config;
  config.topics.input = {config.topics.events};
  config.keyed_by_user = true;
  config.mapping = {};
  // Judged when it was re-keyed, against the record that it came in.
  config.mapping.max_future_ms = std::numeric_limits<std::int64_t>::max() / 2;
  config.start = "earliest";
  return config;
}

}  // namespace fovea::topologies
