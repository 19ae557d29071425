#include "scorer/reference.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <string>

#include "scorer/own_items.h"

namespace fovea::scorer::reference {
namespace {

using Vector = std::vector<double>;

constexpr double kEps = 5e-4;  // of tw and rv
constexpr double kBackedOffEpsilon = 1e-6;
constexpr double kPriorIncrements = 5.0;  // increments added to a row's total
constexpr double kDifference = 0x1p-20;   // of central differences

double dot(const Vector& a, const Vector& b) {
  double sum = 0.0;
  for (std::size_t d = 0; d < a.size(); ++d) sum += a[d] * b[d];
  return sum;
}

// ---- buckets ----

std::size_t floor_log2(double x) {
  return static_cast<std::size_t>(std::floor(std::log2(x)));
}

std::size_t gap_of(std::int64_t age_ms) {
  return std::min<std::size_t>(31, floor_log2(1.0 + std::floor(static_cast<double>(age_ms) / 1e3)));
}

std::size_t length_of(std::uint32_t n) {
  return n <= 1 ? 0 : n == 2 ? 1 : n <= 5 ? 2 : n <= 12 ? 3 : n < 50 ? 4 : 5;
}

bool in_history(const QueryOwnItem& own) {
  return own.lag_class != 0;
}

// ---- curves ----

// Weights of the two knots that x lies between.
using KnotWeights = std::array<std::pair<std::size_t, double>, 2>;

KnotWeights knot_weights(double t) {
  t = std::clamp(t, 0.0, static_cast<double>(kKnots) - 1.01);
  const auto knot = static_cast<std::size_t>(t);
  const double fraction = t - static_cast<double>(knot);
  return {{{knot, 1.0 - fraction}, {knot + 1, fraction}}};
}

// g_f: 34 knots from log2(eps), the 31st at 1.
KnotWeights feature_knots(double x) {
  const double start = std::log2(kEps);
  return knot_weights((x - start) / ((1.0 - start) / 30.0));
}

KnotWeights recency_knots(const QueryOwnItem& own) {
  return knot_weights(1.0 + std::log2(1.0 + static_cast<double>(own.age_ms) / 1e3));
}

KnotWeights count_knots(const QueryOwnItem& own) {
  return knot_weights(static_cast<double>(std::min<std::uint32_t>(own.count, 30)));
}

double at(const Curve& curve, const KnotWeights& weights) {
  return curve[weights[0].first].value * weights[0].second +
         curve[weights[1].first].value * weights[1].second;
}

// ---- terms ----

bool used(const Parameters& p, std::size_t f) {
  return kFeatures[f].part == nullptr || p.parts.*kFeatures[f].part;
}

double slope_of(const Slope& s, const Buckets& b) {
  return s.base.value + s.length[b.length].value + s.mass[b.mass].value + s.gap[b.gap / 2].value;
}

// d_f: what a feature is where nothing is known.
double origin_of(std::size_t f) {
  const bool sparse = kFeatures[f].sparse;
  return sparse ? std::log2(kEps) : 0.0;
}

double rate_of(const Parameters& p, Slot slot, std::uint32_t count) {
  const double rho = p.repeat_mean;
  return std::log2((p.items[slot].repeats + 2.0 * rho) /
                   ((static_cast<double>(count) + 2.0) * rho));
}

const QueryOwnItem* own_item(const Query& query, Slot slot) {
  for (const QueryOwnItem& own : query.own_items) {
    if (own.slot == slot) return &own;
  }
  return nullptr;
}

double sum_of(const LagTable& table, const Buckets& b) {
  return table.length[b.length].value + table.pair[b.pair].value + table.gap[b.gap / 2].value +
         table.share[b.share].value;
}

// own(i), term by term, under the names that explanations use.
std::map<std::string, double> own_parts(const Parameters& p, const Question& question,
                                        const QueryOwnItem& own, std::uint32_t count,
                                        const std::array<double, kFeatureCount>& x) {
  std::map<std::string, double> out{
      {"had_before", 0.0}, {"repeat_rate", 0.0}, {"had_before_features", 0.0}};
  out["had_before_recency"] = at(p.own_recency, recency_knots(own));
  out["had_before_count"] = at(p.own_count, count_knots(own));
  if (!in_history(own)) return out;
  const LagTable& table = p.tables[own.lag_class];
  out["had_before"] = sum_of(table, question.buckets);
  out["repeat_rate"] = table.rate.value * rate_of(p, own.slot, count);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (used(p, f)) out["had_before_features"] += p.own_slopes[f].value * (x[f] - origin_of(f));
  }
  return out;
}

double own_score(const Parameters& p, const Question& question, const QueryOwnItem& own,
                 std::uint32_t count, const std::array<double, kFeatureCount>& x) {
  double sum = 0.0;
  for (const auto& [name, part] : own_parts(p, question, own, count, x)) sum += part;
  return sum;
}

// What feature f adds where it has the value x, by one of the two sets of slopes.
double part_of(const Slope& slope, const Buckets& b, std::size_t f, double x) {
  const double curve = kFeatures[f].sparse ? at(slope.knots, feature_knots(x)) : 0.0;
  return slope_of(slope, b) * x + curve;
}

double linear_part(const Parameters& p, const Buckets& b, std::size_t f, double x) {
  return part_of(p.slopes[f], b, f, x);
}

double head_part(const Parameters& p, const Buckets& b, std::size_t f, double x) {
  return part_of(p.head.slopes[f], b, f, x);
}

}  // namespace

