#include "scorer/baselines/spec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "scorer/baselines/count_blend.h"
#include "scorer/baselines/factors.h"
#include "scorer/baselines/item_cosine.h"
#include "scorer/baselines/popularity.h"
#include "scorer/baselines/recently_viewed.h"
#include "scorer/baselines/session_knn.h"
#include "scorer/baselines/transitions.h"
#include "vocab/assert.h"

namespace fovea::baselines {
namespace {

using Shown = std::string_view;

constexpr std::array kPopularity = {
    Parameter{"half_life", 1, 0, 1e6, "in half-lives of the topology; 0: nothing decays"}};
constexpr std::array kPopularityShown = {
    Shown("popularity:half_life=0"),    Shown("popularity:half_life=8"),
    Shown("popularity:half_life=1"),    Shown("popularity:half_life=0.125"),
    Shown("popularity:half_life=0.03"), Shown("popularity:half_life=0.125:seen=0")};

constexpr std::array kTransitions = {
    Parameter{"lags", 5, 1, 50, "how many of the last items are counted, at 1/lag"},
    Parameter{"asked", 5, 1, 50, "how many of the last items are asked, at 1/lag"},
    Parameter{"forgetting", 0, 0, 1, "what a row's older counts shrink by at each update"}};
constexpr std::array kTransitionsShown = {Shown("transitions:lags=5"),
                                          Shown("transitions:asked=1"),
                                          Shown("transitions:lags=5:forgetting=0.02"),
                                          Shown("transitions:asked=1:forgetting=0.02"),
                                          Shown("transitions:lags=10:asked=10:forgetting=0.05"),
                                          Shown("transitions:forgetting=0.02:seen=0")};

constexpr std::array kItemCosine = {
    Parameter{"last", 5, 1, 1000, "distinct items of the user that are asked"},
    Parameter{"window", 20, 1, 1000, "distinct items of the user that a choice is counted with"},
    Parameter{"damping", 20, 0, 1e6, "added to each item's number of users"},
    Parameter{"decay", 1, 0.1, 1e6, "of the asked items' weights, in items"}};

constexpr std::array kItemCosineShown = {Shown("item-cosine"), Shown("item-cosine:seen=0")};

constexpr std::array kVsknn = {
    Parameter{"last", 10, 1, 50, "distinct items of the user that are asked"},
    Parameter{"neighbours", 100, 1, 1e5, "most similar users that count"},
    Parameter{"sample", 500, 1, 1e5, "newest occurrences of each item that are looked at"},
    Parameter{"reach", 5, 1, 1e5, "events of a neighbour to either side of the common item"}};

constexpr std::array kVsknnShown = {Shown("vsknn"), Shown("vsknn:seen=0")};

constexpr std::array kStan = {
    Parameter{"last", 10, 1, 50, "distinct items of the user that are asked"},
    Parameter{"neighbours", 500, 1, 1e5, "most similar users that count"},
    Parameter{"sample", 500, 1, 1e5, "newest occurrences of each item that are looked at"},
    Parameter{"reach", 10, 1, 1e5, "events of a neighbour to either side of the common item"},
    Parameter{"item_decay", 1, 0.01, 1e6, "lambda 1, in items of the user"},
    Parameter{"recency", 5, 0, 1e6, "lambda 2, in half-lives of the topology; 0: none"},
    Parameter{"position_decay", 4, 0.01, 1e6, "lambda 3, in events of the neighbour"}};

constexpr std::array kStanShown = {Shown("stan"), Shown("stan:seen=0")};

constexpr std::array kIsgd = {Parameter{"dim", 32, 1, 512, "of the vectors"},
                              Parameter{"rate", 0.05, 1e-6, 10, "learning rate"},
                              Parameter{"decay", 0.01, 0, 10, "L2 regularisation"},
                              Parameter{"steps", 5, 1, 100, "gradient steps a choice"}};

constexpr std::array kBpr = {Parameter{"dim", 32, 1, 512, "of the vectors"},
                             Parameter{"rate", 0.05, 1e-6, 10, "learning rate"},
                             Parameter{"decay", 0.01, 0, 10, "L2 regularisation"},
                             Parameter{"steps", 20, 1, 1000, "items a choice is set against"}};

constexpr std::array kCountBlend = {
    Parameter{"half_life", 1, 1e-6, 1e6,
              "of the slower of its two popularities, in half-lives of the topology"},
    Parameter{"lags", 5, 1, 50, "how many of the last items count, at 1/lag"},
    Parameter{"forgetting", 0.02, 0, 1, "what a row's older counts shrink by at each update"},
    Parameter{"smoothing", 5, 0, 1e6, "added to a row's total"},
    Parameter{"epsilon", 1e-2, 1e-9, 1, "added to a share before its logarithm"},
    Parameter{"sample", 2000, 10, 1e6, "questions that the weights are searched on, at most"}};

constexpr std::array kCountBlendShown = {
    Shown("count-blend"), Shown("count-blend:half_life=0.1:lags=10:forgetting=0.05")};

constexpr std::array kKinds = {
    Kind{"popularity", kPopularity, kPopularityShown, "counting"},
    Kind{"transitions", kTransitions, kTransitionsShown, "Ludewig and Jannach 2018 (SR)"},
    Kind{"item-cosine", kItemCosine, kItemCosineShown, "Sarwar et al. 2001; Hidasi et al. 2016"},
    Kind{"vsknn", kVsknn, kVsknnShown, "Ludewig and Jannach 2018"},
    Kind{"stan", kStan, kStanShown, "Garg et al. 2019"},
    Kind{"isgd", kIsgd, {}, "Vinagre, Jorge and Gama 2014"},
    Kind{"bpr", kBpr, {}, "Rendle et al. 2009"},
    Kind{"recently-viewed", {}, {}, "looking back"},
    Kind{"count-blend", kCountBlend, kCountBlendShown, "Metzler and Croft 2007 (the search)"}};

std::size_t count(const Spec& spec, std::string_view parameter) {
  return static_cast<std::size_t>(spec.value(parameter));
}

// Not a number where the text is none.
double number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  return whole ? value : std::numeric_limits<double>::quiet_NaN();
}

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  while (true) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

std::string known_kinds() {
  std::string names;
  for (const Kind& kind : kKinds) names += (names.empty() ? "" : ", ") + std::string(kind.name);
  return names;
}

Result<void> set_parameter(std::string_view part, Spec& spec) {
  const std::size_t equals = std::min(part.find('='), part.size());
  const std::string_view name = part.substr(0, equals);
  const double value = number(part.substr(std::min(equals + 1, part.size())));
  if (name == "seen" && (value == 0 || value == 1)) {
    spec.leaves_out_seen = value == 0;
    return {};
  }
  const auto& parameters = spec.kind->parameters;
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [name](const Parameter& p) { return p.name == name; });
  if (found == parameters.end()) {
    return stop(fmt::format("{} has no parameter {}", spec.kind->name, name));
  }
  if (!(value >= found->least && value <= found->most)) {
    return stop(fmt::format("{}: {} is not a number from {} to {}", spec.kind->name, part,
                            found->least, found->most));
  }
  spec.values[static_cast<std::size_t>(found - parameters.begin())] = value;
  return {};
}

