// Any bytes as a snapshot of the model: as they are, and once more under a right checksum, since no
// mutation finds one by chance. What is accepted is written again byte for byte, can be scored
// with, and learns on.

#include <xxhash.h>

#include <cstring>
#include <string>

#include "scorer/learner.h"
#include "tests/fuzz/small_learner.h"
#include "tests/fuzz/target.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

void check(std::string_view bytes) {
  const auto learner = scorer::new_learner(tiny_settings());
  const std::string before = learner->snapshot();
  const auto restored = learner->restore(bytes);
  if (!restored) {
    FOVEA_ASSERT(restored.error().disposition == Disposition::kStop);
    FOVEA_ASSERT(!restored.error().message.empty());
    FOVEA_ASSERT(learner->snapshot() == before);
    return;
  }
  FOVEA_ASSERT(learner->snapshot() == bytes);
  (void)slate_after(*learner, scorer::small_key(1));

  scorer::SmallStream stream(tiny_settings(), 2);
  Offset position = learner->stamp().position;
  for (int i = 0; i < 6 && position < INT64_MAX; ++i) {
    (void)learner->fold(stream.next(), ++position);
  }
  FOVEA_ASSERT(learner->publish());
  (void)slate_after(*learner, scorer::small_key(2));
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea::fuzz;
  // Whatever the corpus holds by now, what the learner writes today is tried.
  static const bool own = (check(trained_snapshot()), true);
  FOVEA_ASSERT(own);
  check(text_of(data, size));
  std::string mended(text_of(data, size));
  constexpr std::size_t kTrailer = sizeof(XXH64_hash_t);
  if (mended.size() < kTrailer) return 0;
  const XXH64_hash_t checksum = XXH3_64bits(mended.data(), mended.size() - kTrailer);
  std::memcpy(mended.data() + mended.size() - kTrailer, &checksum, kTrailer);
  check(mended);
  return 0;
}