void Number::step(double rate, double gradient) {
  sum += gradient * gradient;
  value -= rate * gradient / std::sqrt(sum);
}

void Row::step(double rate, const Vector& gradient) {
  sum += dot(gradient, gradient) / static_cast<double>(gradient.size());
  for (std::size_t d = 0; d < gradient.size(); ++d) value[d] -= rate * gradient[d] / std::sqrt(sum);
}

Question ask(const Parameters& p, const Model& model, const Query& query) {
  Question out;
  out.query = &query;
  const std::size_t n = query.history.size();
  out.shift.assign(n, 0.0);
  out.beta_shift.assign(n, 0.0);
  for (const QueryEntry& entry : query.history) {
    if (entry.slot == kNoSlot) {
      std::vector<float> first(model.items.stride());
      model.items.initial_vector(entry.key, first.data());
      out.entries.emplace_back(first.begin(), first.begin() + static_cast<std::ptrdiff_t>(p.dim));
    } else {
      out.entries.push_back(p.items[entry.slot].in.value);
    }
  }

  out.lasting_mean.assign(p.dim, 0.0);
  double known = 0.0;
  for (const QueryEntry& entry : query.older) {
    if (entry.slot == kNoSlot) continue;
    known += 1.0;
    for (std::size_t d = 0; d < p.dim; ++d) {
      out.lasting_mean[d] += p.items[entry.slot].in.value[d];
    }
  }
  if (known > 0.0) {
    for (double& x : out.lasting_mean) x /= known;
  }

  Buckets& b = out.buckets;
  b.length = length_of(query.history_length);
  b.gap = 31;
  if (n == 0) return out;
  b.gap = gap_of(query.newest(0).age_ms);
  if (const Slot last = query.newest(0).slot; last != kNoSlot) {
    const Item& item = p.items[last];
    const double mass = item.follows_total / item.follows_increment;
    if (mass > 0.0) b.mass = std::min<std::size_t>(9, 1 + floor_log2(1.0 + mass));
  }
  if (n >= 2 && query.newest(0).key == query.newest(1).key) {
    b.pair = 1;
  } else if (n >= 3 && query.newest(0).key == query.newest(2).key) {
    b.pair = 2;
  }
  const double length = static_cast<double>(query.history_length);
  const double distinct = static_cast<double>(
      std::count_if(query.own_items.begin(), query.own_items.end(), in_history));
  if (length > distinct) {
    b.share = std::min<std::size_t>(
        7, static_cast<std::size_t>(std::floor(8.0 * (length - distinct) / length)));
  }
  return out;
}

