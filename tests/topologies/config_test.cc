// The configuration: what it accepts, what it refuses and how it says so, and that every shipped
// topology and mapping is one that it accepts.

#include "topologies/config.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "topologies/config_keys.h"
#include "topologies/config_value.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

std::string message_of(const Result<Config>& result) {
  return result ? "accepted" : result.error().message;
}

std::string refusal(const std::string& toml) {
  return message_of(load_config_text("name = \"t\"\n" + toml, "."));
}

Config accepted(const std::string& toml, const ConfigSources& sources = {}) {
  auto config = load_config_text("name = \"t\"\n" + toml, ".", sources);
  EXPECT_TRUE(config) << message_of(config);
  return config ? *std::move(config) : Config{};
}

// A folder of this test's own that goes away with it.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (fs::temp_directory_path() / "fovea-config-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TemporaryFolder() { fs::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  std::string write(const std::string& name, const std::string& text) const {
    const fs::path file = path_ / name;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
    return file.string();
  }

 private:
  fs::path path_;
};

TEST(Config, NamesTopicsGroupAndStateAfterTheTopology) {
  const Config config = accepted("");

  EXPECT_EQ(config.topics.input, std::vector<std::string>{"t.events"});
  EXPECT_EQ(config.topics.items, "t.items");
  EXPECT_EQ(config.topics.dead_letter, "t.dead-letter");
  EXPECT_EQ(config.group_id, "t");
  EXPECT_EQ(config.state.directory, "state/t");
  EXPECT_EQ(config.model.topology, "t");
  EXPECT_FALSE(config.instance_id.empty());
  EXPECT_EQ(config.kafka.at("bootstrap.servers"), "localhost:9092");
}

TEST(Config, PutsThePrefixBeforeEveryTopicThatIsNotNamedInFull) {
  const Config config = accepted("[topics]\nprefix = \"staging.\"\nitems = \"catalogue\"\n");

  EXPECT_EQ(config.topics.learning, "staging.t.learning");
  EXPECT_EQ(config.topics.input, std::vector<std::string>{"staging.t.events"});
  EXPECT_EQ(config.topics.items, "catalogue");
}

TEST(Config, TriggersOnWhatTeachesAndOnRequestsUnlessToldOtherwise) {
  const Config config = accepted("[events.learn]\npositive = [\"play\"]\n");

  EXPECT_TRUE(config.emit.on.contains(EventType::kPlay));
  EXPECT_TRUE(config.emit.on.contains(EventType::kRequest));
  EXPECT_FALSE(config.emit.on.contains(EventType::kView));
}

TEST(Config, UsesDeclaredContextFieldsForProfilesAndForTheModel) {
  const Config config = accepted("[context]\nfields = [\"device\", \"region\"]\n");

  EXPECT_EQ(config.fold.context_fields, (std::vector<std::string>{"device", "region"}));
  EXPECT_EQ(config.model.context_fields, config.fold.context_fields);
}

TEST(Config, NamesTheNearestKeyToAnUnknownOneAndTheLine) {
  EXPECT_EQ(refusal("[slate]\nsise = 5\n"),
            "configuration:3: slate.sise: unknown key, did you mean slate.size");
  EXPECT_EQ(refusal("[input]\ntopic = \"x\"\n"),
            "configuration:3: input.topic: unknown key, did you mean input.topics");
  EXPECT_EQ(refusal("[model]\nhistory_max = 5\n"),
            "configuration:3: model.history_max: unknown key, did you mean profile.history_max");
  EXPECT_EQ(refusal("[weather]\nsunny = true\n"), "configuration:3: weather.sunny: unknown key");
}

TEST(Config, NamesKeyValueAndRangeOfWhatIsOutside) {
  EXPECT_EQ(refusal("[slate]\nsize = 0\n"), "configuration:3: slate.size = 0 is outside 1..200");
  EXPECT_EQ(refusal("[model]\nhalf_life = \"0\"\n"),
            "configuration:3: model.half_life = \"0\" is outside 1s..10000d");
  EXPECT_EQ(refusal("[state]\nmemory = \"1KiB\"\n"),
            "configuration:3: state.memory = \"1KiB\" is outside 16MiB..1TiB");
  EXPECT_EQ(refusal("[slate]\ntemperature = nan\n"),
            "configuration:3: slate.temperature = nan is outside 0.01..100");
}

