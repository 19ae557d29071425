#include "topologies/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <charconv>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <utility>

#include "topologies/config_value.h"
#include "topologies/metrics_table.h"

#ifndef FOVEA_VERSION
#define FOVEA_VERSION "unknown"
#endif

namespace fovea::topologies {
namespace {

// What a demo runs on when no topology is named: people who watch a thing once, in a world whose
// catalogue turns over within the hour.
constexpr const char* kDemoTopology = R"(name = "demo"
[events.learn]
positive = ["play", "view", "like"]
[context]
fields = ["device", "region"]
[slate]
seen = "exclude"
[model]
half_life = "10m"
[emit]
max_event_age = "0"
)";

struct Words {
  std::string topology;
  std::vector<std::string> set;
  bool print_config = false;
  bool embedded = false;
  std::string from;
  std::string kernels = "fastest";
  std::vector<std::string> without;
  std::string publish_every = "0";
  std::string baselines = "all";
  std::string key = "user";
};

// The options of every command; CLI11 writes into them, so they stay where they are.
struct Parser {
  CLI::App app{"fovea: clicks in, learned and explained recommendations out"};
  Words words;
  RunOptions run;
  ReplayOptions replay;
  EvaluateOptions evaluate;
  DemoOptions demo;
  TopicsOptions topics;
  ProduceOptions produce;
  ValidateOptions validate;
  ProfileOptions profile;
  ExplainOptions explain;
  ModelOptions model;
  GenerateOptions generate;
  WordsOptions words_of;

  // Of the subcommand that was given.
  std::function<Result<Command>()> finish;

  Parser();

 private:
  enum class Topology { kRequired, kOptional };

  CLI::App* command(CLI::App& parent, const char* name, const char* what,
                    std::function<Result<Command>()> done) {
    CLI::App* sub = parent.add_subcommand(name, what);
    sub->callback([this, done = std::move(done)] { finish = done; });
    return sub;
  }
  void topology(CLI::App& sub, Topology need = Topology::kRequired) {
    CLI::Option* option =
        sub.add_option("topology,-t,--topology", words.topology, "topology file (TOML)");
    if (need == Topology::kRequired) option->required();
    sub.add_option("--set", words.set, "override a key: --set slate.size=20")
        ->allow_extra_args(false);
  }
  void kernels(CLI::App& sub) {
    sub.add_option("--kernels", words.kernels, "portable, avx2, avx512 or fastest: the same bits")
        ->check(CLI::IsMember({"portable", "avx2", "avx512", "fastest"}));
  }

  void add_streams();
  void add_evaluate();
  void add_kafka();
  void add_looking();

