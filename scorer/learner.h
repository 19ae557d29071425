#pragma once

// The fold of the learning log: (model, record) -> model. Deterministic: the same records give the
// same bits on every machine, whatever kernels run and however often it restarts.
//
// Law       restore(snapshot at p), fold to q  ==  fold to q, bit for bit.
// Threads   fold(), publish(), snapshot() on one thread; view() from any.

#include <cstdint>
#include <memory>
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
  std::uint64_t items = 0;            // known items
  double loss = 0;                    // running mean of the sampled softmax loss
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

  // Replaces everything and publishes.
  // Errors: kStop naming what is wrong: another model id or lineage, a checksum, a truncation. The
  //         learner is as before.
  Result<void> restore(std::string_view bytes);

 private:
  struct Impl;
  Result<void> advance(Offset position);
  explicit Learner(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fovea::scorer