TEST(Config, NamesTheKindThatAValueShouldHave) {
  EXPECT_EQ(refusal("[slate]\nsize = \"ten\"\n"),
            "configuration:3: slate.size = \"ten\" is not a whole number");
  EXPECT_EQ(refusal("[model]\nhalf_life = 100\n"),
            "configuration:3: model.half_life = 100 is not a text with a unit, like \"10000d\"");
  EXPECT_EQ(refusal("[model]\nhalf_life = \"ten days\"\n"),
            "configuration:3: model.half_life = \"ten days\" is not a duration (like 250ms, 10s, "
            "5m, 1h or 100d)");
  EXPECT_EQ(refusal("[slate]\nseen = \"sometimes\"\n"),
            "configuration:3: slate.seen = \"sometimes\" is not one of allow, exclude");
  EXPECT_EQ(refusal("[input]\ntopics = [1, 2]\n"),
            "configuration:3: input.topics is not a list of texts");
}

TEST(Config, NamesTheNearestEventType) {
  EXPECT_EQ(refusal("[events.learn]\npositive = [\"veiw\"]\n"),
            "configuration:3: events.learn.positive holds \"veiw\", which is not one of view, "
            "click, like, dislike, rate, purchase, return, add_to_cart, remove_from_cart, play, "
            "skip; did you mean view");
  EXPECT_EQ(refusal("[events.types]\n\"Product Viewed\" = \"veiw\"\n"),
            "configuration:3: events.types.Product Viewed = \"veiw\" is not an event type, did you "
            "mean \"view\"");
}

TEST(Config, RefusesTypesWithoutAnItemAsTeachers) {
  EXPECT_NE(refusal("[events.learn]\npositive = [\"search\"]\n").find("holds \"search\""),
            std::string::npos);
}

TEST(Config, ReadsHowMuchAValueTeaches) {
  const Config config = accepted("[events.learn.grade]\nrate = \"1..4\"\nplay = \"-0.5..0.9\"\n");
  EXPECT_EQ(config.grades.at(EventType::kRate), (Grade{1.0F, 4.0F}));
  EXPECT_EQ(config.grades.at(EventType::kPlay), (Grade{-.5F, .9F}));

  const auto refused = [](const std::string& line) {
    return refusal("[events.learn.grade]\n" + line + "\n");
  };
  for (const std::string grade :
       {"4..1", "1..1", "1-4", "1..", "..4", "1..x", "1..inf", "nan..4"}) {
    EXPECT_EQ(refused("rate = \"" + grade + "\""),
              "configuration:3: events.learn.grade.rate = \"" + grade +
                  "\" is not two numbers, the first below the second, like \"1..4\"");
  }
  EXPECT_NE(refused("rate = 4").find("is not two numbers"), std::string::npos);
  EXPECT_NE(refused("search = \"1..4\"").find("which search is not"), std::string::npos);
  EXPECT_NE(refused("buy = \"1..4\"").find("which buy is not"), std::string::npos);
  EXPECT_EQ(
      refusal("[events.learn]\npositive = [\"view\"]\n[events.learn.grade]\nrate = \"1..4\"\n"),
      "configuration: events.learn.grade.rate: events.learn names no rate, so it teaches nothing");
}

// Whichever of the two is set first, and wherever.
TEST(Config, RefusesExactlyOnceOnABrokerThatKeepsNothingAndSaysWhy) {
  const std::string reason =
      "delivery.mode = \"exactly_once\" is for a cluster that keeps what it was given: the "
      "embedded "
      "broker has nothing on disk and drops the oldest beyond 5 MB a partition, use "
      "\"at_least_once\"";
  const std::string delivery = "[delivery]\nmode = \"exactly_once\"\n";

  EXPECT_EQ(refusal("transport = \"embedded\"\n" + delivery), "configuration:4: " + reason);
  ConfigSources sources;
  sources.overrides = {{"transport", "embedded"}};
  EXPECT_EQ(message_of(load_config_text("name = \"t\"\n" + delivery, ".", sources)),
            "configuration:3: " + reason);
  sources.overrides = {{"delivery.mode", "exactly_once"}, {"transport", "embedded"}};
  EXPECT_EQ(message_of(load_config_text("name = \"t\"\n", ".", sources)), "--set: " + reason);
}