Interest attend(const Parameters& p, const Question& question) {
  const Query& query = *question.query;
  const Buckets& b = question.buckets;
  const std::size_t n = query.history.size();
  Interest out;
  out.j.assign(p.dim, 0.0);
  if (n == 0 || !p.parts.attention) return out;

  Vector key(p.dim);
  for (std::size_t d = 0; d < p.dim; ++d) {
    key[d] = p.offset[d].value;
    for (std::size_t e = 0; e < p.dim; ++e) {
      key[d] += p.matrix[d][e].value * question.entries[n - 1][e];
    }
  }
  double sum = 0.0;
  for (std::size_t k = 0; k < n; ++k) {
    const double z = dot(question.entries[k], key) / std::sqrt(static_cast<double>(p.dim)) +
                     p.position[n - 1 - k].value + p.gap[gap_of(query.history[k].age_ms)].value +
                     question.shift[k];
    out.alpha.push_back(std::exp(z));
    sum += out.alpha[k];
  }
  for (double& alpha : out.alpha) alpha /= sum;

  for (std::size_t d = 0; d < p.dim; ++d) {
    for (std::size_t k = 0; k < n; ++k) out.j[d] += out.alpha[k] * question.entries[k][d];
    out.j[d] += p.gap_rows[b.gap].value[d] + p.length_rows[b.length].value[d];
    for (const std::uint32_t row : query.context_rows) out.j[d] += p.context_rows[row].value[d];
    out.j[d] += p.lasting_factor[b.length].value * question.lasting_mean[d];
  }
  return out;
}

namespace {

Column empty_column(std::size_t entries, std::size_t items) {
  return {Vector(items, 0.0), std::vector<Vector>(entries, Vector(items, 0.0))};
}

void add_up(Column& column) {
  for (const Vector& part : column.of) {
    for (std::size_t slot = 0; slot < part.size(); ++slot) column.whole[slot] += part[slot];
  }
}

void remember_transitions(const Parameters& p, const Question& question, double total,
                          Memory& out) {
  const Query& query = *question.query;
  const std::size_t depth = out.follows.of.size();
  double sum = 0.0;
  for (std::size_t k = 0; k < depth; ++k) {
    out.beta.push_back(std::exp(p.beta_position[k].value +
                                p.beta_gap[gap_of(query.newest(k).age_ms)].value +
                                question.beta_shift[k]));
    sum += out.beta[k];
  }
  for (double& beta : out.beta) beta /= sum;

  for (std::size_t k = 0; k < depth; ++k) {
    if (query.newest(k).slot == kNoSlot) {
      out.backoff += out.beta[k] / total;
      continue;
    }
    const Item& item = p.items[query.newest(k).slot];
    const double follows_whole = item.follows_total + kPriorIncrements * item.follows_increment;
    const double precedes_whole = item.precedes_total + kPriorIncrements * item.precedes_increment;
    out.backoff += out.beta[k] * kPriorIncrements * item.follows_increment / follows_whole / total;
    if (k == 0 || out.beta[k] >= 1e-3) {
      for (const auto& [slot, weight] : item.follows) {
        out.follows.of[k][slot] = out.beta[k] * weight / follows_whole;
      }
    }
    if (k >= 5) continue;
    for (const auto& [slot, weight] : item.precedes) {
      out.precedes.of[k][slot] = out.beta[k] * weight / precedes_whole;
    }
  }
}

void remember_pairs(const Parameters& p, const Query& query, Column& pairs) {
  for (std::size_t before = 1; before <= 2 && before < query.history.size(); ++before) {
    const auto row = p.pairs.find(pair_key(query.newest(0).key, query.newest(before).key));
    if (row == p.pairs.end()) continue;
    for (const auto& [slot, weight] : row->second.items) {
      // The newest entry's and its partner's, half and half.
      const double value = (before == 1 ? 1.0 : .5) * weight / (row->second.total + 1.0);
      pairs.of[0][slot] += value / 2.0;
      pairs.of[before][slot] += value / 2.0;
    }
  }
}

void remember_content(const Parameters& p, const Query& query, Column& content) {
  for (std::size_t k = 0; k < content.of.size(); ++k) {
    if (query.newest(k).slot == kNoSlot) continue;
    for (const auto& [slot, cosine] : p.items[query.newest(k).slot].alike) {
      content.of[k][slot] += std::exp(-static_cast<double>(k) / 3.0) * cosine * cosine;
    }
  }
}

// By the list of all choices that the ring holds, with no link between them.
void remember_neighbours(const Parameters& p, const Query& query, Column& neighbours) {
  struct Neighbour {
    UserKey user{};
    std::size_t anchor = 0;
    std::array<double, 5> found_by{};
  };
  std::vector<Neighbour> all;
  std::vector<Slot> met;
  double sum = 0.0;
  for (std::size_t k = 0; k < neighbours.of.size(); ++k) {
    const Slot item = query.newest(k).slot;
    if (item == kNoSlot || std::find(met.begin(), met.end(), item) != met.end()) continue;
    met.push_back(item);
    int walked = 0;
    for (std::size_t c = p.choices.size(); c-- > 0 && walked < 40;) {
      const auto& [user, chosen] = p.choices[c];
      if (chosen != item) continue;
      ++walked;
      if (user == query.user) continue;
      auto v = std::find_if(all.begin(), all.end(),
                            [who = user](const Neighbour& other) { return other.user == who; });
      if (v == all.end()) {
        if (all.size() == 512) continue;
        all.push_back({user, c, {}});
        v = all.end() - 1;
      }
      v->found_by[k] += std::exp(-static_cast<double>(k) / 3.0);
      sum += std::exp(-static_cast<double>(k) / 3.0);
    }
  }
  const auto near = [&](const Neighbour& v, std::size_t choice, int z) {
    if (p.choices[choice].second == kNoSlot) return;  // what was chosen has given way
    for (std::size_t k = 0; k < neighbours.of.size(); ++k) {
      neighbours.of[k][p.choices[choice].second] +=
          v.found_by[k] / (.5 + sum) * std::exp(-static_cast<double>(z) / 2.0);
    }
  };
  for (const Neighbour& v : all) {
    int z = 0;
    for (std::size_t c = v.anchor + 1; c < p.choices.size() && z < 5; ++c) {
      if (p.choices[c].first == v.user) near(v, c, z++);
    }
    z = 0;
    for (std::size_t c = v.anchor; c-- > 0 && z < 3;) {
      if (p.choices[c].first == v.user) near(v, c, z++);
    }
  }
}

}  // namespace

