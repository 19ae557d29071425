#pragma once

// Everything that an evaluation counts, for the table, the JSON and the page.

#include <array>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "topologies/exposure.h"
#include "topologies/learning_curve.h"
#include "topologies/paired_sums.h"
#include "topologies/ranking_figures.h"
#include "topologies/slate_findings.h"

namespace fovea::topologies {

struct RankerFigures {
  std::string name;
  RankingFigures ranking;
  Exposure exposure;
  std::chrono::nanoseconds learning{};
  std::chrono::nanoseconds scoring{};  // of the scored events, ranking included
};

struct BaselineFigures : RankerFigures {
  Mean model_minus;  // per-event difference in NDCG@10
};

// NDCG@10 of the model times as good as the baseline's; 0 if that is 0.
[[nodiscard]] inline double ratio(const RankerFigures& model, const BaselineFigures& baseline) {
  const double theirs = baseline.ranking.ndcg_10.value();
  return theirs > 0 ? model.ranking.ndcg_10.value() / theirs : 0;
}

struct Stratum {
  std::string name;
  RankingFigures model;
  std::vector<Mean> baselines;  // NDCG@10, one a baseline
};

struct Strata {
  std::string title;
  std::vector<Stratum> parts;
};

struct EvaluationFigures {
  std::uint64_t events = 0;
  std::uint64_t eligible = 0;
  std::uint64_t scored = 0;
  std::uint64_t unknown_to_view = 0;  // scored as a miss: the view had not met the item
  std::uint64_t choices = 0;          // what baselines learn from
  std::uint64_t items = 0;            // chosen at least once: what coverage is a share of
  RankerFigures model;
  std::vector<BaselineFigures> baselines;
  // Of the item: earlier choices, time since the first. Of the user: history length, time since the
  // newest choice.
  std::array<Strata, 4> strata;
  // Ranker 0 is the model, the others are the baselines in order.
  PairedSums paired;
  LearningCurve curve;
  SlateFindings slates;
};

}  // namespace fovea::topologies