Result<Spec> parse_spec(std::string_view text) {
  const std::vector<std::string_view> parts = split(text, ':');
  const auto kind = std::find_if(kKinds.begin(), kKinds.end(),
                                 [&](const Kind& k) { return k.name == parts.front(); });
  if (kind == kKinds.end()) {
    return stop(fmt::format("no baseline is called {}: {}", parts.front(), known_kinds()));
  }
  Spec spec{std::string(text), &*kind, {}, false};
  for (const Parameter& parameter : kind->parameters) spec.values.push_back(parameter.value);
  for (std::size_t i = 1; i < parts.size(); ++i) {
    if (auto set = set_parameter(parts[i], spec); !set) return set.error();
  }
  return spec;
}

// The specs that a name alone stands for; the text itself where there are none.
Result<void> add_specs(std::string_view text, std::vector<Spec>& specs) {
  const auto kind =
      std::find_if(kKinds.begin(), kKinds.end(), [&](const Kind& k) { return k.name == text; });
  const bool several = kind != kKinds.end() && !kind->shown.empty();
  const std::span<const std::string_view> texts =
      several ? kind->shown : std::span<const std::string_view>(&text, 1);
  for (const std::string_view one : texts) {
    auto spec = parse_spec(one);
    if (!spec) return spec.error();
    specs.push_back(*std::move(spec));
  }
  return {};
}

}  // namespace

std::span<const Kind> kinds() {
  return kKinds;
}

double Spec::value(std::string_view parameter) const {
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (kind->parameters[i].name == parameter) return values[i];
  }
  FOVEA_ASSERT(false);
}

Result<std::vector<Spec>> parse_specs(std::string_view text) {
  std::vector<Spec> specs;
  if (text == "none") return specs;
  std::vector<std::string_view> words = split(text, ',');
  if (text == "all") {
    words.clear();
    for (const Kind& kind : kKinds) words.push_back(kind.name);
  }
  for (const std::string_view word : words) {
    if (auto added = add_specs(word, specs); !added) return added.error();
  }
  return specs;
}

std::unique_ptr<Baseline> make_baseline(const Spec& spec, double half_life_s) {
  const std::string_view name = spec.kind->name;
  if (name == "popularity") return make_popularity(spec.value("half_life") * half_life_s);
  if (name == "transitions") {
    return make_transitions({count(spec, "lags"), count(spec, "asked"), spec.value("forgetting")});
  }
  if (name == "item-cosine") {
    return make_item_cosine(
        {count(spec, "last"), count(spec, "window"), spec.value("damping"), spec.value("decay")});
  }
  if (name == "vsknn" || name == "stan") {
    SessionKnnSettings settings;
    settings.time_aware = name == "stan";
    settings.last = count(spec, "last");
    settings.neighbours = count(spec, "neighbours");
    settings.sample = count(spec, "sample");
    settings.reach = count(spec, "reach");
    if (settings.time_aware) {
      settings.item_decay = spec.value("item_decay");
      settings.position_decay = spec.value("position_decay");
      settings.recency_s = spec.value("recency") * half_life_s;
    }
    return make_session_knn(settings);
  }
  if (name == "isgd" || name == "bpr") {
    const FactorsSettings settings{count(spec, "dim"), spec.value("rate"), spec.value("decay"),
                                   count(spec, "steps")};
    return name == "isgd" ? make_isgd(settings) : make_bpr(settings);
  }
  if (name == "recently-viewed") return make_recently_viewed();
  CountBlendSettings settings;
  settings.half_life_s = spec.value("half_life") * half_life_s;
  settings.lags = count(spec, "lags");
  settings.forgetting = spec.value("forgetting");
  settings.smoothing = spec.value("smoothing");
  settings.epsilon = spec.value("epsilon");
  settings.sample = count(spec, "sample");
  return make_count_blend(settings);
}

}  // namespace fovea::baselines