  Result<scorer::KernelLevel> kernel_level() const;
  Result<Command> finish_run();
  Result<Command> finish_replay();
  Result<Command> finish_evaluate();
};

Result<scorer::KernelLevel> Parser::kernel_level() const {
  if (words.kernels == "fastest") return scorer::fastest_kernel_level();
  const scorer::KernelLevel level = words.kernels == "avx512" ? scorer::KernelLevel::kAvx512
                                    : words.kernels == "avx2" ? scorer::KernelLevel::kAvx2
                                                              : scorer::KernelLevel::kPortable;
  if (!scorer::supported(level)) {
    return stop(fmt::format("--kernels {}: not available on this machine", words.kernels));
  }
  return level;
}

Result<Command> Parser::finish_run() {
  if (words.print_config) return Command{PrintConfig{}};
  if (!words.from.empty()) {
    auto start = parse_start(words.from);
    if (!start) return stop("--from: " + start.error().message);
    run.from = *std::move(start);
  }
  return Command{run};
}

Result<Command> Parser::finish_replay() {
  auto level = kernel_level();
  if (!level) return level.error();
  replay.kernels = *level;
  return Command{replay};
}

Result<Command> Parser::finish_evaluate() {
  auto level = kernel_level();
  if (!level) return level.error();
  evaluate.kernels = *level;
  auto publish = parse_publish_every(words.publish_every);
  if (!publish) return publish.error();
  evaluate.publish_every = *publish;
  auto specs = baselines::parse_specs(words.baselines);
  if (!specs) return stop("--baselines: " + specs.error().message);
  evaluate.baselines = *std::move(specs);
  for (const std::string& part : words.without) {
    if (part == "learning") evaluate.parts.learning = false;
    if (part == "attention") evaluate.parts.attention = false;
    if (part == "memory") evaluate.parts.memory = false;
    if (part == "pairs") evaluate.parts.pairs = false;
    if (part == "neighbours") evaluate.parts.neighbours = false;
    if (part == "repeat") evaluate.parts.repeat = false;
    if (part == "content") evaluate.parts.content = false;
    if (part == "ranking") evaluate.parts.ranking = false;
  }
  return Command{evaluate};
}

Parser::Parser() {
  app.name("fovea");
  app.set_version_flag("--version", "fovea " FOVEA_VERSION);
  app.require_subcommand(1);
  add_streams();
  add_evaluate();
  add_kafka();
  add_looking();
}

void Parser::add_streams() {
  CLI::App* sub = command(app, "run", "consume, learn and recommend until told to stop",
                          [this] { return finish_run(); });
  topology(*sub);
  sub->add_flag("--embedded", words.embedded,
                "with a broker of its own that ends with it: a trial without Kafka");
  sub->add_flag("--dry-run", run.dry_run, "write to no topic, keep state in memory");
  sub->add_flag("--fail-fast", run.fail_fast, "end when no broker answers at the start");
  sub->add_option("--from", words.from,
                  "where to start without a position: earliest, latest, or a time");
  sub->add_flag("--leave", run.leave, "leave the group at the end: this process stays away");
  sub->add_flag("--print-config", words.print_config, "print what is in force, and do nothing");

  sub = command(app, "replay", "the same topology from files to files",
                [this] { return finish_replay(); });
  topology(*sub);
  sub->add_option("--events", replay.events, "events, NDJSON; - is standard input")->required();
  sub->add_option("--items", replay.items, "catalogue, NDJSON");
  sub->add_option("--out", replay.out, "recommendations; - is standard output")->required();
  sub->add_option("--profiles-out", replay.profiles_out, "every profile at the end");
  sub->add_option("--dead-letter-out", replay.dead_letter_out, "what was not understood");
  sub->add_option("--learning-log", replay.learning_log, "keep the learning log in this file");
  kernels(*sub);

  sub = command(app, "demo", "the whole pipeline on generated users, live",
                [this] { return Result<Command>(Command{demo}); });
  topology(*sub, Topology::kOptional);
  sub->add_option("--events", demo.events, "stop after so many events")->check(CLI::PositiveNumber);
  sub->add_option("--seconds", demo.seconds, "stop after so long")->check(CLI::PositiveNumber);
  sub->add_option("--rate", demo.rate, "events a second; 0: as fast as it goes")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("--seed", demo.seed, "of the generated world");
  sub->add_flag("--plain", demo.plain, "lines instead of the live view");
  sub->add_option("--metrics", demo.metrics,
                  "serve /metrics, /healthz and /readyz here: host:port, port 0 is any free one");

  sub = command(app, "generate", "a log of made-up users, as files",
                [this] { return Result<Command>(Command{generate}); });
  sub->add_option("--users", generate.users, "people")->check(CLI::Range(1, 10'000'000));
  sub->add_option("--items", generate.items, "items alive at a time")
      ->check(CLI::Range(24, 1'000'000));
  sub->add_option("--events", generate.events, "events")->check(CLI::PositiveNumber);
  sub->add_option("--seed", generate.seed, "of the generated world");
  sub->add_option("--out", generate.out, "events, NDJSON; - is standard output")->required();
  sub->add_option("--items-out", generate.items_out, "catalogue, NDJSON");
}

void Parser::add_evaluate() {
  CLI::App* sub = command(app, "evaluate", "test, then learn, over a log, beside baselines",
                          [this] { return finish_evaluate(); });
  topology(*sub);
  sub->add_option("--events", evaluate.events, "events, NDJSON")->required();
  sub->add_option("--items", evaluate.items, "catalogue, NDJSON");
  sub->add_option("--every", evaluate.every, "score each so many-th eligible event")
      ->check(CLI::PositiveNumber);
  sub->add_option("--seed", evaluate.seed, "of the sampled events");
  sub->add_option(
         "--without", words.without,
         "switch a part off: learning, attention, memory, pairs, neighbours, repeat, content or "
         "ranking")
      ->check(CLI::IsMember({"learning", "attention", "memory", "pairs", "neighbours", "repeat",
                             "content", "ranking"}))
      ->allow_extra_args(false);
  sub->add_option("--publish-every", words.publish_every,
                  "the model that scores lags: 1s of stream time, 300ev, 0");
  sub->add_option("--triggers", evaluate.triggers, "a dump of recommendations: score those");
  sub->add_option("--json", evaluate.json, "write the figures to this file, too");
  sub->add_option("--limit", evaluate.limit, "read so many events at most")
      ->check(CLI::PositiveNumber);
  sub->add_option(
      "--baselines", words.baselines,
      "all, none, or some: popularity,stan:neighbours=100 (scorer/baselines/README.md)");
  sub->add_option("--report", evaluate.report,
                  "a page to look at, and its figures, in this folder");
  kernels(*sub);
}

void Parser::add_kafka() {
  CLI::App* group = app.add_subcommand("topics", "the topics of a topology");
  group->require_subcommand(1);
  topology(*command(*group, "create", "create what is missing",
                    [] { return Result<Command>(Command{TopicsOptions{true}}); }));
  topology(*command(*group, "check", "say what is missing or wrong",
                    [] { return Result<Command>(Command{TopicsOptions{false}}); }));

  CLI::App* sub = command(app, "produce", "send a log to Kafka on schedule", [this] {
    produce.key = words.key == "none" ? ProduceKey::kNone : ProduceKey::kUser;
    if (produce.demo && !produce.events.empty()) {
      return Result<Command>(stop("produce takes --events FILE or --demo, not both"));
    }
    if (!produce.demo && produce.events.empty() && produce.items.empty()) {
      return Result<Command>(stop("produce needs --events FILE, --items FILE or --demo"));
    }
    return Result<Command>(Command{produce});
  });
  topology(*sub);
  sub->add_option("--events", produce.events, "events, NDJSON; - is standard input");
  sub->add_option("--items", produce.items, "catalogue, NDJSON; sent first");
  sub->add_flag("--demo", produce.demo, "generated users and items instead of files");
  sub->add_option("--seed", produce.seed, "of the generated world");
  sub->add_option("--rate", produce.rate, "records a second; 0: as fast as it goes")
      ->check(CLI::NonNegativeNumber);
  sub->add_option("--key", words.key, "user or none")->check(CLI::IsMember({"user", "none"}));
  sub->add_option("--topic", produce.topic, "instead of the topology's input");
  sub->add_option("--limit", produce.limit, "send so many at most")->check(CLI::PositiveNumber);
  sub->add_flag("--loop", produce.loop, "start over at the end of the file");

  sub = command(app, "validate", "is this log what the contract says?", [this] {
    if (validate.events.empty() && validate.items.empty()) {
      return Result<Command>(stop("validate needs --events FILE or --items FILE"));
    }
    return Result<Command>(Command{validate});
  });
  topology(*sub);
  sub->add_option("--events", validate.events, "events, NDJSON");
  sub->add_option("--items", validate.items, "catalogue, NDJSON");
}

void Parser::add_looking() {
  CLI::App* group = app.add_subcommand("profile", "what is known of a user");
  group->require_subcommand(1);
  CLI::App* sub = command(*group, "get", "one user's profile, as read from the store",
                          [this] { return Result<Command>(Command{profile}); });
  sub->add_option("user", profile.user, "user id")->required();
  topology(*sub);
  sub->add_flag("--json", profile.json, "one JSON object");
  sub = command(*group, "export", "every profile, one JSON object a line", [this] {
    profile.all = true;
    return Result<Command>(Command{profile});
  });
  topology(*sub);

  sub = command(app, "explain", "a user's slate, every part of every score",
                [this] { return Result<Command>(Command{explain}); });
  sub->add_option("user", explain.user, "user id")->required();
  topology(*sub);
  sub->add_option("--size", explain.size, "items instead of slate.size")->check(CLI::Range(1, 200));
  sub->add_flag("--json", explain.json, "one JSON object");

  group = app.add_subcommand("model", "what was learned");
  group->require_subcommand(1);
  sub = command(*group, "info", "the newest local snapshot: position, digest, memory",
                [this] { return Result<Command>(Command{model}); });
  topology(*sub);
  sub->add_flag("--json", model.json, "one JSON object");

  sub = command(app, "words", "a text's words, as the model reads it",
                [this] { return Result<Command>(Command{words_of}); });
  sub->add_option("file", words_of.in, "a text a line; - is standard input");

  // Keep README.md and METRICS.md what the code says.
  command(app, "metrics-table", "", [] {
    return Result<Command>(Command{PrintText{metrics_table()}});
  })->group("");
  command(app, "config-table", "", [] {
    return Result<Command>(Command{PrintConfigTable{}});
  })->group("");
}

// CLI11 writes sentences; ours are clauses of one line.
std::string clause(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '.')) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  const bool is_word = text.size() > 1 && std::isupper(static_cast<unsigned char>(text[1])) == 0;
  if (is_word) text[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(text[0])));
  return text;
}

