#pragma once

// What can be seen in the slates themselves: are the probabilities and the attention shares honest,
// and where does the attention over a history go.
//
// Calibration: an item of probability p should be the next choice p of the time. Bins of a factor
// of two, the last for 1/2 and more. Of slates that hold what was chosen next, an item with share p
// should be it p of the time. Bins of .1.
//
// Attention by position and by gap: the mean weight alpha of the k-th newest history entry, and of
// an entry whose age lies in the class floor(log2(1 + seconds)).

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "vocab/ids.h"
#include "vocab/profile.h"
#include "vocab/recommendation.h"

namespace fovea::topologies {

class SlateFindings {
 public:
  struct Bin {
    std::uint64_t count = 0;
    double sum = 0;            // of what was predicted, or of the attention
    std::uint64_t chosen = 0;  // calibration only
  };
  static constexpr std::size_t kBins = 10;
  static constexpr std::size_t kProbabilityBins = 16;  // the first: less than 2^-15
  static constexpr std::size_t kPositions = 50;
  static constexpr std::size_t kGaps = 32;

  // A slate explained in full, for a user with this history.
  void add(std::span<const RecommendedItem> slate, ItemKey chosen,
           std::span<const HistoryEntry> history, TimeMs now);

  [[nodiscard]] const std::array<Bin, kProbabilityBins>& probabilities() const {
    return probabilities_;
  }
  [[nodiscard]] const std::array<Bin, kBins>& calibration() const { return calibration_; }
  [[nodiscard]] const std::array<Bin, kPositions>& by_position() const { return by_position_; }
  [[nodiscard]] const std::array<Bin, kGaps>& by_gap() const { return by_gap_; }

 private:
  void add_probabilities(std::span<const RecommendedItem> slate, ItemKey chosen);
  void add_calibration(std::span<const RecommendedItem> slate, ItemKey chosen);
  void add_attention(const Explanation& why, std::span<const HistoryEntry> history, TimeMs now);

  std::array<Bin, kProbabilityBins> probabilities_{};
  std::array<Bin, kBins> calibration_{};
  std::array<Bin, kPositions> by_position_{};
  std::array<Bin, kGaps> by_gap_{};
};

}  // namespace fovea::topologies
