// One step of every parameter: gradients by central differences, then Adagrad.

#include <algorithm>
#include <cmath>
#include <functional>
#include <numeric>

#include "scorer/reference_terms.h"

namespace fovea::scorer::reference {

void Number::step(double rate, double gradient) {
  sum += gradient * gradient;
  value -= rate * gradient / std::sqrt(sum);
}

void Row::step(double rate, const Vector& gradient) {
  sum += dot(gradient, gradient) / static_cast<double>(gradient.size());
  for (std::size_t d = 0; d < gradient.size(); ++d) value[d] -= rate * gradient[d] / std::sqrt(sum);
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

constexpr double kDifference = 0x1p-20;  // of central differences

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

// Over all candidates, for one of the two sets of slopes and curves.
struct SlopeGradients {
  std::array<double, kFeatureCount> slope{};
  std::array<std::array<double, kKnots>, kFeatureCount> knot{};

  void add(const std::array<double, kFeatureCount>& x, double delta) {
    for (std::size_t f = 0; f < kFeatureCount; ++f) {
      slope[f] += delta * x[f];
      if (!kFeatures[f].sparse) continue;
      for (const auto& [number, weight] : feature_knots(x[f])) knot[f][number] += delta * weight;
    }
  }
};

// What goes by the moment moves half as fast.
void step(std::array<Slope, kFeatureCount>& slopes, const Parameters& p, const Buckets& b,
          double rate, const SlopeGradients& gradients) {
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (!used(p, f)) continue;
    Slope& slope = slopes[f];
    slope.base.step(rate, gradients.slope[f]);
    slope.length[b.length].step(rate / 2.0, gradients.slope[f]);
    slope.mass[b.mass].step(rate / 2.0, gradients.slope[f]);
    slope.gap[b.gap / 2].step(rate / 2.0, gradients.slope[f]);
    for (std::size_t knot = 0; knot < kKnots; ++knot) {
      slope.knots[knot].step(rate, gradients.knot[f][knot]);
    }
  }
}

// A cell that two candidates share moves twice.
void step(LagTable& table, const Buckets& b, double rate, double delta) {
  for (Number* cell : {&table.length[b.length], &table.pair[b.pair], &table.gap[b.gap / 2],
                       &table.share[b.share]}) {
    cell->step(rate, delta);
  }
}

void learn_head(Head& head, const Parameters& p, const Question& question,
                const std::vector<Drawn>& candidates, const std::vector<Terms>& terms,
                const Vector& delta) {
  const Buckets& b = question.buckets;
  SlopeGradients gradients;
  double gate_gradient = 0.0;
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (std::fabs(delta[i]) < 1e-5) continue;
    gradients.add(terms[i].x, delta[i]);
    const QueryOwnItem* own = own_item(*question.query, candidates[i].slot);
    if (own == nullptr || !in_history(*own)) {
      gate_gradient += delta[i] * terms[i].match;
      continue;
    }
    step(head.tables[own->lag_class], b, .03, delta[i]);
    head.gates[own->lag_class].step(.03, delta[i] * terms[i].match);
  }
  step(head.slopes, p, b, .03, gradients);
  head.gap_gate[b.gap / 2].step(.012, gate_gradient);
  head.length_gate[b.length].step(.012, gate_gradient);
  head.mass_gate[b.mass].step(.012, gate_gradient);
}

// Cross entropy of "is the next choice" over all items, each sampled one in the place of its like.
double calibration_loss(const Parameters& p, const std::vector<Drawn>& candidates,
                        const Vector& scores) {
  const auto weight = [&](std::size_t i) {
    return i == 0 ? 1.0 : std::exp(candidates[i].log_correction);
  };
  double out = 0.0;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    double others = 0.0;
    for (std::size_t k = 0; k < scores.size(); ++k) {
      if (k != i) others += weight(k) * std::exp(scores[k] - scores[i]);
    }
    const double promised = -std::log(others);
    const double logit =
        promised + p.calibration_slope.value * (promised + 4.0) + p.calibration_offset.value;
    out += weight(i) * std::log1p(std::exp(i == 0 ? -logit : logit));
  }
  return out;
}