TEST(Config, DeliversExactlyOnceWhereTheClusterKeepsWhatItWasGiven) {
  const auto mode = [](const std::string& transport) {
    return load_config_text("name = \"t\"\ntransport = \"" + transport + "\"\n", ".", {})
        ->delivery.mode;
  };
  EXPECT_EQ(mode("kafka"), DeliveryMode::kExactlyOnce);
  EXPECT_EQ(mode("embedded"), DeliveryMode::kAtLeastOnce);
}

TEST(Config, RefusesTransactionsThatTheBrokerWouldGiveUp) {
  const std::string interval = "[delivery]\ncommit_interval = \"5001ms\"\n";
  EXPECT_EQ(refusal(interval),
            "configuration:3: delivery.commit_interval = \"5001ms\" is above 5000ms, the most with "
            "delivery.mode = \"exactly_once\": the broker gives up a transaction that takes 10 s");
  accepted("[delivery]\nmode = \"at_least_once\"\ncommit_interval = \"1m\"\n");
}

TEST(Config, RefusesTransactionsThatAreTooShort) {
  const std::string interval = "[delivery]\ncommit_interval = \"10ms\"\n";
  EXPECT_EQ(refusal(interval),
            "configuration:3: delivery.commit_interval = \"10ms\" is below 20ms, the least with "
            "delivery.mode = \"exactly_once\"");
  EXPECT_TRUE(
      load_config_text("name = \"t\"\n" + interval + "mode = \"at_least_once\"\n", ".", {}));
}

TEST(Config, GivesTasksTheInputAsItIsRekeyed) {
  const std::string input =
      "[input]\ntopics = [\"web\", \"app\"]\nkeyed_by_user = false\n[input.map]\nuser = \"/who\"\n";
  const Config config = accepted(input);

  EXPECT_EQ(config.topics.events, "t.events");
  const Config tasks = config_of_tasks(config);
  EXPECT_EQ(tasks.topics.input, std::vector<std::string>{"t.events"});
  EXPECT_TRUE(tasks.mapping.fields.empty());
  const Config keyed = accepted("[input]\ntopics = [\"web\"]\n");
  EXPECT_EQ(keyed.topics.events, "web");
  EXPECT_EQ(config_of_tasks(keyed).topics.input, keyed.topics.input);
}

TEST(Config, RefusesToRekeyATopicIntoItself) {
  EXPECT_EQ(refusal("[input]\nkeyed_by_user = false\n"),
            "configuration: topics.events = \"t.events\" has another use already");
  EXPECT_EQ(refusal("[topics]\nevents = \"mine\"\n"),
            "configuration: topics.events = \"mine\" is for input.keyed_by_user = false");
}

TEST(Config, RefusesWhatOnlyTogetherMakesNoSense) {
  EXPECT_EQ(refusal("[events.learn]\npositive = [\"view\"]\nnegative = [\"view\"]\n"),
            "configuration: events.learn.positive and events.learn.negative name the same type");
  EXPECT_EQ(refusal("[profile]\nhistory_max = 10\n[model]\nexample_history_max = 20\n"),
            "configuration: model.example_history_max = 20 is above profile.history_max = 10");
  EXPECT_EQ(refusal("[topics]\nitems = \"t.learning\"\n"),
            "configuration: topics.learning = \"t.learning\" has another use already");
  EXPECT_EQ(refusal("[topics]\nitems = \"a/b\"\n"),
            "configuration: topics.items = \"a/b\" is not a topic name");
  EXPECT_EQ(refusal("[context]\nfields = [\"a\", \"a\"]\n"),
            "configuration: context.fields names \"a\" twice");
}

TEST(Config, NeedsAName) {
  EXPECT_EQ(message_of(load_config_text("workers = 2\n", ".")),
            "configuration: name is not set: a topology needs one, like name = \"video\"");
  EXPECT_EQ(message_of(load_config_text("name = \"My Shop\"\n", ".")),
            "configuration: name = \"My Shop\" is not a-z, 0-9, _ and -, at most 64 of them");
}