// The subcommand that was reached, or the program itself.
const CLI::App& innermost(const CLI::App& app) {
  const CLI::App* at = &app;
  for (auto named = at->get_subcommands(); !named.empty(); named = at->get_subcommands()) {
    at = named.front();
  }
  return *at;
}

std::string suggestion(const std::string& wrong, const std::vector<std::string>& known) {
  const std::string near = nearest_name(wrong, known);
  return near.empty() ? "; see fovea --help" : ", did you mean " + near;
}

// What is wrong with the words, better than the parser can say it; empty if it can.
std::string unknown_word(const CLI::App& app, const std::vector<std::string>& arguments) {
  const CLI::App& at = innermost(app);
  std::vector<std::string> commands;
  for (const CLI::App* sub : at.get_subcommands(nullptr)) commands.push_back(sub->get_name());
  std::vector<std::string> options;
  for (const CLI::Option* option : at.get_options()) {
    for (const std::string& name : option->get_lnames()) options.push_back("--" + name);
  }
  const auto is_known = [](const std::vector<std::string>& names, const std::string& word) {
    return std::find(names.begin(), names.end(), word) != names.end();
  };
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const std::string word = arguments[i].substr(0, arguments[i].find('='));
    if (word.compare(0, 2, "--") == 0 && word.size() > 2 && !is_known(options, word)) {
      return "unknown option " + word + suggestion(word, options);
    }
    const bool is_command_place = i == 0 || (i == 1 && &at != &app);
    if (is_command_place && !commands.empty() && word[0] != '-' && !is_known(commands, word) &&
        word != at.get_name()) {
      return "unknown command " + word + suggestion(word, commands);
    }
  }
  return {};
}

