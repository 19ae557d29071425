// The command line as words in, options out: nothing is executed here.

#include "topologies/command_line.h"

#include <gtest/gtest.h>

#include <string>
#include <variant>
#include <vector>

namespace fovea::topologies {
namespace {

CommandLine parsed(const std::vector<std::string>& words) {
  auto line = parse_command_line(words);
  EXPECT_TRUE(line) << line.error().message;
  return line ? *std::move(line) : CommandLine{};
}

template <class Options>
Options options(const std::vector<std::string>& words) {
  const CommandLine line = parsed(words);
  const auto* found = std::get_if<Options>(&line.command);
  EXPECT_NE(found, nullptr);
  return found != nullptr ? *found : Options{};
}

std::string refusal(const std::vector<std::string>& words) {
  const auto line = parse_command_line(words);
  return line ? "accepted" : line.error().message;
}

TEST(CommandLine, TakesTheTopologyAsWordOrOption) {
  EXPECT_EQ(parsed({"run", "video.toml"}).sources.path, "video.toml");
  EXPECT_EQ(parsed({"run", "--topology", "video.toml"}).sources.path, "video.toml");
  EXPECT_EQ(parsed({"profile", "get", "u1", "video.toml"}).sources.path, "video.toml");
  EXPECT_EQ(parsed({"profile", "get", "u1", "-t", "video.toml"}).sources.path, "video.toml");
}

TEST(CommandLine, KeepsOverridesInOrder) {
  const CommandLine line = parsed(
      {"run", "--set", "slate.size=5", "v.toml", "--set", "kafka.bootstrap.servers=a:1,b:2"});

  ASSERT_EQ(line.sources.overrides.size(), 2U);
  EXPECT_EQ(line.sources.overrides[0].first, "slate.size");
  EXPECT_EQ(line.sources.overrides[1].second, "a:1,b:2");
  EXPECT_EQ(line.sources.path, "v.toml");
}

TEST(CommandLine, ReadsRun) {
  const auto run = options<RunOptions>(
      {"run", "v.toml", "--fail-fast", "--from", "2026-01-01T00:00:00Z", "--leave"});

  EXPECT_TRUE(run.fail_fast);
  EXPECT_TRUE(run.leave);
  EXPECT_FALSE(run.dry_run);
  EXPECT_EQ(run.from, "1767225600000");
  EXPECT_TRUE(
      std::holds_alternative<PrintConfig>(parsed({"run", "v.toml", "--print-config"}).command));
}

TEST(CommandLine, ReadsReplay) {
  const auto replay =
      options<ReplayOptions>({"replay", "v.toml", "--events", "-", "--items", "i", "--out", "o",
                              "--kernels", "portable", "--learning-log", "l"});

  EXPECT_EQ(replay.events, "-");
  EXPECT_EQ(replay.items, "i");
  EXPECT_EQ(replay.out, "o");
  EXPECT_EQ(replay.learning_log, "l");
  EXPECT_EQ(replay.kernels, scorer::KernelLevel::kPortable);
}

TEST(CommandLine, ReadsEvaluate) {
  const auto evaluate = options<EvaluateOptions>({"evaluate",        "v.toml",
                                                  "--events",        "e",
                                                  "--every",         "5",
                                                  "--without",       "learning",
                                                  "--without",       "memory",
                                                  "--publish-every", "300ev",
                                                  "--baselines",     "isgd,bpr:steps=3",
                                                  "--report",        "r",
                                                  "--json",          "j",
                                                  "--limit",         "9"});

  EXPECT_EQ(evaluate.every, 5);
  EXPECT_FALSE(evaluate.parts.learning);
  EXPECT_TRUE(evaluate.parts.attention);
  EXPECT_FALSE(evaluate.parts.memory);
  EXPECT_EQ(evaluate.publish_every, (PublishEvery{0, 300}));
  ASSERT_EQ(evaluate.baselines.size(), 2U);
  EXPECT_EQ(evaluate.baselines[1].text, "bpr:steps=3");
  EXPECT_EQ(evaluate.report, "r");
  EXPECT_EQ(evaluate.limit, 9);
}

TEST(CommandLine, ReadsHowOftenToPublish) {
  EXPECT_EQ(*parse_publish_every("0"), (PublishEvery{}));
  EXPECT_EQ(*parse_publish_every("1s"), (PublishEvery{1'000, 0}));
  for (const char* wrong : {"", "ev", "1", "-1ev", "1.5ev", "0ev", "often"}) {
    EXPECT_FALSE(parse_publish_every(wrong)) << wrong;
  }
}

TEST(CommandLine, ReadsProduce) {
  const auto produce =
      options<ProduceOptions>({"produce", "--events", "e", "--topology", "v.toml", "--rate", "1000",
                               "--key", "none", "--topic", "t", "--loop"});

  EXPECT_EQ(produce.rate, 1'000);
  EXPECT_EQ(produce.key, ProduceKey::kNone);
  EXPECT_EQ(produce.topic, "t");
  EXPECT_TRUE(produce.loop);
  EXPECT_TRUE(options<ProduceOptions>({"produce", "--demo", "v.toml"}).demo);
}

TEST(CommandLine, RefusesToProduceNothingOrTwoThings) {
  EXPECT_EQ(refusal({"produce", "v.toml"}), "produce needs --events FILE, --items FILE or --demo");
  EXPECT_EQ(refusal({"produce", "v.toml", "--demo", "--events", "e"}),
            "produce takes --events FILE or --demo, not both");
  EXPECT_EQ(refusal({"validate", "v.toml"}), "validate needs --events FILE or --items FILE");
}

TEST(CommandLine, ReadsTheCommandsThatLook) {
  EXPECT_TRUE(options<TopicsOptions>({"topics", "create", "v.toml"}).create);
  EXPECT_FALSE(options<TopicsOptions>({"topics", "check", "v.toml"}).create);
  EXPECT_EQ(options<ProfileOptions>({"profile", "get", "u1", "v.toml", "--json"}).user, "u1");
  EXPECT_TRUE(options<ProfileOptions>({"profile", "export", "v.toml"}).all);
  EXPECT_EQ(options<ExplainOptions>({"explain", "u1", "v.toml", "--size", "3"}).size, 3);
  EXPECT_TRUE(options<ModelOptions>({"model", "info", "v.toml", "--json"}).json);
  EXPECT_EQ(options<GenerateOptions>({"generate", "--out", "-", "--seed", "7"}).seed, 7U);
  EXPECT_EQ(options<WordsOptions>({"words", "texts"}).in, "texts");
  EXPECT_EQ(options<WordsOptions>({"words"}).in, "-");
}

TEST(CommandLine, BringsTheDemosOwnTopology) {
  const CommandLine line = parsed({"demo", "--seconds", "5"});

  ASSERT_TRUE(load_config_text(line.built_in, "."));
  EXPECT_EQ(load_config_text(line.built_in, ".")->name, "demo");
  EXPECT_EQ(parsed({"demo", "v.toml"}).built_in, "");
}

TEST(CommandLine, ADemoIsOnABrokerOfItsOwnWhateverTheTopologySays) {
  const CommandLine line = parsed({"demo", "--set", "transport=kafka", "--metrics", "[::1]:0"});

  EXPECT_EQ(std::get<DemoOptions>(line.command).metrics, "[::1]:0");
  const auto config = load_config_text(line.built_in, ".", line.sources);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->transport, Transport::kEmbedded);
}

TEST(CommandLine, AnswersHelpAndVersion) {
  const auto text = [](const std::vector<std::string>& words) {
    return options<PrintText>(words).text;
  };
  EXPECT_EQ(text({"--version"}).compare(0, 6, "fovea "), 0);
  EXPECT_NE(text({"--help"}).find("evaluate"), std::string::npos);
  EXPECT_NE(text({"replay", "--help"}).find("--dead-letter-out"), std::string::npos);
  EXPECT_EQ(text({"--help"}).find("config-table"), std::string::npos);
}

TEST(CommandLine, NamesTheWordAtFaultInOneLine) {
  const std::vector<std::vector<std::string>> wrong = {
      {},
      {"runn", "v.toml"},
      {"run"},
      {"run", "v.toml", "--sise", "5"},
      {"run", "v.toml", "--from", "yesterday"},
      {"run", "v.toml", "--set", "size"},
      {"evaluate", "v.toml", "--events", "e", "--without", "luck"},
      {"evaluate", "v.toml", "--events", "e", "--every", "0"},
      {"evaluate", "v.toml", "--events", "e", "--baselines", "luck"},
      {"topics", "v.toml"},
      {"replay", "v.toml", "--events", "e"}};
  for (const auto& words : wrong) {
    const std::string message = refusal(words);
    EXPECT_NE(message, "accepted");
    EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    EXPECT_NE(message.back(), '.') << message;
  }
  EXPECT_EQ(refusal({"runn", "v.toml"}), "unknown command runn, did you mean run");
  EXPECT_EQ(refusal({"topics", "chekc", "v.toml"}), "unknown command chekc, did you mean check");
  EXPECT_EQ(refusal({"run", "v.toml", "--fail-fats"}),
            "unknown option --fail-fats, did you mean --fail-fast");
  EXPECT_EQ(refusal({}), "a subcommand is required; see fovea --help");
  EXPECT_NE(refusal({"run", "v.toml", "--from", "yesterday"}).find("\"yesterday\""),
            std::string::npos);
}

}  // namespace
}  // namespace fovea::topologies