Memory remember(const Parameters& p, const Question& question, double total) {
  const Query& query = *question.query;
  const std::size_t n = query.history.size();
  const std::size_t items = p.items.size();
  Memory out;
  out.follows = empty_column(p.parts.memory ? std::min<std::size_t>(6, n) : 0, items);
  out.precedes = empty_column(p.parts.memory ? std::min<std::size_t>(6, n) : 0, items);
  out.pairs = empty_column(p.parts.pairs ? std::min<std::size_t>(3, n) : 0, items);
  out.neighbours = empty_column(p.parts.neighbours ? std::min<std::size_t>(5, n) : 0, items);
  out.content = empty_column(p.parts.content ? std::min<std::size_t>(5, n) : 0, items);
  if (n == 0) return out;
  if (p.parts.memory) remember_transitions(p, question, total, out);
  if (p.parts.pairs) remember_pairs(p, query, out.pairs);
  if (p.parts.neighbours) remember_neighbours(p, query, out.neighbours);
  if (p.parts.content) remember_content(p, query, out.content);
  for (Column* column : {&out.follows, &out.precedes, &out.pairs, &out.neighbours, &out.content}) {
    add_up(*column);
  }
  return out;
}

Terms score(const Parameters& p, const Question& question, const Interest& interest,
            const Memory& memory, Slot slot, const ItemCounts& counts) {
  const Query& query = *question.query;
  const Item& item = p.items[slot];
  Terms out;

  const double since_last = std::max(0.0, query.now_s - counts.last_s);
  const double since_first = std::max(0.0, query.now_s - counts.first_s);
  const double half_lives[] = {p.half_life_s / 8.0, p.half_life_s, 8.0 * p.half_life_s};
  std::array<double, kHalfLives> decayed{};
  for (std::size_t h = 0; h < kHalfLives; ++h) {
    decayed[h] = static_cast<double>(counts.decayed[h]) * std::exp2(-since_last / half_lives[h]);
    out.x[h] = std::log2(.1 + decayed[h]);
  }
  out.x[index(Feature::kAge)] = std::log2(1.0 + since_first);
  out.x[index(Feature::kRecency)] = std::log2(1.0 + since_last);
  out.x[index(Feature::kCount)] = std::log2(1.0 + static_cast<double>(counts.count));
  out.x[index(Feature::kBackedOff)] =
      std::log2(kBackedOffEpsilon + memory.follows.whole[slot] + memory.backoff * decayed[0]);
  out.x[index(Feature::kFollows)] = std::log2(kEps + memory.follows.whole[slot]);
  out.x[index(Feature::kPrecedes)] = std::log2(kEps + memory.precedes.whole[slot]);
  out.x[index(Feature::kNeighbours)] = std::log2(kEps + memory.neighbours.whole[slot]);
  out.x[index(Feature::kPairs)] = std::log2(kEps + memory.pairs.whole[slot]);
  out.x[index(Feature::kContent)] = std::log2(kEps + memory.content.whole[slot]);

  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!used(p, f)) continue;
    out.linear += linear_part(p, question.buckets, f, out.x[f]);
    out.head += head_part(p, question.buckets, f, out.x[f]);
  }

  const Buckets& b = question.buckets;
  out.head_gate = p.head.gap_gate[b.gap / 2].value + p.head.length_gate[b.length].value +
                  p.head.mass_gate[b.mass].value;
  if (const QueryOwnItem* own = own_item(query, slot)) {
    out.own = own_score(p, question, *own, counts.count, out.x);
    if (in_history(*own)) {
      out.gate = p.gates[own->lag_class].value;
      out.head_gate = p.head.gates[own->lag_class].value;
      out.head += sum_of(p.head.tables[own->lag_class], b);
    }
  }
  for (std::size_t d = 0; d < p.dim; ++d) {
    out.match += (item.in.value[d] + item.residual.value[d]) * interest.j[d];
  }
  out.attention = out.gate * out.match;
  out.head += out.head_gate * out.match;
  out.bias = item.bias.value;
  return out;
}

