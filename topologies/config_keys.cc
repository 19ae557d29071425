#include "topologies/config_keys.h"

#include <fmt/format.h>

#include <cmath>
#include <cstdint>
#include <utility>

#include "topologies/config_key_kinds.h"

namespace fovea::topologies {
namespace {

EventTypeSet types_with_an_item() {
  EventTypeSet types;
  for (std::size_t i = 0; i < kEventTypeNames.size(); ++i) {
    const auto type = static_cast<EventType>(i);
    if (type < EventType::kSearch) types.insert(type);
  }
  return types;
}

EventTypeSet types_that_may_trigger() {
  EventTypeSet types = types_with_an_item();
  types.insert(EventType::kSearch);
  types.insert(EventType::kImpression);
  types.insert(EventType::kRequest);
  return types;
}

ConfigKey with_default(ConfigKey key, std::string default_text) {
  key.default_text = std::move(default_text);
  return key;
}

ConfigKey map_key() {
  ConfigKey key{"input.map.*",
                "\"/<field>\"",
                "a JSON pointer or a list of them",
                "where each field of the event contract is found; the first that is present wins",
                {},
                &text_to_list,
                {}};
  key.set = [](Config& config, const std::string& word, const ConfigValue& value) -> Result<void> {
    auto list = as_list(value);
    if (!list) return list.error();
    config.mapping.fields[word] = *std::move(list);
    return {};
  };
  key.get = [](const Config& config) {
    ConfigPairs pairs;
    for (const auto& [field, pointers] : config.mapping.fields) pairs.emplace_back(field, pointers);
    return pairs;
  };
  return key;
}

ConfigKey types_key() {
  ConfigKey key{"events.types.*",
                "as the contract names them",
                "an event type or \"ignore\"",
                "their name of an event type = ours; \"*\" stands for every name not listed",
                {},
                &text_to_text,
                {}};
  key.set = [](Config& config, const std::string& word, const ConfigValue& value) -> Result<void> {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr) return wrong_kind(value, "an event type or \"ignore\"");
    if (*text != "ignore" && !event_type(*text)) {
      std::vector<std::string> known(kEventTypeNames.begin(), kEventTypeNames.end());
      known.emplace_back("ignore");
      const std::string near = nearest_name(*text, known);
      return wrong_kind(value, near.empty() ? "an event type or \"ignore\""
                                            : "an event type, did you mean \"" + near + "\"");
    }
    config.mapping.types[word] = *text;
    return {};
  };
  key.get = [](const Config& config) {
    ConfigPairs pairs;
    for (const auto& [theirs, ours] : config.mapping.types) pairs.emplace_back(theirs, ours);
    return pairs;
  };
  return key;
}

// "1..4"
std::optional<Grade> parse_grade(const std::string& text) {
  const std::size_t dots = text.find("..");
  if (dots == std::string::npos) return std::nullopt;
  const auto none = text_to_number(text.substr(0, dots));
  const auto full = text_to_number(text.substr(dots + 2));
  if (!none || !full) return std::nullopt;
  const Grade grade{static_cast<float>(std::get<double>(*none)),
                    static_cast<float>(std::get<double>(*full))};
  if (!std::isfinite(grade.none) || !std::isfinite(grade.full) || !(grade.none < grade.full)) {
    return std::nullopt;
  }
  return grade;
}

ConfigKey grade_key() {
  ConfigKey key{"events.learn.grade.*",
                "none: in full",
                "two numbers, like \"1..4\"",
                "of an event type: up to the first value it only counts, from the second on it "
                "teaches in full, between in proportion",
                {},
                &text_to_text,
                {}};
  key.set = [](Config& config, const std::string& word, const ConfigValue& value) -> Result<void> {
    const auto type = event_type(word);
    if (!type || !types_with_an_item().contains(*type)) {
      return wrong_kind(value, "for an event type with an item, which " + word + " is not");
    }
    const auto* text = std::get_if<std::string>(&value);
    const auto grade = text == nullptr ? std::nullopt : parse_grade(*text);
    if (!grade) return wrong_kind(value, "two numbers, the first below the second, like \"1..4\"");
    config.grades[*type] = *grade;
    return {};
  };
  key.get = [](const Config& config) {
    ConfigPairs pairs;
    for (const auto& [type, grade] : config.grades) {
      pairs.emplace_back(name(type), fmt::format("{}..{}", grade.none, grade.full));
    }
    return pairs;
  };
  return key;
}

ConfigKey vectors_key() {
  ConfigKey key{"items.vectors.*",
                "none",
                "1..4096 numbers",
                "a modality that items may carry a vector of, and its dimension",
                {},
                &text_to_integer,
                {}};
  key.set = [](Config& config, const std::string& word, const ConfigValue& value) -> Result<void> {
    const auto number = as_integer(value, 1, 4'096);
    if (!number) return number.error();
    config.items.vector_dims[word] = static_cast<std::int32_t>(*number);
    return {};
  };
  key.get = [](const Config& config) {
    ConfigPairs pairs;
    for (const auto& [modality, dim] : config.items.vector_dims) {
      pairs.emplace_back(modality, ConfigValue{std::int64_t{dim}});
    }
    return pairs;
  };
  return key;
}

ConfigKey kafka_key() {
  ConfigKey key{"kafka.*",
                "bootstrap.servers = \"localhost:9092\"",
                "a librdkafka property",
                "passed through; a secret may be `{ file = \"...\" }` or `{ env = \"...\" }`",
                {},
                &text_to_text,
                {}};
  key.set = [](Config& config, const std::string& word, const ConfigValue& value) -> Result<void> {
    if (const auto* text = std::get_if<std::string>(&value)) {
      config.kafka[word] = *text;
    } else if (std::holds_alternative<std::vector<std::string>>(value)) {
      return wrong_kind(value, "one value");
    } else {
      config.kafka[word] = to_toml(value);
    }
    return {};
  };
  key.get = [](const Config& config) {
    ConfigPairs pairs;
    for (const auto& [property, text] : config.kafka) {
      pairs.emplace_back(property, is_secret(property) ? std::string("***") : text);
    }
    return pairs;
  };
  return key;
}

ConfigKey start_key() {
  ConfigKey key = text_key(
      "input.start", "earliest, latest, milliseconds or RFC 3339",
      "where a partition starts that has no position yet",
      [](auto& c) -> auto& { return c.start; });
  key.set = [](Config& config, const std::string&, const ConfigValue& value) -> Result<void> {
    std::string text;
    if (const auto* given = std::get_if<std::string>(&value)) text = *given;
    if (const auto* ms = std::get_if<std::int64_t>(&value)) text = std::to_string(*ms);
    auto start = parse_start(text);
    if (!start) return stop("= " + start.error().message);
    config.start = *std::move(start);
    return {};
  };
  return key;
}

ConfigKey mode_key() {
  ConfigKey key = choice_key<DeliveryMode>(
      "delivery.mode",
      {{"at_least_once", DeliveryMode::kAtLeastOnce}, {"exactly_once", DeliveryMode::kExactlyOnce}},
      "at_least_once: outputs may repeat after a crash and leave at once; state is exact in both",
      [](auto& c) -> auto& { return c.delivery.mode; });
  key.default_text = "\"exactly_once\"; where `transport` is embedded \"at_least_once\"";
  return key;
}

constexpr std::int64_t kDayMs = 86'400'000;

std::vector<ConfigKey> make_keys() {
  using ingest::TimeUnit;
  using scorer::ExplainLevel;
  const std::string topic = "a topic name";
  std::vector<ConfigKey> keys;

  keys.push_back(with_default(
      text_key(
          "name", "a-z, 0-9, _ and -, at most 64", "the topology; first part of every name",
          [](auto& c) -> auto& { return c.name; }),
      "required"));
  keys.push_back(integer_key(
      "workers", 1, 64, "threads",
      "workers of this process; input partitions are divided among them",
      [](auto& c) -> auto& { return c.workers; }));
  keys.push_back(choice_key<Transport>(
      "transport", {{"kafka", Transport::kKafka}, {"embedded", Transport::kEmbedded}},
      "embedded: a broker inside `fovea run`, for trials; nothing in it outlives the run",
      [](auto& c) -> auto& { return c.transport; }));

  keys.push_back(with_default(list_key(
                                  "input.topics", "topic names", "where events come from",
                                  [](auto& c) -> auto& { return c.topics.input; }),
                              "[\"<prefix><name>.events\"]"));
  keys.push_back(flag_key(
      "input.keyed_by_user",
      "the input's key is the user id; false: several topics and any key, re-keyed into "
      "topics.events",
      [](auto& c) -> auto& { return c.keyed_by_user; }));
  keys.push_back(start_key());
  keys.push_back(choice_key<OnGap>(
      "input.on_lost", {{"stop", OnGap::kStop}, {"continue", OnGap::kContinue}},
      "where the group's position is below the input's start: stop, or go on from the start",
      [](auto& c) -> auto& { return c.on_lost; }));
  keys.push_back(text_key(
      "input.each", "a JSON pointer", "an array of the record; each entry is an event",
      [](auto& c) -> auto& { return c.mapping.each; }));
  keys.push_back(choice_key<TimeUnit>(
      "input.ts_unit",
      {{"s", TimeUnit::kSeconds}, {"ms", TimeUnit::kMilliseconds}, {"us", TimeUnit::kMicroseconds}},
      "unit of a `ts` that is a number", [](auto& c) -> auto& { return c.mapping.ts_unit; }));
  keys.push_back(map_key());

  keys.push_back(duration_key(
      "events.lateness", 0, 3'650 * kDayMs,
      "an event later than this is folded, but teaches nothing",
      [](auto& c) -> auto& { return c.lateness_ms; }));
  keys.push_back(duration_key(
      "events.max_future", 0, 3'650 * kDayMs,
      "an event this far after its record's timestamp is refused",
      [](auto& c) -> auto& { return c.mapping.max_future_ms; }));
  keys.push_back(types_key());
  keys.push_back(with_default(
      event_types_key(
          "events.learn.positive", types_with_an_item(), "types that teach: this was chosen",
          [](auto& c) -> auto& { return c.model.positive; }),
      "view, click, like, rate, purchase, add_to_cart, play"));
  keys.push_back(with_default(
      event_types_key(
          "events.learn.negative", types_with_an_item(), "types that teach: this was refused",
          [](auto& c) -> auto& { return c.model.negative; }),
      "[]"));
  keys.push_back(grade_key());
  keys.push_back(list_key(
      "context.fields", "at most 16 names",
      "fields of an event's `context` that are kept and learned from",
      [](auto& c) -> auto& { return c.model.context_fields; }));
  keys.push_back(vectors_key());

  keys.push_back(
      with_default(event_types_key(
                       "emit.on", types_that_may_trigger(), "types that trigger a recommendation",
                       [](auto& c) -> auto& { return c.emit.on; }),
                   "events.learn.positive and request"));
  keys.push_back(duration_key(
      "emit.min_interval", 0, kDayMs, "at most one slate a user every so often, by event time",
      [](auto& c) -> auto& { return c.emit.min_interval_ms; }));
  keys.push_back(flag_key(
      "emit.only_if_changed", "send only what differs from the slate before",
      [](auto& c) -> auto& { return c.emit.only_if_changed; }));
  keys.push_back(duration_key(
      "emit.max_event_age", 0, 3'650 * kDayMs,
      "an older event is folded and learned, not answered; 0 answers all",
      [](auto& c) -> auto& { return c.emit.max_event_age_ms; }));

  keys.push_back(integer_key(
      "slate.size", 1, 200, "items", "items of a recommendation",
      [](auto& c) -> auto& { return c.slate.size; }));
  keys.push_back(choice_key<bool>(
      "slate.seen", {{"allow", false}, {"exclude", true}},
      "whether items the user has had may be recommended again",
      [](auto& c) -> auto& { return c.model.exclude_seen; }));
  keys.push_back(choice_key<ExplainLevel>(
      "slate.explain",
      {{"off", ExplainLevel::kOff}, {"brief", ExplainLevel::kBrief}, {"full", ExplainLevel::kFull}},
      "how much of the why each recommendation carries",
      [](auto& c) -> auto& { return c.slate.explain; }));
  keys.push_back(number_key(
      "slate.temperature", 0.01, 100, "of the attention shares; higher is more even",
      [](auto& c) -> auto& { return c.slate.temperature; }));

  keys.push_back(integer_key(
      "profile.history_max", 1, 200, "events", "newest events kept and attended over (L)",
      [](auto& c) -> auto& { return c.fold.history_max; }));
  keys.push_back(integer_key(
      "profile.own_items_max", 0, 65'536, "items",
      "items remembered as had by the user, oldest out",
      [](auto& c) -> auto& { return c.fold.own_items_max; }));
  keys.push_back(integer_key(
      "profile.event_ids_max", 0, 4'096, "ids", "event ids remembered to recognise repeats",
      [](auto& c) -> auto& { return c.fold.event_ids_max; }));
  keys.push_back(quantity_key(
      "profile.counter_half_life", kDuration, 1'000, 1'000, 10'000 * kDayMs,
      "of the counts by event type", [](auto& c) -> auto& { return c.fold.counter_half_life_s; }));

  keys.push_back(integer_key(
      "model.dim", 1, 256, "numbers", "length of an item vector (D)",
      [](auto& c) -> auto& { return c.model.dim; }));
  keys.push_back(quantity_key(
      "model.half_life", kDuration, 1'000, 1'000, 10'000 * kDayMs,
      "of popularity (H); short where tastes move fast",
      [](auto& c) -> auto& { return c.model.half_life_s; }));
  keys.push_back(integer_key(
      "model.negatives", 2, 1'024, "items", "items that each example is learned against",
      [](auto& c) -> auto& { return c.model.negatives; }));
  keys.push_back(integer_key(
      "model.example_history_max", 1, 200, "events",
      "history that an example carries; at most profile.history_max",
      [](auto& c) -> auto& { return c.model.example_history_max; }));
  keys.push_back(integer_key(
      "model.transition_row_max", 1, 1'000, "items", "followers remembered of each item",
      [](auto& c) -> auto& { return c.model.transition_row_max; }));
  keys.push_back(integer_key(
      "model.pair_rows", 1, 1 << 24, "rows",
      "pairs of items whose followers are remembered; a power of two, 152 bytes each, three times",
      [](auto& c) -> auto& { return c.model.pair_rows; }));
  keys.push_back(integer_key(
      "model.neighbour_ring", 1, 1 << 24, "choices",
      "latest choices in which neighbours are looked for; a power of two, 24 bytes each, three "
      "times",
      [](auto& c) -> auto& { return c.model.neighbour_ring; }));
  keys.push_back(integer_key(
      "model.recent_items_max", 1, 1'000'000, "events",
      "recent events that negatives are drawn from",
      [](auto& c) -> auto& { return c.model.recent_items_max; }));
  keys.push_back(integer_key(
      "model.items_max", 100, 10'000'000, "items",
      "items known at a time; beyond, those known by their id alone give way, least used first",
      [](auto& c) -> auto& { return c.model.items_max; }));
  keys.push_back(integer_key(
      "model.warmup_examples", 0, 1'000'000, "examples", "counted before the first gradient",
      [](auto& c) -> auto& { return c.model.warmup_examples; }));
  keys.push_back(duration_key(
      "model.restart_target", 100, kDayMs,
      "a snapshot whenever learning its tail again would take longer",
      [](auto& c) -> auto& { return c.view.restart_target_ms; }));
  keys.push_back(quantity_key(
      "model.publish_budget", kSize, 1, 0, std::int64_t{1} << 40,
      "bytes a second of snapshots published to `topics.model`; 0 publishes none",
      [](auto& c) -> auto& { return c.publication.budget_bytes; }));
  keys.push_back(choice_key<OnGap>(
      "model.on_gap", {{"stop", OnGap::kStop}, {"continue", OnGap::kContinue}},
      "where the learning log begins after the model's position: no start, or another lineage",
      [](auto& c) -> auto& { return c.publication.on_gap; }));
  keys.push_back(duration_key(
      "model.view.publish_interval", 1, 3'600'000, "workers see a newer model this often",
      [](auto& c) -> auto& { return c.view.publish_interval_ms; }));
  keys.push_back(integer_key(
      "model.view.publish_examples", 1, 1'000'000, "examples",
      "and at least every so many examples where traffic is thin",
      [](auto& c) -> auto& { return c.view.publish_examples; }));

  keys.push_back(integer_key(
      "learning.shed_lag", 0, 10'000, "records",
      "learner lag from which on live examples are marked count-only, all of them at twice that; 0 "
      "is never",
      [](auto& c) -> auto& { return c.learning.shed_lag; }));
  keys.push_back(duration_key(
      "learning.retention", 0, 3'650 * kDayMs,
      "the learning log is trimmed of what is older and below both published snapshots",
      [](auto& c) -> auto& { return c.learning.retention_ms; }));

  keys.push_back(mode_key());
  keys.push_back(duration_key(
      "delivery.commit_interval", 10, 60'000,
      "outputs, state and positions are committed this often; exactly_once: 20ms to 5s",
      [](auto& c) -> auto& { return c.delivery.commit_interval_ms; }));
  keys.push_back(integer_key(
      "delivery.batch_records_max", 1, 100'000, "records", "records of one poll",
      [](auto& c) -> auto& { return c.delivery.batch_records_max; }));

  keys.push_back(
      with_default(text_key(
                       "state.directory", "a path", "profiles and model snapshots live below it",
                       [](auto& c) -> auto& { return c.state.directory; }),
                   "\"state/<name>\""));
  keys.push_back(quantity_key(
      "state.memory", kSize, 1, std::int64_t{16} << 20, std::int64_t{1} << 40,
      "memory of the profile store, a hard budget",
      [](auto& c) -> auto& { return c.state.memory_bytes; }));
  keys.push_back(flag_key(
      "state.standby",
      "keeps what other processes have too, some seconds old: taking over needs only the rest",
      [](auto& c) -> auto& { return c.state.standby; }));

  keys.push_back(text_key(
      "topics.prefix", "topic name characters", "before every topic name that is not given in full",
      [](auto& c) -> auto& { return c.prefix; }));
  const auto topic_key = [&](const std::string& leaf, const std::string& suffix,
                             std::string meaning, auto access) {
    keys.push_back(with_default(text_key("topics." + leaf, topic, std::move(meaning), access),
                                "\"<prefix><name>." + suffix + "\""));
  };
  topic_key(
      "events", "events", "where input that is not keyed by user goes, keyed by user",
      [](auto& c) -> auto& { return c.topics.events; });
  topic_key(
      "items", "items", "the catalogue", [](auto& c) -> auto& { return c.topics.items; });
  topic_key(
      "learning", "learning", "the learning log",
      [](auto& c) -> auto& { return c.topics.learning; });
  topic_key(
      "model", "model", "published model snapshots",
      [](auto& c) -> auto& { return c.topics.model; });
  topic_key(
      "profiles", "profiles", "changelog of the profiles",
      [](auto& c) -> auto& { return c.topics.profiles; });
  topic_key(
      "recommendations", "recommendations", "what consumers read",
      [](auto& c) -> auto& { return c.topics.recommendations; });
  topic_key(
      "dead_letter", "dead-letter", "input that could not be understood",
      [](auto& c) -> auto& { return c.topics.dead_letter; });
  keys.push_back(integer_key(
      "topics.partitions", 1, 10'000, "partitions", "`topics create`: where the number is free",
      [](auto& c) -> auto& { return c.topic_shape.partitions; }));
  keys.push_back(integer_key(
      "topics.replication", 0, 32, "copies", "`topics create`: copies; 0 is the broker's default",
      [](auto& c) -> auto& { return c.topic_shape.replication; }));

  keys.push_back(
      with_default(text_key(
                       "group.id", "a consumer group", "processes that share the work share it",
                       [](auto& c) -> auto& { return c.group_id; }),
                   "\"<name>\""));
  keys.push_back(with_default(
      text_key(
          "group.instance", "a text", "this process in its group; stable across restarts",
          [](auto& c) -> auto& { return c.instance_id; }),
      "the host's name"));
  keys.push_back(kafka_key());
  keys.push_back(text_key(
      "metrics.listen", "host:port, \"\" or \"off\"",
      "where /metrics, /healthz and /readyz are served; port 0 is any free one",
      [](auto& c) -> auto& { return c.metrics.listen; }));
  keys.push_back(duration_key(
      "metrics.ready_lag", 100, kDayMs, "/readyz: input and learner may be so far behind",
      [](auto& c) -> auto& { return c.metrics.ready_lag_ms; }));
  keys.push_back(choice_key<std::string>(
      "log.format", {{"text", "text"}, {"json", "json"}}, "how log lines look",
      [](auto& c) -> auto& { return c.log_format; }));
  keys.push_back(choice_key<std::string>(
      "log.level",
      {{"trace", "trace"},
       {"debug", "debug"},
       {"info", "info"},
       {"warning", "warning"},
       {"error", "error"}},
      "the least that is logged", [](auto& c) -> auto& { return c.log_level; }));
  keys.push_back(flag_key(
      "log.personal_data", "log lines may quote records and name users",
      [](auto& c) -> auto& { return c.log_personal_data; }));
  return keys;
}

}  // namespace

std::string_view ConfigKey::section() const {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string_view{} : std::string_view(name).substr(0, dot);
}

std::string_view ConfigKey::leaf() const {
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string_view(name) : std::string_view(name).substr(dot + 1);
}

const std::vector<ConfigKey>& config_keys() {
  static const std::vector<ConfigKey> keys = make_keys();
  return keys;
}

Result<FoundKey> find_config_key(const std::string& path) {
  std::vector<std::string> plain;
  for (const ConfigKey& key : config_keys()) {
    if (!key.open() && key.name == path) return FoundKey{&key, {}};
    if (!key.open()) {
      plain.push_back(key.name);
      continue;
    }
    const std::string_view start = std::string_view(key.name).substr(0, key.name.size() - 1);
    if (path.size() > start.size() && path.compare(0, start.size(), start) == 0) {
      return FoundKey{&key, path.substr(start.size())};
    }
  }
  std::string near = nearest_name(path, plain);
  if (near.empty()) {
    // The right word in the wrong section is a common slip, too.
    const std::string word = path.substr(path.rfind('.') + 1);
    for (const ConfigKey& key : config_keys()) {
      if (key.leaf() == word) near = key.name;
    }
  }
  return stop(near.empty() ? "unknown key" : "unknown key, did you mean " + near);
}

bool is_secret(std::string_view property) {
  for (const std::string_view word : {"password", "secret", "key", "oauthbearer.config"}) {
    if (property.find(word) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace fovea::topologies
