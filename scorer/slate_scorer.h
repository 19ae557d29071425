#pragma once

// Profile and model position in, explained slate out; and the rank of one item, for evaluation.
//
// Threads   Not thread-safe: an instance owns scratch memory. Give each worker its own.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "scorer/kernels.h"
#include "scorer/model_settings.h"
#include "vocab/profile.h"
#include "vocab/recommendation.h"
#include "vocab/result.h"

namespace fovea::scorer {

class Model;

enum class ExplainLevel : std::uint8_t { kOff, kBrief, kFull };

// A choice of the user's own that the view may not have learned yet: overlaid on popularity,
// recency and count while scoring.
struct RecentChoice {
  ItemKey item{};
  TimeMs time{};
};

struct SlateRequest {
  UserKey user{};  // whose own choices are no neighbour's
  TimeMs now{};
  std::int32_t size = 10;  // k
  ExplainLevel explain = ExplainLevel::kBrief;
  double temperature = 1.0;  // of the slate's attention shares: softmax of base / temperature
  std::vector<std::pair<std::string, std::string>> filter;  // "category" or attribute = value
  std::span<const RecentChoice> overlay = {};
  // Masked at once, whatever the model says (withdrawn items). May be empty.
  std::function<bool(ItemKey)> withdrawn = {};
};

// One more number for evaluation: where an item stands among all.
struct Ranks {
  std::int32_t rank = 0;  // from 0; ties count against the item
  std::int32_t candidate_count = 0;
};

class SlateScorer {
 public:
  explicit SlateScorer(const ModelSettings& settings, KernelLevel level = fastest_kernel_level());
  SlateScorer(SlateScorer&&) noexcept;
  SlateScorer& operator=(SlateScorer&&) noexcept;
  ~SlateScorer();

  // The best `size` items for this profile, best first, ties by the lower item key; fewer when the
  // catalogue holds fewer. A user without history gets the model without attention: bias,
  // popularity.
  [[nodiscard]] std::vector<RecommendedItem> slate(const Model& model, const Behaviour& behaviour,
                                                   const SlateRequest& request);

  // The current and the lasting interest vector (D each) of the last call of slate() or rank().
  [[nodiscard]] std::span<const float> current_interest() const;
  [[nodiscard]] std::span<const float> lasting_interest() const;

  // Rank of `target` among all live items, minus what the user has had where the topology excludes
  // seen items (the target itself stays in). Absent if the model does not know the target.
  [[nodiscard]] std::optional<Ranks> rank(const Model& model, const Behaviour& behaviour,
                                          const SlateRequest& request, ItemKey target);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::scorer