double Explained::sum() const {
  double sum = bias + user;
  for (const double part : history) sum += part;
  for (const auto& [name, part] : features) sum += part;
  return sum;
}

Explained explain(const Parameters& p, const std::vector<std::string>& context_fields,
                  const Question& question, const Interest& interest, const Memory& memory,
                  Slot slot, const ItemCounts& counts) {
  const Query& query = *question.query;
  const Buckets& b = question.buckets;
  const std::size_t n = query.history.size();
  const Item& item = p.items[slot];
  const Terms terms = score(p, question, interest, memory, slot, counts);
  Explained out;
  out.bias = item.bias.value;
  out.history.assign(n, 0.0);

  // o_i S_i . j, by what j is a sum of.
  if (n > 0 && p.parts.attention) {
    Vector match(p.dim);  // S_i, times what every product is multiplied by
    for (std::size_t d = 0; d < p.dim; ++d) {
      match[d] = (terms.gate + terms.head_gate) * (item.in.value[d] + item.residual.value[d]);
    }
    for (std::size_t k = 0; k < n; ++k) {
      out.history[k] = interest.alpha[k] * dot(question.entries[k], match);
    }
    out.user = p.lasting_factor[b.length].value * dot(question.lasting_mean, match);
    out.features["time_since_last"] = dot(p.gap_rows[b.gap].value, match);
    out.features["history_length"] = dot(p.length_rows[b.length].value, match);
    for (const std::uint32_t row : query.context_rows) {
      out.features["context:" + context_fields[row / kContextRows]] +=
          dot(p.context_rows[row].value, match);
    }
  }

  if (const QueryOwnItem* own = own_item(query, slot)) {
    out.features.merge(own_parts(p, question, *own, counts.count, terms.x));
    if (in_history(*own)) out.features["had_before"] += sum_of(p.head.tables[own->lag_class], b);
  }

  const auto whole_part = [&](std::size_t f, double x) {
    return linear_part(p, b, f, x) + head_part(p, b, f, x);
  };
  // A feature made of a sparse memory: what it is where that is 0 stays with the feature, the rest
  // goes to the entries in proportion to what each adds to it.
  const auto split = [&](Feature feature, double level_x, const Column& column) {
    const double whole = column.whole[slot];
    const std::size_t f = index(feature);
    const double level = whole_part(f, level_x);
    const double rest = whole_part(f, terms.x[f]) - level;
    out.features[std::string(kFeatures[f].name)] = level;
    if (whole == 0.0) return;
    for (std::size_t k = 0; k < column.of.size(); ++k) {
      out.history[n - 1 - k] += rest * column.of[k][slot] / whole;
    }
  };
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!used(p, f)) continue;
    const auto feature = static_cast<Feature>(f);
    if (feature == Feature::kFollows) {
      split(feature, std::log2(kEps), memory.follows);
    } else if (feature == Feature::kPrecedes) {
      split(feature, std::log2(kEps), memory.precedes);
    } else if (feature == Feature::kNeighbours) {
      split(feature, std::log2(kEps), memory.neighbours);
    } else if (feature == Feature::kPairs) {
      split(feature, std::log2(kEps), memory.pairs);
    } else if (feature == Feature::kContent) {
      split(feature, std::log2(kEps), memory.content);
    } else if (feature == Feature::kBackedOff) {
      const double decayed = std::exp2(terms.x[index(Feature::kPopularityShort)]) - .1;
      split(feature, std::log2(kBackedOffEpsilon + memory.backoff * decayed), memory.follows);
    } else {
      out.features[std::string(kFeatures[f].name)] = whole_part(f, terms.x[f]);
    }
  }
  return out;
}