TEST(Config, NamesTheLineThatIsNotToml) {
  EXPECT_EQ(refusal("[slate\n").compare(0, 33, "configuration:2: not valid TOML: "), 0)
      << refusal("[slate\n");
}

TEST(Config, NamesTheLineOfWhatNoKeyBeginsWith) {
  for (const std::string line : {"[!slate]\n", "[\x01 slate]\n", "[\u00FCber]\n", "\u043A = 1\n",
                                 "sch\u00F6n = 1\n", "a = \u00E9\n"}) {
    EXPECT_EQ(refusal(line).compare(0, 33, "configuration:2: not valid TOML: "), 0)
        << line << refusal(line);
  }
}

TEST(Config, NamesAFileThatIsNotThere) {
  ConfigSources sources;
  sources.path = "/nowhere/video.toml";

  EXPECT_EQ(message_of(load_config(sources)), "/nowhere/video.toml: No such file or directory");
}

TEST(Config, PrefersTheCommandLineToTheEnvironmentAndThatToTheFile) {
  ConfigSources sources;
  sources.environment = {{"FOVEA_SLATE__SIZE", "20"},
                         {"FOVEA_MODEL__DIM", "32"},
                         {"FOVEA_INPUT__TOPICS", "a,b"},
                         {"FOVEA_KAFKA__BOOTSTRAP_SERVERS", "kafka:9092"},
                         {"FOVEA_WORKERS", "3"}};
  sources.overrides = {{"slate.size", "30"}};
  const Config config = accepted("[slate]\nsize = 10\n[model]\ndim = 16\n", sources);

  EXPECT_EQ(config.slate.size, 30);
  EXPECT_EQ(config.model.dim, 32);
  EXPECT_EQ(config.topics.input, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config.kafka.at("bootstrap.servers"), "kafka:9092");
  EXPECT_EQ(config.workers, 3);
}

TEST(Config, NamesTheVariableOrOptionAtFault) {
  ConfigSources sources;
  sources.environment = {{"FOVEA_SLATE__SISE", "20"}};
  EXPECT_EQ(message_of(load_config_text("name = \"t\"\n", ".", sources)),
            "FOVEA_SLATE__SISE: slate.sise: unknown key, did you mean slate.size");

  sources.environment = {{"FOVEA_SLATE__SIZE", "many"}};
  EXPECT_EQ(message_of(load_config_text("name = \"t\"\n", ".", sources)),
            "FOVEA_SLATE__SIZE: slate.size = \"many\" is not a whole number");

  sources.environment.clear();
  sources.overrides = {{"slate.size", "1000"}};
  EXPECT_EQ(message_of(load_config_text("name = \"t\"\n", ".", sources)),
            "--set: slate.size = 1000 is outside 1..200");
}

TEST(Config, IgnoresVariablesThatAreNotConfiguration) {
  ConfigSources sources;
  sources.environment = {{"FOVEA_PORT", "tcp://10.0.0.1"}, {"FOVEA_SLATE__SIZE", ""}};

  EXPECT_EQ(accepted("", sources).slate.size, Config{}.slate.size);
}

