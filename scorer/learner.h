#pragma once

// The fold of the learning log: (model, record) -> model. Deterministic: the same records give the
// same bits on every machine, whatever kernels run and however often it restarts.
//
// Law       restore(snapshot at p), fold to q  ==  fold to q, bit for bit.
// Threads   fold(), publish(), snapshot() on one thread; view() from any.

#include <cstdint>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "scorer/kernels.h"
#include "scorer/model_settings.h"
#include "vocab/learning_record.h"
#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::scorer {

class Model;

enum class LearnOutcome : std::uint8_t {
  kLearned,    // an example: gradient and counts
  kCounted,    // an example: counts only
  kCatalogue,  // an item changed
  kMark,       // another process's position
  kRepeat,     // at or below what its source partition had: skipped
};

struct LearnerStats {
  std::uint64_t examples = 0;   // distinct examples folded, ever
  std::uint64_t gradients = 0;  // of them, learned by gradient
  std::uint64_t catalogue_changes = 0;
  std::uint64_t repeats_skipped = 0;
  std::uint64_t records_refused = 0;  // positions of the log that held no learning record
  std::uint64_t items_evicted = 0;    // gave way to others
  std::uint64_t items = 0;            // known items
  double loss = 0;                    // running mean of the sampled softmax loss
};

// What a model began with when it took over from another one.
enum class Inheritance : std::uint8_t {
  kRows,       // everything that has the same shape: it goes on where its parent stood
  kCatalogue,  // the items: it learns what is left of the log from its beginning
};

// A model held still for reading. Cheap to take, to be held for a batch and not longer.
// Lifetime  The learner outlives it.
class ModelView {
 public:
  ModelView(ModelView&& other) noexcept;
  ModelView& operator=(ModelView&& other) noexcept;
  ~ModelView();
  [[nodiscard]] const Model& operator*() const { return *model_; }
  [[nodiscard]] const Model* operator->() const { return model_; }

 private:
  friend class Learner;
  ModelView(const Model* model, void* readers) : model_(model), readers_(readers) {}
  const Model* model_;
  void* readers_;  // std::atomic<int>, counted down on destruction
};

class Learner {
 public:
  // Errors: kStop for settings out of range.
  [[nodiscard]] static Result<std::unique_ptr<Learner>> create(
      const ModelSettings& settings, KernelLevel level = fastest_kernel_level());
  ~Learner();

  // Folds the record that lies at `position` of the learning log.
  // Errors: kStop when `position` is not ahead of the model's.
  Result<LearnOutcome> fold(const LearningRecord& record, Offset position);

  // What lies at `position` is no learning record: nothing is learned, everybody counts it.
  // Errors: as fold().
  Result<void> refuse(Offset position);

  // Goes on with the record at `next`, though what lies before it and after the position is lost:
  // under another lineage (lineage_after_gap()), since nothing else has learned the same.
  // Requires: next > stamp().position + 1.
  void skip_to(Offset next);

  // Makes what was learned visible to view(). Copies the rows changed since, once no reader holds
  // the retired view; false when one still does.
  bool publish();

  // The published view. Before the first publish(): the model as created or restored.
  [[nodiscard]] ModelView view() const;

  // What is being learned, for the thread that folds.
  [[nodiscard]] const Model& model() const;

  [[nodiscard]] ModelStamp stamp() const;
  [[nodiscard]] std::uint64_t digest() const;
  [[nodiscard]] LearnerStats stats() const;

  // All of it as bytes; what restore() needs to go on as if nothing had happened.
  [[nodiscard]] std::string snapshot() const;

  // Replaces everything and publishes, unless a reader holds the retired view: then the next
  // publish() does.
  // Errors: kStop naming what is wrong: another model id or arithmetic, a checksum, a truncation.
  //         The learner is as before.
  Result<void> restore(std::string_view bytes);

  // Begins with what another model of the same topology had learned, under other settings or by
  // another arithmetic, its parent from here on, and publishes. Where dimension, parts and what
  // counts as chosen agree and there is room, all tables of the same shape come along, at the
  // parent's position; else the catalogue alone, of the items used last. The same bytes give the
  // same model.
  // Errors: as restore(), but for the model id and the arithmetic; another topology's; one's own.
  //         The learner is as before.
  Result<Inheritance> take_over(std::string_view parent);

 private:
  struct Folded;
  struct Impl;
  static Result<std::unique_ptr<Folded>> read(std::string_view bytes,
                                              std::optional<std::uint64_t> model_id);
  static Result<std::unique_ptr<Folded>> read_body(std::string_view body,
                                                   std::optional<std::uint64_t> model_id,
                                                   const std::shared_future<bool>& whole);
  void become(Folded&& other);
  Result<void> advance(Offset position);
  explicit Learner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::scorer
