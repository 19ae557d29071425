// Any bytes as a record of the learning log. What is accepted can be written, is the same when read
// again, and can be folded: afterwards the learner still learns, serves and writes itself out.

#include "scorer/learning_record_codec.h"

#include <cmath>
#include <memory>
#include <string>
#include <variant>

#include "scorer/learner.h"
#include "tests/fuzz/small_learner.h"
#include "tests/fuzz/target.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

ItemKey item_of(const LearningRecord& record) {
  if (const auto* example = std::get_if<Example>(&record.body)) return example->item.key;
  if (const auto* change = std::get_if<ItemChange>(&record.body)) return change->item.item.key;
  return scorer::small_key(1);
}

void fold(LearningRecord record) {
  // From a place that the learner has folded nothing of, or it would be a repeat.
  record.source.topic = "new";
  const auto learner = scorer::new_learner(tiny_settings());
  FOVEA_ASSERT(learner->restore(trained_snapshot()).has_value());
  Offset position = learner->stamp().position;
  FOVEA_ASSERT(learner->fold(record, ++position).has_value());

  scorer::SmallStream stream(tiny_settings(), 2);
  for (int i = 0; i < 6; ++i) {
    LearningRecord next = stream.next();
    next.source.topic = "later";
    FOVEA_ASSERT(learner->fold(next, ++position).has_value());
  }
  FOVEA_ASSERT(learner->publish());
  for (const RecommendedItem& item : slate_after(*learner, item_of(record))) {
    FOVEA_ASSERT(std::isfinite(item.score) && std::isfinite(item.attention));
  }

  const auto restored = scorer::new_learner(tiny_settings());
  FOVEA_ASSERT(restored->restore(learner->snapshot()).has_value());
  FOVEA_ASSERT(restored->digest() == learner->digest());
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  const auto record = scorer::decode_learning_record(fuzz::text_of(data, size));
  if (!record) {
    // A newer version stops; anything else is passed over.
    const bool newer = size > 0 && data[0] > 1 && data[0] < 32;
    FOVEA_ASSERT(record.error().disposition == (newer ? Disposition::kStop : Disposition::kSkip));
    FOVEA_ASSERT(!record.error().message.empty());
    return 0;
  }
  const std::string once = scorer::encode_learning_record(*record);
  const auto again = scorer::decode_learning_record(once);
  FOVEA_ASSERT(again.has_value());
  FOVEA_ASSERT(*again == *record);
  FOVEA_ASSERT(scorer::encode_learning_record(*again) == once);
  fuzz::fold(*record);
  return 0;
}
