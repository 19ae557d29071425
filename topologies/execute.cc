#include <fmt/format.h>

#include <cstdio>
#include <type_traits>
#include <variant>

#include "topologies/command_line.h"
#include "topologies/log.h"

namespace fovea::topologies {
namespace {

Result<void> perform(const Config& config, const RunOptions& options) {
  return run(config, options);
}
Result<void> perform(const Config& config, const ReplayOptions& options) {
  return replay(config, options);
}
Result<void> perform(const Config& config, const EvaluateOptions& options) {
  return evaluate(config, options);
}
Result<void> perform(const Config& config, const DemoOptions& options) {
  return demo(config, options);
}
Result<void> perform(const Config& config, const TopicsOptions& options) {
  return topics(config, options);
}
Result<void> perform(const Config& config, const ProduceOptions& options) {
  return produce(config, options);
}
Result<void> perform(const Config& config, const ValidateOptions& options) {
  return validate(config, options);
}
Result<void> perform(const Config& config, const ProfileOptions& options) {
  return profile(config, options);
}
Result<void> perform(const Config& config, const ExplainOptions& options) {
  return explain(config, options);
}
Result<void> perform(const Config& config, const ModelOptions& options) {
  return model(config, options);
}
Result<void> perform(const Config& config, const PrintConfig&) {
  fmt::print("{}", print_config(config));
  return {};
}

template <class Options>
constexpr bool kNeedsNoTopology =
    std::is_same_v<Options, PrintText> || std::is_same_v<Options, PrintConfigTable> ||
    std::is_same_v<Options, GenerateOptions> || std::is_same_v<Options, WordsOptions>;

}  // namespace

Result<void> execute(const CommandLine& line) {
  return std::visit(
      [&line](const auto& options) -> Result<void> {
        using Options = std::decay_t<decltype(options)>;
        if constexpr (std::is_same_v<Options, PrintText>) {
          fmt::print("{}", options.text);
          return {};
        } else if constexpr (std::is_same_v<Options, PrintConfigTable>) {
          fmt::print("{}", config_table());
          return {};
        } else if constexpr (std::is_same_v<Options, GenerateOptions>) {
          return generate(options);
        } else if constexpr (std::is_same_v<Options, WordsOptions>) {
          return words(options);
        } else {
          static_assert(!kNeedsNoTopology<Options>);
          const auto config = line.built_in.empty()
                                  ? load_config(line.sources)
                                  : load_config_text(line.built_in, ".", line.sources);
          if (!config) return config.error();
          set_up_log(config->log_format, config->log_level);
          return perform(*config, options);
        }
      },
      line.command);
}

}  // namespace fovea::topologies