Result<ConfigSources> config_sources(const Words& words, bool embedded) {
  ConfigSources sources;
  sources.path = words.topology;
  sources.environment = process_environment();
  for (const std::string& pair : words.set) {
    const std::size_t equals = pair.find('=');
    if (equals == std::string::npos || equals == 0) {
      return stop(fmt::format("--set {}: is not key=value", pair));
    }
    sources.overrides.emplace_back(pair.substr(0, equals), pair.substr(equals + 1));
  }
  if (embedded) sources.overrides.emplace_back("transport", "embedded");
  return sources;
}

}  // namespace

Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments) {
  Parser parser;
  try {
    std::vector<std::string> reversed(arguments.rbegin(), arguments.rend());
    parser.app.parse(std::move(reversed));
  } catch (const CLI::CallForHelp&) {
    const CLI::App* at = &innermost(parser.app);
    return CommandLine{PrintText{at->help(at == &parser.app ? "" : "fovea")}, {}, {}};
  } catch (const CLI::CallForVersion& version) {
    return CommandLine{PrintText{std::string(version.what()) + "\n"}, {}, {}};
  } catch (const CLI::ParseError& error) {
    const std::string unknown = unknown_word(parser.app, arguments);
    return stop(unknown.empty() ? clause(error.what()) + "; see fovea --help" : unknown);
  }

  auto command = parser.finish();
  if (!command) return command.error();
  // A demo is on a broker of its own whatever the topology says: what one cannot do is refused.
  const bool is_demo = std::holds_alternative<DemoOptions>(*command);
  auto sources = config_sources(parser.words, parser.words.embedded || is_demo);
  if (!sources) return sources.error();
  CommandLine line{*std::move(command), *std::move(sources), {}};
  if (is_demo && line.sources.path.empty()) line.built_in = kDemoTopology;
  return line;
}

Result<PublishEvery> parse_publish_every(const std::string& text) {
  PublishEvery every;
  if (text == "0") return every;
  if (text.size() > 2 && text.compare(text.size() - 2, 2, "ev") == 0) {
    const char* const end = text.data() + text.size() - 2;
    const auto [stopped, error] = std::from_chars(text.data(), end, every.events);
    if (error == std::errc{} && stopped == end && every.events > 0) return every;
  } else if (const auto ms = parse_duration_ms(text); ms && *ms > 0) {
    every.time_ms = *ms;
    return every;
  }
  return stop(
      fmt::format("--publish-every {}: is not 0, a time (1s) or a number of events (300ev)", text));
}

}  // namespace fovea::topologies