TEST(Config, PrintsWhatLoadsToTheSameConfiguration) {
  const Config config = accepted(R"(
transport = "embedded"
workers = 3
[input]
topics = ["x", "y"]
on_lost = "continue"
start = "2026-01-31T12:00:00Z"
each = "/products"
ts_unit = "us"
[input.map]
user = ["/userId", "/anonymousId"]
item = "@/product_id"
[events]
lateness = "90m"
max_future = "1h"
[events.types]
"Product Viewed" = "view"
"*" = "ignore"
[events.learn]
positive = ["view"]
negative = ["skip"]
[events.learn.grade]
view = "5..60"
[context]
fields = ["device"]
[items.vectors]
text = 512
[emit]
on = ["view"]
min_interval = "1500ms"
only_if_changed = true
max_event_age = "0"
[slate]
size = 7
seen = "exclude"
explain = "full"
temperature = 0.5
[profile]
history_max = 30
own_items_max = 10
event_ids_max = 5
counter_half_life = "36h"
[model]
dim = 48
half_life = "20000s"
negatives = 32
example_history_max = 10
transition_row_max = 50
items_max = 1000
pair_rows = 1024
neighbour_ring = 2048
recent_items_max = 1000
warmup_examples = 5
restart_target = "5s"
publish_budget = "4MiB"
on_gap = "continue"
[model.view]
publish_interval = "1s"
publish_examples = 7
[delivery]
commit_interval = "50ms"
batch_records_max = 9
[state]
directory = "/var/lib/fovea"
memory = "64MiB"
standby = true
[topics]
prefix = "p."
items = "catalogue"
partitions = 8
replication = 3
[group]
id = "g"
instance = "i"
[learning]
retention = "12h"
shed_lag = 100
[metrics]
listen = "127.0.0.1:0"
ready_lag = "3s"
[kafka]
"bootstrap.servers" = "k:9092"
[log]
format = "json"
level = "debug"
personal_data = true
)");
  const std::string printed = print_config(config);

  const auto again = load_config_text(printed, ".");

  ASSERT_TRUE(again) << message_of(again) << "\n" << printed;
  EXPECT_EQ(print_config(*again), printed);
  EXPECT_EQ(again->mapping.fields, config.mapping.fields);
  EXPECT_EQ(again->mapping.types, config.mapping.types);
  EXPECT_EQ(again->model.half_life_s, 20'000);
  EXPECT_EQ(again->topics.learning, "p.t.learning");
  EXPECT_EQ(again->start, "1769860800000");
  // Every plain key was set above to something that is not its default.
  for (const ConfigKey& key : config_keys()) {
    if (key.open() || key.name == "input.keyed_by_user" || key.name == "delivery.mode") continue;
    EXPECT_NE(to_toml(key.get(config).front().second), to_toml(key.get(Config{}).front().second))
        << key.name;
  }
}

TEST(Config, PrintsNoSecret) {
  const Config config = accepted(
      "[kafka]\n\"sasl.password\" = \"hunter2\"\n\"ssl.key.pem\" = \"hunter3\"\n"
      "\"sasl.username\" = \"fovea\"\n");

  const std::string printed = print_config(config);

  EXPECT_EQ(printed.find("hunter"), std::string::npos) << printed;
  EXPECT_NE(printed.find("\"sasl.password\" = \"***\""), std::string::npos);
  EXPECT_NE(printed.find("\"sasl.username\" = \"fovea\""), std::string::npos);
}

TEST(Config, ReadsASecretFromAFileOrAVariable) {
  const TemporaryFolder folder;
  const std::string secret = folder.write("password", "hunter2\n");
  ASSERT_EQ(setenv("CONFIG_TEST_USER", "fovea", 1), 0);

  const Config config = accepted("[kafka]\n\"sasl.password\" = { file = \"" + secret +
                                 "\" }\n\"sasl.username\" = { env = \"CONFIG_TEST_USER\" }\n");

  EXPECT_EQ(config.kafka.at("sasl.password"), "hunter2");
  EXPECT_EQ(config.kafka.at("sasl.username"), "fovea");
  EXPECT_EQ(refusal("[kafka]\n\"sasl.password\" = { env = \"CONFIG_TEST_NOT_SET\" }\n"),
            "configuration:3: kafka.sasl.password: environment variable CONFIG_TEST_NOT_SET is not "
            "set");
}

TEST(Config, LetsAFileOverrideWhatItIncludes) {
  const TemporaryFolder folder;
  folder.write("mappings/shop.toml", "[slate]\nsize = 5\n[events.types]\n\"Seen\" = \"view\"\n");
  ConfigSources sources;
  sources.path =
      folder.write("t.toml", "name = \"t\"\ninclude = \"mappings/shop.toml\"\n[slate]\nsize = 6\n");

  const auto config = load_config(sources);

  ASSERT_TRUE(config) << message_of(config);
  EXPECT_EQ(config->slate.size, 6);
  EXPECT_EQ(config->mapping.types.at("Seen"), "view");
}

TEST(Config, NamesIncludesThatAreMissingOrGoRound) {
  const TemporaryFolder folder;
  ConfigSources sources;
  sources.path = folder.write("t.toml", "name = \"t\"\ninclude = \"u.toml\"\n");
  EXPECT_NE(message_of(load_config(sources)).find("t.toml:2: include: "), std::string::npos);

  folder.write("u.toml", "include = [\"t.toml\"]\n");
  EXPECT_NE(message_of(load_config(sources)).find("include goes deeper than 4 files"),
            std::string::npos);
}

TEST(Config, ReadsDurationsAndSizes) {
  EXPECT_EQ(*parse_duration_ms("250ms"), 250);
  EXPECT_EQ(*parse_duration_ms("1.5h"), 5'400'000);
  EXPECT_EQ(*parse_duration_ms("100d"), 8'640'000'000);
  EXPECT_EQ(*parse_duration_ms("0"), 0);
  for (const char* wrong :
       {"", "5", "h", "-1s", "1 s", "1.0001s", "1e3s", "99999999999d", "1.5.5s"}) {
    EXPECT_FALSE(parse_duration_ms(wrong)) << wrong;
  }
  EXPECT_EQ(print_duration_ms(5'400'000), "90m");
  EXPECT_EQ(print_duration_ms(0), "0ms");
  EXPECT_EQ(*parse_bytes("256MiB"), std::int64_t{256} << 20);
  EXPECT_EQ(print_bytes(std::int64_t{4} << 30), "4GiB");
  EXPECT_FALSE(parse_bytes("256MB"));
}

TEST(Config, ReadsWhereToStart) {
  EXPECT_EQ(*parse_start("latest"), "latest");
  EXPECT_EQ(*parse_start("1767225600000"), "1767225600000");
  EXPECT_EQ(*parse_start("2026-01-01T00:00:00Z"), "1767225600000");
  EXPECT_EQ(*parse_start("2026-01-01T02:00:00+02:00"), "1767225600000");
  EXPECT_FALSE(parse_start("yesterday"));
}

class ShippedTopology : public testing::TestWithParam<std::string> {};

TEST_P(ShippedTopology, Loads) {
  ConfigSources sources;
  sources.path = std::string(FOVEA_SOURCE_DIR "/topologies/") + GetParam() + ".toml";

  const auto config = load_config(sources);

  ASSERT_TRUE(config) << message_of(config);
  EXPECT_EQ(config->name, GetParam());
}

INSTANTIATE_TEST_SUITE_P(Config, ShippedTopology, testing::Values("video", "product", "news"));

TEST(ShippedTopologies, DifferWhereTheDomainsDo) {
  const auto load = [](const std::string& name) {
    ConfigSources sources;
    sources.path = std::string(FOVEA_SOURCE_DIR "/topologies/") + name + ".toml";
    return *load_config(sources);
  };
  EXPECT_TRUE(load("video").model.exclude_seen);
  EXPECT_EQ(load("video").model.half_life_s, 100 * 86'400);
  EXPECT_FALSE(load("product").model.exclude_seen);
  EXPECT_EQ(load("product").model.half_life_s, 10 * 86'400);
  EXPECT_EQ(load("news").model.half_life_s, 3'600);
  EXPECT_EQ(load("news").model.context_fields,
            (std::vector<std::string>{"device", "region", "referrer", "country"}));
}

TEST(ShippedMappings, LoadWithinATopology) {
  const fs::path folder = FOVEA_SOURCE_DIR "/topologies/mappings";
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() != ".toml") continue;
    ++count;
    const auto config = load_config_text(
        "name = \"t\"\ninclude = \"" + entry.path().filename().string() + "\"\n", folder.string());
    EXPECT_TRUE(config) << entry.path() << ": " << message_of(config);
  }
  EXPECT_GE(count, 4U);
}

TEST(ConfigTable, IsTheOneInTheReadme) {
  std::ifstream in(FOVEA_SOURCE_DIR "/topologies/README.md");
  const std::string readme(std::istreambuf_iterator<char>(in), {});

  EXPECT_NE(readme.find(config_table()), std::string::npos)
      << "topologies/README.md should hold exactly what `fovea config-table` prints:\n"
      << config_table();
}

}  // namespace
}  // namespace fovea::topologies
