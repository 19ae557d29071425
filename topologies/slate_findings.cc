#include "topologies/slate_findings.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

namespace fovea::topologies {
namespace {

std::size_t gap_class(std::int64_t age_ms) {
  const auto seconds = static_cast<std::uint64_t>(age_ms / 1000);
  return std::min(SlateFindings::kGaps - 1,
                  static_cast<std::size_t>(std::bit_width(1 + seconds) - 1));
}

std::size_t probability_class(float probability) {
  // 2^-1 and more is 15, 2^-2 14, ...
  const int halvings = probability > 0.0F ? -std::ilogb(probability) : 16;
  return static_cast<std::size_t>(std::clamp(16 - halvings, 0, 15));
}

}  // namespace

void SlateFindings::add(std::span<const RecommendedItem> slate, ItemKey chosen,
                        std::span<const HistoryEntry> history, TimeMs now) {
  if (slate.empty()) return;
  add_probabilities(slate, chosen);
  add_calibration(slate, chosen);
  // The attention is the user's, the same in every item's explanation.
  if (slate.front().why) add_attention(*slate.front().why, history, now);
}

void SlateFindings::add_probabilities(std::span<const RecommendedItem> slate, ItemKey chosen) {
  for (const RecommendedItem& item : slate) {
    Bin& bin = probabilities_[probability_class(item.probability)];
    ++bin.count;
    bin.sum += static_cast<double>(item.probability);
    if (item.item.key == chosen) ++bin.chosen;
  }
}

void SlateFindings::add_calibration(std::span<const RecommendedItem> slate, ItemKey chosen) {
  const auto is_chosen = [chosen](const RecommendedItem& item) { return item.item.key == chosen; };
  if (std::none_of(slate.begin(), slate.end(), is_chosen)) return;
  for (const RecommendedItem& item : slate) {
    const auto share = static_cast<double>(item.attention);
    Bin& bin = calibration_[std::min(kBins - 1, static_cast<std::size_t>(share * kBins))];
    ++bin.count;
    bin.sum += share;
    if (is_chosen(item)) ++bin.chosen;
  }
}

void SlateFindings::add_attention(const Explanation& why, std::span<const HistoryEntry> history,
                                  TimeMs now) {
  // The model attends to choices only, and an explanation has the strongest first.
  std::vector<HistoryContribution> left = why.history;
  std::size_t position = 0;
  for (auto entry = history.rbegin(); entry != history.rend() && position < kPositions; ++entry) {
    const std::int64_t age_ms = std::max<std::int64_t>(0, milliseconds_between(entry->time, now));
    const auto part = std::find_if(left.begin(), left.end(), [&](const HistoryContribution& one) {
      return one.item == entry->item && one.type == entry->type && one.age_ms == age_ms;
    });
    if (part == left.end()) continue;
    for (Bin* bin : {&by_position_[position], &by_gap_[gap_class(age_ms)]}) {
      ++bin->count;
      bin->sum += static_cast<double>(part->attention);
    }
    ++position;
    left.erase(part);
  }
}

}  // namespace fovea::topologies
