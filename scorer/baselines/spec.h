#pragma once

// Which baseline, with which parameters, as text: "stan:neighbours=500:recency=0.5".
//
// kinds() is the table of all there is. A name alone stands for what the evaluation shows of that
// kind (popularity at five half-lives); with parameters it stands for exactly one.

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "scorer/baselines/baseline.h"
#include "vocab/result.h"

namespace fovea::baselines {

struct Parameter {
  std::string_view name;
  double value;  // by default
  double least;
  double most;
  std::string_view meaning;
};

struct Kind {
  std::string_view name;
  std::span<const Parameter> parameters;
  std::span<const std::string_view> shown;  // specs that the name alone stands for
  std::string_view source;
};

[[nodiscard]] std::span<const Kind> kinds();

struct Spec {
  std::string text;              // as it is to be shown
  const Kind* kind = nullptr;    // of kinds()
  std::vector<double> values;    // of kind->parameters
  bool leaves_out_seen = false;  // "seen=0": whatever the topology allows, never what the user had

  [[nodiscard]] double value(std::string_view parameter) const;
};

// "all", "none", or specs separated by commas.
// Errors: kStop naming the word at fault.
[[nodiscard]] Result<std::vector<Spec>> parse_specs(std::string_view text);

// Times that are parameters are multiples of the topology's half-life, in seconds.
[[nodiscard]] std::unique_ptr<Baseline> make_baseline(const Spec& spec, double half_life_s);

}  // namespace fovea::baselines
