#pragma once

// The words after `fovea`: which command, with which options, on which topology.

#include <string>
#include <variant>
#include <vector>

#include "topologies/commands.h"
#include "topologies/config.h"
#include "vocab/result.h"

namespace fovea::topologies {

// Not commands of work: a text to print, with exit status 0.
struct PrintText {
  std::string text;
};
struct PrintConfig {};
struct PrintConfigTable {};

using Command =
    std::variant<PrintText, PrintConfig, PrintConfigTable, RunOptions, ReplayOptions,
                 EvaluateOptions, DemoOptions, TopicsOptions, ProduceOptions, ValidateOptions,
                 ProfileOptions, ExplainOptions, ModelOptions, GenerateOptions, WordsOptions>;

struct CommandLine {
  Command command;
  ConfigSources sources;  // path empty: `built_in` is the topology
  std::string built_in;   // TOML; both empty: the command needs no topology
};

// `arguments` without the program's name. --help and --version are PrintText.
// Errors: kStop naming the option at fault.
[[nodiscard]] Result<CommandLine> parse_command_line(const std::vector<std::string>& arguments);

// "1s", "300ev", "0".
// Errors: kStop naming the text.
[[nodiscard]] Result<PublishEvery> parse_publish_every(const std::string& text);

// Does it.
[[nodiscard]] Result<void> execute(const CommandLine& line);

}  // namespace fovea::topologies
