#include "scorer/reference.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>

#include "scorer/reference_terms.h"

namespace fovea::scorer::reference {
namespace {

constexpr double kBackedOffEpsilon = 1e-6;
constexpr double kPriorIncrements = 5.0;  // increments added to a row's total

double own_score(const Parameters& p, const Question& question, const QueryOwnItem& own,
                 std::uint32_t count, const std::array<double, kFeatureCount>& x) {
  double sum = 0.0;
  for (const auto& [name, part] : own_parts(p, question, own, count, x)) sum += part;
  return sum;
}

}  // namespace

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
  out.x[index(Feature::kContentOfNew)] =
      std::log2(kEps + memory.content.whole[slot] / (1.0 + static_cast<double>(counts.count)));

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
    } else if (feature == Feature::kContent || feature == Feature::kContentOfNew) {
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

}  // namespace fovea::scorer::reference
