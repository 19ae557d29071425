#pragma once

// A topology as configuration describes it: typed, with every default in one place.
//
// TOML, then environment (FOVEA_INPUT__TOPICS=...), then --set key=value; later ones win. Every key
// has a default, a unit and a range (topologies/README.md lists them, a test compares). An unknown
// key is an error that names the nearest known one. Durations are strings: "250ms", "10d".
//
// A file may say `include = "mappings/segment.toml"` (or a list), relative to itself; what it says
// wins over what it includes. A librdkafka property may be read from elsewhere:
// `kafka."sasl.password" = { file = "/run/secrets/kafka" }` or `{ env = "KAFKA_PASSWORD" }`.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ingest/event_codec.h"
#include "ingest/item_codec.h"
#include "profile_store/fold.h"
#include "scorer/model_settings.h"
#include "scorer/slate_scorer.h"
#include "vocab/event.h"
#include "vocab/result.h"

namespace fovea::topologies {

enum class Transport : std::uint8_t { kKafka, kEmbedded };

enum class DeliveryMode : std::uint8_t {
  kAtLeastOnce,
  kExactlyOnce,
};

struct TopicNames {
  std::vector<std::string> input;
  std::string events;  // what tasks consume: the input, or what it is re-keyed into
  std::string items;
  std::string learning;
  std::string model;
  std::string profiles;
  std::string recommendations;
  std::string dead_letter;
};

// What `topics create` asks for where the design leaves the choice.
struct TopicShape {
  std::int32_t partitions = 4;   // of the topics whose count is free, and of an input we create
  std::int32_t replication = 0;  // copies; 0 is the broker's default
};

struct EmitPolicy {
  EventTypeSet on;                         // types that trigger
  std::int64_t min_interval_ms = 0;        // at most one slate a user every so often (event time)
  bool only_if_changed = false;            // only if the slate's items or order changed
  std::int64_t max_event_age_ms = 60'000;  // older: folded and learned, not answered; 0 = no limit
};

struct SlateSettings {
  std::int32_t size = 10;
  scorer::ExplainLevel explain = scorer::ExplainLevel::kBrief;
  double temperature = 1.0;
};

struct DeliverySettings {
  DeliveryMode mode = DeliveryMode::kAtLeastOnce;
  std::int64_t commit_interval_ms = 100;
  std::size_t batch_records_max = 500;
};

struct StateSettings {
  std::string directory;  // profiles/ and model/ live below it
  std::size_t memory_bytes = 256U << 20U;
  bool standby = false;
};

struct ViewSettings {
  std::int64_t publish_interval_ms = 200;
  std::int64_t publish_examples = 30;      // where traffic is thin: at least every so many examples
  std::int64_t restart_target_ms = 2'000;  // a snapshot whenever refolding would take longer
};

struct LearningSettings {
  std::int64_t shed_lag = 5'000;  // records; 0: examples are never marked count-only
  // Longer ago than this, and below both published snapshots: deleted from the learning log.
  std::int64_t retention_ms = 86'400'000;
};

// What happens where a log begins after the position that is wanted.
enum class OnGap : std::uint8_t { kStop, kContinue };

struct PublicationSettings {
  std::int64_t budget_bytes = 1 << 20;  // a second, of snapshots; 0: none are published
  OnGap on_gap = OnGap::kStop;
};

struct MetricsSettings {
  std::string listen = "127.0.0.1:9464";  // empty or "off": not served
  std::int64_t ready_lag_ms = 10'000;
};

// What an event's value says of how much it teaches: nothing at `none`, in full at `full`.
struct Grade {
  float none = 0.0F;
  float full = 1.0F;
  bool operator==(const Grade&) const = default;
};

struct Config {
  std::string path;         // of the file it was read from; not a key
  std::string name;         // the topology's
  std::string group_id;     // default: the name
  std::string instance_id;  // default: host name; stable across restarts
  std::int32_t workers = 1;
  Transport transport = Transport::kKafka;
  std::string prefix;  // of every topic whose name is not given in full
  TopicNames topics;
  TopicShape topic_shape;
  bool keyed_by_user = true;
  OnGap on_lost = OnGap::kStop;       // of the input
  std::string start = "earliest";     // "earliest", "latest" or milliseconds since the epoch
  std::map<EventType, Grade> grades;  // of types that teach; others teach in full
  ingest::EventMapping mapping;
  ingest::ItemContract items;
  std::int64_t lateness_ms = 3'600'000;  // later than this: folded, not an example
  profile_store::FoldSettings fold;
  scorer::ModelSettings model;
  EmitPolicy emit;
  SlateSettings slate;
  DeliverySettings delivery;
  StateSettings state;
  ViewSettings view;
  LearningSettings learning;
  PublicationSettings publication;
  MetricsSettings metrics;
  std::map<std::string, std::string> kafka;  // librdkafka properties
  std::string log_format = "text";           // "text" or "json"
  std::string log_level = "info";
  bool log_personal_data = false;  // else no line quotes a record or names a user
};

struct ConfigSources {
  std::string path;
  std::vector<std::pair<std::string, std::string>> overrides;  // --set key=value, in order
  std::map<std::string, std::string> environment;              // only FOVEA_* is looked at
};

// Errors: kStop naming file, key, value and the nearest known key or the range.
[[nodiscard]] Result<Config> load_config(const ConfigSources& sources);

// As load_config(), of a text instead of a file; includes are relative to `directory`.
[[nodiscard]] Result<Config> load_config_text(const std::string& toml, const std::string& directory,
                                              const ConfigSources& sources = {});

// As the tasks of a topology see it: input of the contract's own shape in one topic, keyed by user.
// Where the team's input is that already, the same.
[[nodiscard]] Config config_of_tasks(Config config);

// What is in force, as TOML that load_config() reads back to the same Config. Secrets are "***".
[[nodiscard]] std::string print_config(const Config& config);

// The variables of this process that configure: FOVEA_SECTION__KEY, or FOVEA_KEY for the keys
// outside a section. Others that begin with FOVEA_ are not ours to judge (an orchestrator sets
// FOVEA_PORT for a service of that name).
[[nodiscard]] std::map<std::string, std::string> process_environment();

// Every key with default, range and meaning, as the Markdown table of topologies/README.md.
[[nodiscard]] std::string config_table();

}  // namespace fovea::topologies