double loss(const Vector& logits, bool positive) {
  double sum = 0.0;
  for (const double logit : logits) sum += std::exp(logit);
  const double p = std::exp(logits.front()) / sum;
  return positive ? -std::log(p) : -std::log(1.0 - p);
}

double ndcg_loss(const Vector& scores, const Vector& weights, double m) {
  double rank = 0.0;
  for (std::size_t i = 1; i < scores.size(); ++i) {
    rank += weights[i] / (1.0 + std::exp(-(scores[i] - scores[0]) / .5));
  }
  return -m / std::log2(2.0 + rank);
}

namespace {

double difference(double& parameter, const std::function<double()>& function) {
  const double start = parameter;
  parameter = start + kDifference;
  const double above = function();
  parameter = start - kDifference;
  const double below = function();
  parameter = start;
  return (above - below) / (2.0 * kDifference);
}

// By one candidate's score after the other, each at most 1; the target's is what makes the sum 0.
Vector ndcg_gradient(Vector scores, const std::vector<Drawn>& candidates, double m) {
  Vector weights;
  for (const Drawn& drawn : candidates) {
    weights.push_back(std::min(100.0, std::exp(drawn.log_correction)));
  }
  Vector out(scores.size(), 0.0);
  for (std::size_t i = 1; i < scores.size(); ++i) {
    out[i] = std::min(1.0, difference(scores[i], [&] { return ndcg_loss(scores, weights, m); }));
    out[0] -= out[i];
  }
  return out;
}

Vector softmax_gradient(Vector logits, bool positive) {
  Vector out;
  for (double& logit : logits) {
    out.push_back(difference(logit, [&] { return loss(logits, positive); }));
  }
  return out;
}

void learn_head(Head& head, const Parameters& p, const Question& question,
                const std::vector<Drawn>& candidates, const std::vector<Terms>& terms,
                const Vector& delta) {
  const Buckets& b = question.buckets;
  std::array<double, kFeatureCount> slope_gradient{};
  std::array<std::array<double, kKnots>, kFeatureCount> knot_gradient{};
  double gate_gradient = 0.0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (std::fabs(delta[i]) < 1e-5) continue;
    for (std::size_t f = 0; f < kFeatureCount; ++f) {
      slope_gradient[f] += delta[i] * terms[i].x[f];
      if (!kFeatures[f].sparse) continue;
      for (const auto& [knot, weight] : feature_knots(terms[i].x[f])) {
        knot_gradient[f][knot] += delta[i] * weight;
      }
    }
    const QueryOwnItem* own = own_item(*question.query, candidates[i].slot);
    if (own == nullptr || !in_history(*own)) {
      gate_gradient += delta[i] * terms[i].match;
      continue;
    }
    LagTable& table = head.tables[own->lag_class];
    for (Number* cell : {&table.length[b.length], &table.pair[b.pair], &table.gap[b.gap / 2],
                         &table.share[b.share]}) {
      cell->step(.03, delta[i]);
    }
    head.gates[own->lag_class].step(.03, delta[i] * terms[i].match);
  }
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!used(p, f)) continue;
    Slope& slope = head.slopes[f];
    slope.base.step(.03, slope_gradient[f]);
    slope.length[b.length].step(.015, slope_gradient[f]);
    slope.mass[b.mass].step(.015, slope_gradient[f]);
    slope.gap[b.gap / 2].step(.015, slope_gradient[f]);
    for (std::size_t knot = 0; knot < kKnots; ++knot) {
      slope.knots[knot].step(.03, knot_gradient[f][knot]);
    }
  }
  head.gap_gate[b.gap / 2].step(.012, gate_gradient);
  head.length_gate[b.length].step(.012, gate_gradient);
  head.mass_gate[b.mass].step(.012, gate_gradient);
}

}  // namespace

