#pragma once

// Every number that a gradient step may move, by name and in one order.

#include <array>
#include <functional>
#include <string>
#include <vector>

#include "scorer/reference.h"

namespace fovea::scorer {

using Visit = std::function<void(const std::string&, double value, double sum)>;

// Calls `visit` for every number that the step may move, in one order.
inline void walk(const reference::Parameters& p, const Visit& visit) {
  const auto row = [&](const std::string& name, const reference::Row& r) {
    for (std::size_t d = 0; d < r.value.size(); ++d) {
      visit(name + "." + std::to_string(d), r.value[d], r.sum);
    }
  };
  const auto numbers = [&](const std::string& name, const auto& list) {
    for (std::size_t i = 0; i < list.size(); ++i) {
      visit(name + "." + std::to_string(i), list[i].value, list[i].sum);
    }
  };
  const auto rows = [&](const std::string& name, const auto& list) {
    for (std::size_t i = 0; i < list.size(); ++i) row(name + "." + std::to_string(i), list[i]);
  };
  for (std::size_t i = 0; i < p.items.size(); ++i) {
    const std::string name = "item." + std::to_string(i);
    row(name + ".a", p.items[i].in);
    row(name + ".b", p.items[i].residual);
    visit(name + ".c", p.items[i].bias.value, p.items[i].bias.sum);
  }
  for (std::size_t d = 0; d < p.matrix.size(); ++d) {
    numbers("W." + std::to_string(d), p.matrix[d]);
  }
  numbers("q", p.offset);
  numbers("r_pos", p.position);
  numbers("r_gap", p.gap);
  numbers("lasting", p.lasting_factor);
  rows("v", p.gap_rows);
  rows("v'", p.length_rows);
  rows("v_c", p.context_rows);
  const auto slopes = [&](const std::string& prefix, const auto& list) {
    for (std::size_t f = 0; f < kFeatureCount; ++f) {
      const std::string name = prefix + std::string(kFeatures[f].name);
      visit(name + ".base", list[f].base.value, list[f].base.sum);
      numbers(name + ".length", list[f].length);
      numbers(name + ".mass", list[f].mass);
      numbers(name + ".gap", list[f].gap);
      numbers(name + ".knot", list[f].knots);
    }
  };
  const auto tables = [&](const std::string& prefix, const auto& list) {
    for (std::size_t l = 0; l < kLagClasses; ++l) {
      const std::string name = prefix + std::to_string(l);
      numbers(name + ".length", list[l].length);
      numbers(name + ".pair", list[l].pair);
      numbers(name + ".gap", list[l].gap);
      numbers(name + ".share", list[l].share);
      visit(name + ".rate", list[l].rate.value, list[l].rate.sum);
    }
  };
  slopes("", p.slopes);
  numbers("b_pos", p.beta_position);
  numbers("b_gap", p.beta_gap);
  tables("own.", p.tables);
  numbers("gate", p.gates);
  numbers("own_slope", p.own_slopes);
  numbers("own_recency", p.own_recency);
  numbers("own_count", p.own_count);
  slopes("head.", p.head.slopes);
  tables("head.own.", p.head.tables);
  numbers("head.gate", p.head.gates);
  numbers("head.gap_gate", p.head.gap_gate);
  numbers("head.length_gate", p.head.length_gate);
  numbers("head.mass_gate", p.head.mass_gate);
  numbers("calibration", std::array{p.calibration_slope, p.calibration_offset});
  numbers("content.logit", p.content_logits);
  numbers("content.sharpness", std::array{p.content_sharpness});
}

struct FlatParameters {
  std::vector<std::string> names;
  std::vector<double> values, sums;
};

inline FlatParameters flat(const reference::Parameters& p) {
  FlatParameters out;
  walk(p, [&](const std::string& name, double value, double sum) {
    out.names.push_back(name);
    out.values.push_back(value);
    out.sums.push_back(sum);
  });
  return out;
}

}  // namespace fovea::scorer
