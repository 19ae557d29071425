// Scoring, ranking, explaining and learning over n items.
//
// Sketch, D = 64: a slate reads S (256 bytes an item), three decayed counts, log count, bias (20)
// and two times (16): 292 bytes an item, once. 10,000 items lie in the second-level cache; of a
// million the bound is memory. Beside it stand 1 exp2 and 6 log2 an item, vectorised: some 25 ns an
// item scalar, 3 to 4 with 8 lanes. Learning: 64 negatives and the target, three passes of D floats
// each (dot, two axpy), a 64 x 64 matrix and its gradient: 60,000 multiply-adds, 4 us at 16 a ns
// and core; the rest is gathering.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <numeric>

#include "scorer/explain.h"
#include "scorer/learner.h"
#include "scorer/model.h"
#include "scorer/random.h"
#include "scorer/slate_scorer.h"
#include "scorer/top_k.h"
#include "tests/perf/reference.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

constexpr std::size_t kHistory = 20;

ModelSettings settings() {
  ModelSettings settings;
  settings.topology = "perf";
  settings.positive.insert(EventType::kView);
  return settings;
}

ItemRef item_of(std::uint64_t number) {
  return {ItemKey{mix64(number + 1)}, perf::numbered('i', number)};
}

// An example of a user with 20 choices; items by Zipf's law with exponent 1: item u^n - 1 for a
// uniform u has it, near enough.
class Stream {
 public:
  explicit Stream(std::size_t items) : items_(items), random_(7, 0) {}

  std::uint64_t draw() {
    const double power =
        std::pow(static_cast<double>(items_), static_cast<double>(random_.uniform()));
    return std::min<std::uint64_t>(items_ - 1, static_cast<std::uint64_t>(power) - 1);
  }

