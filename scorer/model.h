#pragma once

// All that was learned from the log, at a position: the parts, and the list that walks them.
//
//   score(i | u, t) = bias_i
//                   + o_i . S_i . j                                  attention.h, o_i of repeat.h
//                   + sum_f slope_f x_f(i) + g_f(x_f(i))             linear.h, over
//                       popularity.h and transitions.h               the memories
//                   + own(i)                                         repeat.h
//                   + head(i)                                        ranking_head.h
//
// The head apart, it is what the softmax loss learns.
//
// A memory is a plain fold of what was chosen; a parameter is learned by gradient. A new idea is
// one file and one line in each list here.

#include <cstdint>
#include <future>
#include <string>
#include <vector>

#include "scorer/attention.h"
#include "scorer/buckets.h"
#include "scorer/bytes.h"
#include "scorer/calibration.h"
#include "scorer/catalogue.h"
#include "scorer/content.h"
#include "scorer/item_parameters.h"
#include "scorer/linear.h"
#include "scorer/model_settings.h"
#include "scorer/neighbours.h"
#include "scorer/pairs.h"
#include "scorer/popularity.h"
#include "scorer/query.h"
#include "scorer/ranking_head.h"
#include "scorer/repeat.h"
#include "scorer/sparse_columns.h"
#include "scorer/transitions.h"
#include "scorer/use_order.h"
#include "vocab/profile.h"

namespace fovea::scorer {

enum class Inheritance : std::uint8_t;

class Model {
 public:
  explicit Model(const ModelSettings& model_settings);

  // The item's row in every table, new if need be, and used last. When there is no room for more
  // (full()), a new item takes over the row of the least used one, of which nothing stays.
  Slot add_item(const ItemRef& item, double now_s);
  [[nodiscard]] bool full() const {
    return item_count() >= static_cast<std::size_t>(settings.items_max);
  }

  // What the catalogue says of an item, which has a row then.
  Slot change(const ItemChange& change, double now_s, const Kernels& kernels);

  // Before the item's first choice is counted: what it is about says where it begins.
  void meet(Slot slot, const Kernels& kernels);

  // Requires: nothing is in it yet. Learner::take_over() says what comes along. In
  // model_inheritance.cc.
  Inheritance take_over(const Model& from);

  // Copies what changed since `view` was last copied to; `view` is this model's view `view_index`.
  void copy_changed(Model& view, std::size_t view_index);

  void save(ByteWriter& out) const;  // the settings first
  // What follows the settings; check in.failed(). Until `whole` says that the bytes are undamaged,
  // no more memory is asked for than a few times theirs; if they are not, in.failed().
  void load(ByteReader& in, const std::shared_future<bool>& whole);

  [[nodiscard]] std::size_t item_count() const { return catalogue.size(); }

  ModelSettings settings;
  ModelStamp stamp;
  ModelStamp parent{};  // what it was taken over from; model id 0: it began with nothing

  Catalogue catalogue;
  UseOrder use;
  // Memories.
  Popularity popularity;
  Transitions transitions;
  Pairs pairs;
  Neighbours neighbours;
  Content content;
  // Parameters.
  ItemParameters items;
  Attention attention;
  Linear linear;
  Repeat repeat;
  RankingHead head;
  Calibration calibration;

 private:
  void relate(Slot slot, bool is_chosen, const Kernels& kernels);
};

// Everything about a question that is the same for all items; scratch, kept to save allocations.
struct Moment {
  Query query;
  MomentBuckets buckets;
  SparseColumns columns;
  TransitionWeights transition;
  float backoff = 0.0F;  // per unit of decayed count
  Neighbourhood neighbourhood;
  Attended attended;
  FeatureValues slope{};       // of what the softmax learns
  FeatureValues head_slope{};  // of the head
  RepeatBuckets repeat;
};

// What a score is made with, the head included.
[[nodiscard]] FeatureValues whole_slopes(const Moment& moment);
[[nodiscard]] float whole_curve(const Model& model, Feature feature, float x);
// `own` is null for what the user has not had.
[[nodiscard]] float whole_gate(const Model& model, const Moment& moment, const QueryOwnItem* own);

// Fills the rest of `moment` from moment.query.
void prepare(const Model& model, const Kernels& kernels, Moment& moment);

// One item's score, in the terms that learning and explaining go by.
struct ItemTerms {
  FeatureValues x{};
  const QueryOwnItem* own = nullptr;  // if the user has had it
  float gate = 1.0F;                  // of the attention product, the head's apart
  float match = 0.0F;                 // S_i . j
  float base = 0.0F;                  // the score but for the head
  float score = 0.0F;
};

// `counts` are the item's own, or with the user's unlearned choices overlaid.
[[nodiscard]] ItemTerms item_terms(const Model& model, const Kernels& kernels, const Moment& moment,
                                   Slot slot, const ItemCounts& counts);

}  // namespace fovea::scorer