void learn(Parameters& p, const Model& model, const Query& query,
           const std::vector<Drawn>& candidates, bool positive, double strength) {
  Question question = ask(p, model, query);
  const Interest interest = attend(p, question);
  const double total = static_cast<double>(model.popularity.total(query.now_s));
  const Memory memory = remember(p, question, total);
  const std::size_t n = query.history.size();

  Vector logits, whole_logits, base, whole;
  std::vector<Terms> terms;
  for (const Drawn& drawn : candidates) {
    terms.push_back(
        score(p, question, interest, memory, drawn.slot, model.popularity.counts(drawn.slot)));
    base.push_back(terms.back().base());
    whole.push_back(terms.back().score());
    logits.push_back(base.back() + drawn.log_correction);
    whole_logits.push_back(whole.back() + drawn.log_correction);
  }
  // d loss / d score, of the score without its head, and of the head.
  Vector delta = softmax_gradient(logits, positive);
  Vector head_delta = softmax_gradient(whole_logits, positive);
  if (p.parts.ranking && positive) {
    const Vector base_ndcg = ndcg_gradient(base, candidates, 1.0);
    const Vector whole_ndcg = ndcg_gradient(whole, candidates, 5.0);
    for (std::size_t i = 0; i < delta.size(); ++i) {
      delta[i] += base_ndcg[i];
      head_delta[i] = .5 * head_delta[i] + .5 * whole_ndcg[i];
    }
  }
  for (double& gradient : delta) gradient *= strength;
  for (double& gradient : head_delta) gradient *= strength;
  const auto skipped = [&](std::size_t i) { return std::fabs(delta[i]) < 1e-5; };
  const auto moves_vectors = [&](std::size_t i) {
    const QueryOwnItem* own = own_item(query, candidates[i].slot);
    return !skipped(i) && (own == nullptr || !in_history(*own));
  };

  // d loss / d parameter through j: sum_i delta_i S_i . dj, own items left out.
  const auto through_interest = [&] {
    const Interest moved = attend(p, question);
    double sum = 0.0;
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (!moves_vectors(i)) continue;
      const Item& item = p.items[candidates[i].slot];
      for (std::size_t d = 0; d < p.dim; ++d) {
        sum += delta[i] * (item.in.value[d] + item.residual.value[d]) * moved.j[d];
      }
    }
    return sum;
  };
  // d loss / d parameter through tw alone: rv, b0 and the terms of own items stand still.
  const auto through_follows = [&] {
    const Memory moved = remember(p, question, total);
    double sum = 0.0;
    const std::size_t f = index(Feature::kFollows);
    for (std::size_t i = 0; i < candidates.size(); ++i) {
      if (skipped(i)) continue;
      const double x = std::log2(kEps + moved.follows.whole[candidates[i].slot]);
      sum += delta[i] * linear_part(p, question.buckets, f, x);
    }
    return sum;
  };

  // All gradients first.
  Vector z_gradient, beta_gradient, offset_gradient;
  std::vector<Vector> entry_gradient, matrix_gradient;
  Vector j_gradient(p.dim, 0.0);
  double lasting_gradient = 0.0;
  if (p.parts.attention) {
    for (std::size_t d = 0; d < p.dim; ++d) {
      offset_gradient.push_back(difference(p.offset[d].value, through_interest));
      j_gradient[d] = difference(p.gap_rows[question.buckets.gap].value[d], through_interest);
      matrix_gradient.emplace_back();
      for (std::size_t e = 0; e < p.dim; ++e) {
        matrix_gradient[d].push_back(difference(p.matrix[d][e].value, through_interest));
      }
    }
    for (std::size_t k = 0; k < n; ++k) {
      z_gradient.push_back(difference(question.shift[k], through_interest));
      entry_gradient.emplace_back();
      for (double& x : question.entries[k]) {
        entry_gradient[k].push_back(difference(x, through_interest));
      }
    }
    lasting_gradient =
        difference(p.lasting_factor[question.buckets.length].value, through_interest);
  }
  for (std::size_t k = 0; k < memory.beta.size(); ++k) {
    beta_gradient.push_back(difference(question.beta_shift[k], through_follows));
  }

  // Then every step.
  const Buckets& b = question.buckets;
  for (std::size_t k = 0; k < beta_gradient.size(); ++k) {
    p.beta_position[k].step(.05, beta_gradient[k]);
    p.beta_gap[gap_of(query.newest(k).age_ms)].step(.05, beta_gradient[k]);
  }
  if (p.parts.attention) {
    p.gap_rows[b.gap].step(.03, j_gradient);
    p.length_rows[b.length].step(.03, j_gradient);
    for (const std::uint32_t row : query.context_rows) p.context_rows[row].step(.03, j_gradient);
    p.lasting_factor[b.length].step(.03, lasting_gradient);
    for (std::size_t k = 0; k < n; ++k) {
      p.position[n - 1 - k].step(.08, z_gradient[k]);
      p.gap[gap_of(query.history[k].age_ms)].step(.08, z_gradient[k]);
      const Slot slot = query.history[k].slot;
      const bool newest = k == n - 1;
      if (slot == kNoSlot || (!newest && interest.alpha[k] < 1e-4)) continue;
      p.items[slot].in.step(.08, entry_gradient[k]);
    }
    for (std::size_t d = 0; d < p.dim; ++d) {
      p.offset[d].step(.08, offset_gradient[d]);
      for (std::size_t e = 0; e < p.dim; ++e) p.matrix[d][e].step(.08, matrix_gradient[d][e]);
    }
  }

  if (p.parts.ranking) learn_head(p.head, p, question, candidates, terms, head_delta);

  // Items, and what is gathered over them.
  std::array<double, kFeatureCount> slope_gradient{}, own_slope_gradient{};
  std::array<std::array<double, kKnots>, kFeatureCount> knot_gradient{};
  std::array<double, kKnots> recency_gradient{}, count_gradient{};
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (skipped(i)) continue;
    const Slot slot = candidates[i].slot;
    Item& item = p.items[slot];
    item.bias.step(.08, delta[i]);
    for (std::size_t f = 0; f < kFeatureCount; ++f) {
      slope_gradient[f] += delta[i] * terms[i].x[f];
      if (!kFeatures[f].sparse) continue;
      for (const auto& [knot, weight] : feature_knots(terms[i].x[f])) {
        knot_gradient[f][knot] += delta[i] * weight;
      }
    }
    if (const QueryOwnItem* own = own_item(query, slot)) {
      for (const auto& [knot, weight] : recency_knots(*own)) {
        recency_gradient[knot] += delta[i] * weight;
      }
      for (const auto& [knot, weight] : count_knots(*own))
        count_gradient[knot] += delta[i] * weight;
      if (in_history(*own)) {
        // A cell that two candidates share moves twice.
        LagTable& table = p.tables[own->lag_class];
        for (Number* cell : {&table.length[b.length], &table.pair[b.pair], &table.gap[b.gap / 2],
                             &table.share[b.share]}) {
          cell->step(.05, delta[i]);
        }
        table.rate.step(.05, delta[i] * rate_of(p, slot, model.popularity.count(slot)));
        p.gates[own->lag_class].step(.05, delta[i] * terms[i].match);
        for (std::size_t f = 0; f < kFeatureCount; ++f) {
          own_slope_gradient[f] += delta[i] * (terms[i].x[f] - origin_of(f));
        }
      }
    }
    if (!p.parts.attention || !moves_vectors(i)) continue;
    Vector gradient(p.dim);  // of S_i, and so of a_i and b_i alike
    for (std::size_t d = 0; d < p.dim; ++d) gradient[d] = delta[i] * interest.j[d];
    item.in.step(.08, gradient);
    item.residual.step(.08, gradient);
  }
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!used(p, f)) continue;
    Slope& slope = p.slopes[f];
    slope.base.step(.05, slope_gradient[f]);
    slope.length[b.length].step(.025, slope_gradient[f]);
    slope.mass[b.mass].step(.025, slope_gradient[f]);
    slope.gap[b.gap / 2].step(.025, slope_gradient[f]);
    for (std::size_t knot = 0; knot < kKnots; ++knot) {
      slope.knots[knot].step(.05, knot_gradient[f][knot]);
    }
    p.own_slopes[f].step(.05, own_slope_gradient[f]);
  }
  for (std::size_t knot = 0; knot < kKnots; ++knot) {
    p.own_recency[knot].step(.05, recency_gradient[knot]);
    p.own_count[knot].step(.05, count_gradient[knot]);
  }
}

}  // namespace fovea::scorer::reference
