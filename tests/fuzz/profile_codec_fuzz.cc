// Any bytes as a stored profile: as they are, and once more under a right checksum, since no
// mutation finds one by chance. What is accepted can be written, is the same when read again, and
// can be folded into.

#include <zlib.h>

#include <string>

#include "profile_store/fold.h"
#include "profile_store/profile_codec.h"
#include "tests/fuzz/target.h"
#include "vocab/assert.h"

namespace fovea::fuzz {
namespace {

constexpr std::size_t kHeaderBytes = 8;

void fold_into(Profile profile) {
  profile_store::FoldSettings settings;
  settings.history_max = 5;
  settings.own_items_max = 8;
  settings.context_fields = {"device", "hour"};
  Event event;
  event.user.value = "u";
  event.type = EventType::kClick;
  event.item = {ItemKey{42}, "i"};
  event.event_time = TimeMs{1'700'000'000'000};
  event.context = {{"hour", 7.0}};
  (void)profile_store::fold(settings, event, 7, profile.behaviour);
  const std::string bytes = profile_store::encode_profile(profile);
  const auto again = profile_store::decode_profile(bytes);
  FOVEA_ASSERT(again.has_value());
  FOVEA_ASSERT(again->behaviour == profile.behaviour);
}

void check(std::string_view bytes) {
  const auto profile = profile_store::decode_profile(bytes);
  if (!profile) {
    FOVEA_ASSERT(profile.error().disposition == Disposition::kStop);
    FOVEA_ASSERT(!profile.error().message.empty());
    return;
  }
  const std::string once = profile_store::encode_profile(*profile);
  const auto again = profile_store::decode_profile(once);
  FOVEA_ASSERT(again.has_value());
  FOVEA_ASSERT(*again == *profile);
  FOVEA_ASSERT(profile_store::encode_profile(*again) == once);
  fold_into(*profile);
}

}  // namespace
}  // namespace fovea::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea::fuzz;
  check(text_of(data, size));
  if (size < kHeaderBytes) return 0;
  std::string mended(text_of(data, size));
  const auto checksum = static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(mended.data()) + kHeaderBytes,
              mended.size() - kHeaderBytes));
  for (unsigned i = 0; i < 4; ++i) mended[4 + i] = static_cast<char>(checksum >> (8 * i));
  check(mended);
  return 0;
}