void learn_calibration(Parameters& p, const std::vector<Drawn>& candidates, const Vector& scores) {
  const auto loss = [&] { return calibration_loss(p, candidates, scores); };
  const double slope = difference(p.calibration_slope.value, loss);
  const double offset = difference(p.calibration_offset.value, loss);
  p.calibration_slope.step(.03, slope);
  p.calibration_offset.step(.03, offset);
}

double content_cosine(const Parameters& p, const Item& a, const Item& b) {
  const auto weight = [&](std::size_t kind) { return std::exp(p.content_logits[kind].value); };
  double product = 0.0, of_a = 0.0, of_b = 0.0;
  for (const auto& [kind, x] : a.content) {
    of_a += weight(kind);
    const auto found = b.content.find(kind);
    if (found == b.content.end()) continue;
    const Vector& y = found->second;
    const auto dot = [](const Vector& v, const Vector& w) {
      return std::inner_product(v.begin(), v.end(), w.begin(), 0.0);
    };
    product += weight(kind) * dot(x, y) / std::sqrt(dot(x, x) * dot(y, y));
  }
  for (const auto& [kind, y] : b.content) of_b += weight(kind);
  return of_a == 0.0 || of_b == 0.0 ? 0.0 : product / std::sqrt(of_a * of_b);
}

// What followed the newest entry against the last eight of the others.
void learn_content(Parameters& p, Slot newest, const std::vector<Drawn>& candidates,
                   double strength) {
  const Slot target = candidates.front().slot;
  if (newest == kNoSlot || newest == target || p.items[newest].content.empty() ||
      p.items[target].content.empty() || p.content_logits.size() < 2) {
    return;
  }
  std::vector<Slot> others;
  for (std::size_t i = candidates.size() - 1; i > 0 && others.size() < 8; --i) {
    if (candidates[i].slot != newest) others.push_back(candidates[i].slot);
  }
  if (others.empty()) return;
  const auto loss = [&] {
    const auto logit = [&](Slot slot) {
      return p.content_sharpness.value * content_cosine(p, p.items[newest], p.items[slot]);
    };
    double sum = std::exp(logit(target));
    for (const Slot slot : others) sum += std::exp(logit(slot));
    return strength * (std::log(sum) - logit(target));
  };
  const double sharpness = difference(p.content_sharpness.value, loss);
  Vector logits;
  for (Number& logit : p.content_logits) logits.push_back(difference(logit.value, loss));
  p.content_sharpness.step(.05, sharpness);
  for (std::size_t m = 0; m < logits.size(); ++m) p.content_logits[m].step(.05, logits[m]);
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
  if (positive) learn_calibration(p, candidates, whole);
  if (positive && p.parts.content) {
    learn_content(p, query.newest(0).slot, candidates, strength);
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
  SlopeGradients gradients;
  std::array<double, kFeatureCount> own_slope_gradient{};
  std::array<double, kKnots> recency_gradient{}, count_gradient{};
  for (std::size_t i = 0; i < candidates.size(); ++i) {
    if (skipped(i)) continue;
    const Slot slot = candidates[i].slot;
    Item& item = p.items[slot];
    item.bias.step(.08, delta[i]);
    gradients.add(terms[i].x, delta[i]);
    if (const QueryOwnItem* own = own_item(query, slot)) {
      for (const auto& [knot, weight] : recency_knots(*own)) {
        recency_gradient[knot] += delta[i] * weight;
      }
      for (const auto& [knot, weight] : count_knots(*own))
        count_gradient[knot] += delta[i] * weight;
      if (in_history(*own)) {
        LagTable& table = p.tables[own->lag_class];
        step(table, b, .05, delta[i]);
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
  step(p.slopes, p, b, .05, gradients);
  for (std::size_t f = 0; f < kFeatureCount; ++f) {
    if (used(p, f)) p.own_slopes[f].step(.05, own_slope_gradient[f]);
  }
  for (std::size_t knot = 0; knot < kKnots; ++knot) {
    p.own_recency[knot].step(.05, recency_gradient[knot]);
    p.own_count[knot].step(.05, count_gradient[knot]);
  }
}

}  // namespace fovea::scorer::reference