  LearningRecord next() {
    Example example;
    example.user = UserKey{mix64(random_.below(1'000))};
    example.item = item_of(draw());
    example.type = EventType::kView;
    example.time = TimeMs{1'700'000'000'000 + 1000 * ++count_};
    example.positive = true;
    for (std::size_t k = 0; k < kHistory; ++k) {
      example.history.push_back(
          {item_of(draw()).key, static_cast<std::int64_t>((kHistory - k) * 30'000)});
    }
    example.history_length = kHistory;
    LearningRecord record;
    record.source = {"events", 0, count_, 0};
    record.body = std::move(example);
    return record;
  }

 private:
  std::size_t items_;
  Random random_;
  Offset count_ = 0;
};

// A model that has met n items and learned from 2,000 examples; made once a size.
struct Learned {
  explicit Learned(std::size_t items) : stream(items) {
    auto made = Learner::create(settings());
    FOVEA_ASSERT(made.has_value());
    learner = std::move(*made);
    for (std::size_t i = 0; i < items; ++i) {
      LearningRecord record;
      record.source = {"items", 0, static_cast<Offset>(i), 0};
      ItemChange change;
      change.item.item = item_of(i);
      record.body = std::move(change);
      FOVEA_ASSERT(learner->fold(record, position++).has_value());
    }
    for (int i = 0; i < 2'000; ++i) FOVEA_ASSERT(learner->fold(stream.next(), position++));
    for (std::size_t k = 0; k < kHistory; ++k) {
      user.history.push_back({item_of(stream.draw()).key, EventType::kView,
                              TimeMs{1'700'000'000'000 + 60'000 * static_cast<int>(k)}, 1.0F});
    }
    user.event_count = kHistory;
  }

  Stream stream;
  std::unique_ptr<Learner> learner;
  Offset position = 0;
  Behaviour user;
};

Learned& learned(std::size_t items) {
  static std::map<std::size_t, std::unique_ptr<Learned>> all;
  auto& one = all[items];
  if (!one) one = std::make_unique<Learned>(items);
  return *one;
}

SlateRequest request(ExplainLevel level) {
  SlateRequest request;
  request.now = TimeMs{1'700'002'000'000};
  request.explain = level;
  return request;
}

void slate(benchmark::State& state, ExplainLevel level) {
  const auto items = static_cast<std::size_t>(state.range(0));
  Learned& one = learned(items);
  SlateScorer scorer(settings());
  double score = 0;
  for (auto _ : state) {
    const auto slate = scorer.slate(one.learner->model(), one.user, request(level));
    FOVEA_ASSERT(slate.size() == 10);
    score = slate.front().score;
  }
  state.counters["first_score"] = score;
  state.counters["items/s"] =
      benchmark::Counter(static_cast<double>(items), benchmark::Counter::kIsIterationInvariantRate);
  perf::report_memory_bound(state, 292.0 * static_cast<double>(items));
}
void Slate(benchmark::State& state) {
  slate(state, ExplainLevel::kOff);
}
void SlateExplained(benchmark::State& state) {
  slate(state, ExplainLevel::kFull);
}
BENCHMARK(Slate)->Arg(1'000)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);
BENCHMARK(SlateExplained)->Arg(1'000)->Arg(10'000)->Unit(benchmark::kMicrosecond);

// The reference of the same run: one dot product an item and nothing else, in plain loops.
void SlateReference(benchmark::State& state) {
  const auto items = static_cast<std::size_t>(state.range(0));
  const Model& model = learned(items).learner->model();
  const std::size_t stride = model.items.stride();
  const std::vector<float> user(stride, .5F);
  std::vector<float> scores(items);
  for (auto _ : state) {
    for (std::size_t i = 0; i < items; ++i) {
      const float* row = model.items.out(static_cast<Slot>(i));
      float sum = 0.0F;
      for (std::size_t d = 0; d < stride; ++d) sum += row[d] * user[d];
      scores[i] = sum;
    }
    benchmark::DoNotOptimize(scores.data());
  }
  perf::report_memory_bound(state, 292.0 * static_cast<double>(items));
}
BENCHMARK(SlateReference)->Arg(1'000)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void Attend(benchmark::State& state) {
  Learned& one = learned(1'000);
  const Model& model = one.learner->model();
  Moment moment;
  float sum = 0.0F;
  for (auto _ : state) {
    make_query(model, UserKey{1}, one.user, request(ExplainLevel::kOff).now, moment.query);
    prepare(model, kernels(fastest_kernel_level()), moment);
    sum = std::accumulate(moment.attended.alpha.begin(), moment.attended.alpha.end(), 0.0F);
  }
  FOVEA_ASSERT(std::fabs(sum - 1.0F) < 1e-5F);
  state.counters["attention_sum"] = static_cast<double>(sum);
}
BENCHMARK(Attend)->Unit(benchmark::kMicrosecond);

// The ten items of a slate taken apart. Each walks the user's 20 entries in the three memories and
// makes 20 products of D: 10 x 20 x (64 multiply-adds in float64 + three look-ups of 30 ns), some
// 30 us. The reference is the products alone.
void Explain(benchmark::State& state) {
  const auto items = static_cast<std::size_t>(state.range(0));
  Learned& one = learned(items);
  const Model& model = one.learner->model();
  SlateScorer scorer(settings());
  const auto slate = scorer.slate(model, one.user, request(ExplainLevel::kOff));
  Moment moment;
  make_query(model, UserKey{1}, one.user, request(ExplainLevel::kOff).now, moment.query);
  prepare(model, kernels(fastest_kernel_level()), moment);
  double sum = 0;
  for (auto _ : state) {
    for (const RecommendedItem& item : slate) {
      const Slot slot = model.catalogue.find(item.item.key);
      sum = sum_of(explain(model, moment, slot, model.popularity.counts(slot)));
    }
  }
  FOVEA_ASSERT(std::fabs(sum - slate.back().score) < 1e-4 * (1.0 + std::fabs(sum)));
  state.counters["last_score"] = sum;
}
BENCHMARK(Explain)->Arg(1'000)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void ExplainReference(benchmark::State& state) {
  const Model& model = learned(static_cast<std::size_t>(state.range(0))).learner->model();
  const std::size_t stride = model.items.stride();
  const std::vector<float> interest(stride, .5F);
  for (auto _ : state) {
    double sum = 0;
    for (std::size_t i = 0; i < 10 * kHistory; ++i) {
      const float* row = model.items.out(static_cast<Slot>(i));
      for (std::size_t d = 0; d < stride; ++d) {
        sum += static_cast<double>(row[d]) * static_cast<double>(interest[d]);
      }
    }
    benchmark::DoNotOptimize(sum);
  }
}
BENCHMARK(ExplainReference)->Arg(1'000)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

std::vector<float> random_scores(std::size_t n) {
  Random random(3, 0);
  std::vector<float> scores(n);
  for (float& score : scores) score = random.uniform();
  return scores;
}

// Bound: the scores read once.
void TopK(benchmark::State& state) {
  const auto scores = random_scores(static_cast<std::size_t>(state.range(0)));
  std::vector<Slot> best;
  for (auto _ : state) {
    best = top_k(
        scores, 10, [](Slot) { return true; }, [](Slot slot) { return slot; });
    benchmark::DoNotOptimize(best.data());
  }
  FOVEA_ASSERT(scores[best[0]] == *std::max_element(scores.begin(), scores.end()));
  perf::report_memory_bound(state, 4.0 * static_cast<double>(scores.size()));
}
BENCHMARK(TopK)->Arg(1'000)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void TopKReference(benchmark::State& state) {
  const auto scores = random_scores(static_cast<std::size_t>(state.range(0)));
  std::vector<Slot> order(scores.size());
  for (auto _ : state) {
    std::iota(order.begin(), order.end(), 0U);
    std::partial_sort(order.begin(), order.begin() + 10, order.end(),
                      [&](Slot a, Slot b) { return scores[a] > scores[b]; });
    benchmark::DoNotOptimize(order.data());
  }
}
BENCHMARK(TopKReference)->Arg(1'000)->Arg(10'000)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void LearnOne(benchmark::State& state) {
  Learned& one = learned(static_cast<std::size_t>(state.range(0)));
  std::vector<LearningRecord> records;
  for (int i = 0; i < 1'000; ++i) records.push_back(one.stream.next());
  std::size_t next = 0;
  Offset source = one.position + 1'000'000;
  const std::uint64_t before = one.learner->stats().gradients;
  for (auto _ : state) {
    LearningRecord& record = records[next++ % records.size()];
    record.source.offset = ++source;
    FOVEA_ASSERT(one.learner->fold(record, one.position++).has_value());
  }
  const auto after = one.learner->stats();
  FOVEA_ASSERT(std::isfinite(after.loss));
  state.counters["learned_share"] =
      static_cast<double>(after.gradients - before) / static_cast<double>(state.iterations());
  state.counters["loss"] = after.loss;
}
BENCHMARK(LearnOne)->Arg(1'000)->Arg(10'000)->Arg(50'000)->Arg(1'000'000)->Unit(
    benchmark::kMicrosecond);

// The reference of the same run: the least that a step does, in plain loops. Of 65 items, by Zipf's
// law and uniform in turns, a dot product with the interest, then an Adagrad step of two rows each;
// and one of a matrix.
void LearnOneReference(benchmark::State& state) {
  constexpr std::size_t kDim = 64;
  constexpr std::size_t kCandidates = 65;
  const auto items = static_cast<std::size_t>(state.range(0));
  std::vector<float> rows(2 * items * kDim, .01F);
  std::vector<float> row_sums(2 * items, 1e-3F);
  std::vector<float> matrix(kDim * kDim, .01F);
  std::vector<float> matrix_sums(kDim * kDim, 1e-2F);
  const std::vector<float> interest(kDim, .5F);
  Stream stream(items);
  Random random(2, 0);
  std::vector<std::size_t> drawn;
  for (std::size_t i = 0; i < 1'000 * kCandidates; ++i) {
    drawn.push_back(i % 2 == 0 ? stream.draw() : random.below(static_cast<std::uint32_t>(items)));
  }
  std::vector<float> gradient(kCandidates);
  std::size_t next = 0;
  for (auto _ : state) {
    const std::size_t* slots = &drawn[next++ % 1'000 * kCandidates];
    for (std::size_t i = 0; i < kCandidates; ++i) {
      const float* row = &rows[2 * slots[i] * kDim];
      float sum = 0.0F;
      for (std::size_t d = 0; d < kDim; ++d) sum += row[d] * interest[d];
      gradient[i] = sum * 1e-6F;
    }
    for (std::size_t i = 0; i < kCandidates; ++i) {
      for (const std::size_t row : {2 * slots[i], 2 * slots[i] + 1}) {
        row_sums[row] += gradient[i] * gradient[i];
        const float step = gradient[i] / std::sqrt(row_sums[row]);
        for (std::size_t d = 0; d < kDim; ++d) rows[row * kDim + d] -= step * interest[d];
      }
    }
    for (std::size_t at = 0; at < matrix.size(); ++at) {
      const float of = gradient[at / kDim] * interest[at % kDim];
      matrix_sums[at] += of * of;
      matrix[at] -= .05F * of / std::sqrt(matrix_sums[at]);
    }
    benchmark::DoNotOptimize(matrix.data());
  }
  FOVEA_ASSERT(std::isfinite(rows[drawn[0]]));
}
BENCHMARK(LearnOneReference)
    ->Arg(1'000)
    ->Arg(10'000)
    ->Arg(50'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace fovea::scorer

BENCHMARK_MAIN();
