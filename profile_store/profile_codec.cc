#include "profile_store/profile_codec.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>

#include "profile_store/byte_stream.h"
#include "profile_store/float16.h"
#include "vocab/assert.h"

namespace fovea::profile_store {
namespace {

constexpr std::string_view kMagic = "fvp";
constexpr std::size_t kHeaderBytes = 8;  // magic, version, checksum

enum SectionTag : std::uint8_t { kBehaviour = 1, kLearned = 2, kServed = 3 };

// In a history entry's first byte: the strength is not 1 and follows.
constexpr std::uint8_t kHasStrength = 0x80;

constexpr std::uint8_t kContextNumber = 0;
constexpr std::uint8_t kContextText = 1;

std::uint32_t checksum(std::string_view bytes) {
  return static_cast<std::uint32_t>(
      crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

// Differences wrap, so that every pair of times has one.
std::int64_t difference(TimeMs later, TimeMs earlier) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(value(later)) -
                                   static_cast<std::uint64_t>(value(earlier)));
}
TimeMs moved(TimeMs time, std::int64_t difference) {
  return TimeMs{static_cast<std::int64_t>(static_cast<std::uint64_t>(value(time)) +
                                          static_cast<std::uint64_t>(difference))};
}

TimeMs newest_time(const Behaviour& behaviour) {
  return behaviour.history.empty() ? TimeMs{} : behaviour.history.back().time;
}

// Where in the history an item last appears; an own item found there needs no key of its own.
class HistoryIndex {
 public:
  explicit HistoryIndex(const std::vector<HistoryEntry>& history) {
    entries_.reserve(history.size());
    for (std::size_t i = 0; i < history.size(); ++i) entries_.emplace_back(history[i].item, i);
    std::sort(entries_.begin(), entries_.end());
  }
  // 1 + the index, or 0.
  [[nodiscard]] std::size_t reference(ItemKey item) const {
    const auto next =
        std::upper_bound(entries_.begin(), entries_.end(), item,
                         [](ItemKey key, const std::pair<ItemKey, std::size_t>& entry) {
                           return key < entry.first;
                         });
    if (next == entries_.begin() || std::prev(next)->first != item) return 0;
    return std::prev(next)->second + 1;
  }

 private:
  std::vector<std::pair<ItemKey, std::size_t>> entries_;
};

void encode_history(const std::vector<HistoryEntry>& history, ByteWriter& out) {
  out.varint(history.size());
  TimeMs previous{};
  for (const HistoryEntry& entry : history) {
    FOVEA_ASSERT(std::isfinite(entry.strength));
    const bool has_strength = entry.strength != 1.0F;
    out.u8(static_cast<std::uint8_t>(static_cast<std::uint8_t>(entry.type) |
                                     (has_strength ? kHasStrength : 0)));
    out.u64(value(entry.item));
    out.zigzag(difference(entry.time, previous));
    if (has_strength) out.f32(entry.strength);
    previous = entry.time;
  }
}

void encode_context(const std::vector<ContextField>& context, ByteWriter& out) {
  out.varint(context.size());
  for (const ContextField& field : context) {
    out.text(field.name);
    if (const double* number = std::get_if<double>(&field.value)) {
      FOVEA_ASSERT(std::isfinite(*number));
      out.u8(kContextNumber);
      out.f64(*number);
    } else {
      out.u8(kContextText);
      out.text(std::get<std::string>(field.value));
    }
  }
}

void encode_counters(const Behaviour& behaviour, ByteWriter& out) {
  std::uint16_t present = 0;
  for (std::size_t i = 0; i < behaviour.counters.size(); ++i) {
    if (behaviour.counters[i] != DecayedCounter{}) {
      present = static_cast<std::uint16_t>(present | (1U << i));
    }
  }
  out.u16(present);
  for (const DecayedCounter& counter : behaviour.counters) {
    if (counter == DecayedCounter{}) continue;
    FOVEA_ASSERT(std::isfinite(counter.value));
    out.f32(counter.value);
    out.zigzag(difference(counter.last_time, newest_time(behaviour)));
  }
}

void encode_own_items(const Behaviour& behaviour, ByteWriter& out) {
  const HistoryIndex index(behaviour.history);
  out.varint(behaviour.own_items.size());
  TimeMs previous{};
  for (const OwnItem& own_item : behaviour.own_items) {
    const std::size_t reference = index.reference(own_item.item);
    out.varint(reference);
    if (reference == 0) {
      out.u64(value(own_item.item));
      out.zigzag(difference(own_item.last_time, previous));
    } else {
      out.zigzag(difference(own_item.last_time, behaviour.history[reference - 1].time));
    }
    out.varint(own_item.count);
    previous = own_item.last_time;
  }
}

void encode_vector(const std::vector<float>& vector, ByteWriter& out) {
  out.varint(vector.size());
  for (const float component : vector) {
    FOVEA_ASSERT(std::isfinite(component));
    out.u16(to_float16(component));
  }
}

std::string encode_learned(const Learned& learned) {
  ByteWriter out;
  out.u64(learned.model.model_id);
  out.varint(learned.model.lineage);
  out.varint(static_cast<std::uint64_t>(learned.model.position + 1));
  encode_vector(learned.current, out);
  encode_vector(learned.lasting, out);
  return out.take();
}

std::string encode_served(const Served& served) {
  ByteWriter out;
  out.text(served.slate_id);
  out.zigzag(value(served.emitted_at));
  out.varint(served.slate_count);
  out.varint(served.pending_covers);
  out.varint(served.items.size());
  const bool all_certain =
      std::all_of(served.items.begin(), served.items.end(),
                  [](const ServedItem& item) { return item.propensity == 1.0F; });
  out.u8(all_certain ? 0 : 1);
  for (const ServedItem& item : served.items) {
    FOVEA_ASSERT(std::isfinite(item.propensity));
    out.u64(value(item.item));
    if (!all_certain) out.f32(item.propensity);
  }
  return out.take();
}

// --- Decoding. Each function leaves the reader failed where the bytes make no sense. ---

float finite_f32(ByteReader& in) {
  const float number = in.f32();
  if (!std::isfinite(number)) in.fail();
  return number;
}

Offset decode_offset(ByteReader& in) {
  const std::uint64_t next = in.varint();
  if (next > static_cast<std::uint64_t>(INT64_MAX)) in.fail();
  return static_cast<Offset>(next) - 1;
}

std::uint32_t decode_u32(ByteReader& in) {
  const std::uint64_t number = in.varint();
  if (number > UINT32_MAX) in.fail();
  return static_cast<std::uint32_t>(number);
}

void decode_history(ByteReader& in, std::vector<HistoryEntry>& history) {
  const std::size_t count = in.count(10);
  history.reserve(count);
  TimeMs previous{};
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    HistoryEntry entry;
    const std::uint8_t head = in.u8();
    const std::uint8_t type = head & static_cast<std::uint8_t>(~kHasStrength);
    entry.item = ItemKey{in.u64()};
    entry.time = moved(previous, in.zigzag());
    if ((head & kHasStrength) != 0) entry.strength = finite_f32(in);
    if (type >= kEventTypeNames.size() || (i > 0 && entry.time < previous)) in.fail();
    entry.type = static_cast<EventType>(type);
    previous = entry.time;
    history.push_back(entry);
  }
}

void decode_context(ByteReader& in, std::vector<ContextField>& context) {
  const std::size_t count = in.count(3);
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    ContextField field;
    field.name = in.text();
    const std::uint8_t kind = in.u8();
    if (kind == kContextNumber) {
      const double number = in.f64();
      if (!std::isfinite(number)) in.fail();
      field.value = number;
    } else {
      if (kind != kContextText) in.fail();
      field.value = std::string(in.text());
    }
    context.push_back(std::move(field));
  }
}

void decode_counters(ByteReader& in, Behaviour& behaviour) {
  const std::uint16_t present = in.u16();
  for (std::size_t i = 0; i < behaviour.counters.size() && in.ok(); ++i) {
    if ((present >> i & 1U) == 0) continue;
    behaviour.counters[i].value = finite_f32(in);
    behaviour.counters[i].last_time = moved(newest_time(behaviour), in.zigzag());
  }
}

void decode_own_items(ByteReader& in, Behaviour& behaviour) {
  const std::size_t count = in.count(3);
  behaviour.own_items.reserve(count);
  TimeMs previous{};
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    OwnItem own_item;
    const std::uint64_t reference = in.varint();
    if (reference == 0) {
      own_item.item = ItemKey{in.u64()};
      own_item.last_time = moved(previous, in.zigzag());
    } else if (reference <= behaviour.history.size()) {
      const HistoryEntry& entry = behaviour.history[reference - 1];
      own_item.item = entry.item;
      own_item.last_time = moved(entry.time, in.zigzag());
    } else {
      in.fail();
    }
    own_item.count = decode_u32(in);
    if (i > 0 && own_item.last_time < previous) in.fail();
    previous = own_item.last_time;
    behaviour.own_items.push_back(own_item);
  }
}

void decode_behaviour(ByteReader& in, Behaviour& behaviour) {
  behaviour.applied = decode_offset(in);
  behaviour.event_count = decode_u32(in);
  decode_history(in, behaviour.history);
  decode_context(in, behaviour.context);
  decode_counters(in, behaviour);
  const std::size_t id_count = in.count(8);
  behaviour.recent_event_ids.reserve(id_count);
  for (std::size_t i = 0; i < id_count; ++i) behaviour.recent_event_ids.push_back(in.u64());
  decode_own_items(in, behaviour);
}

void decode_vector(ByteReader& in, std::vector<float>& vector) {
  const std::size_t count = in.count(2);
  vector.reserve(count);
  for (std::size_t i = 0; i < count; ++i) {
    vector.push_back(from_float16(in.u16()));
    if (!std::isfinite(vector.back())) in.fail();
  }
}

void decode_learned(ByteReader& in, Learned& learned) {
  learned.model.model_id = in.u64();
  learned.model.lineage = decode_u32(in);
  learned.model.position = decode_offset(in);
  decode_vector(in, learned.current);
  decode_vector(in, learned.lasting);
}

void decode_served(ByteReader& in, Served& served) {
  served.slate_id = in.text();
  served.emitted_at = TimeMs{in.zigzag()};
  served.slate_count = decode_u32(in);
  served.pending_covers = decode_u32(in);
  const std::size_t count = in.count(8);
  const std::uint8_t has_propensities = in.u8();
  if (has_propensities > 1) in.fail();
  for (std::size_t i = 0; i < count && in.ok(); ++i) {
    ServedItem item;
    item.item = ItemKey{in.u64()};
    if (has_propensities == 1) item.propensity = finite_f32(in);
    served.items.push_back(item);
  }
}

// The name of a section that does not decode, or nullptr.
const char* decode_section(std::uint8_t tag, std::string_view bytes, Profile& profile) {
  ByteReader in(bytes);
  const char* section = nullptr;
  switch (tag) {
    case kBehaviour:
      section = "behaviour";
      decode_behaviour(in, profile.behaviour);
      break;
    case kLearned:
      section = "learned";
      decode_learned(in, profile.learned);
      break;
    case kServed:
      section = "served";
      decode_served(in, profile.served);
      break;
    default:
      profile.unknown_sections.emplace_back(tag, bytes);
      return nullptr;
  }
  return in.ok() && in.at_end() ? nullptr : section;
}

// All but the memory.
void forget(Profile& profile) {
  Behaviour& behaviour = profile.behaviour;
  behaviour.history.clear();
  behaviour.context.clear();
  behaviour.counters = {};
  behaviour.recent_event_ids.clear();
  behaviour.own_items.clear();
  Learned& learned = profile.learned;
  learned.model = {};
  learned.current.clear();
  learned.lasting.clear();
  Served& served = profile.served;
  served.slate_id.clear();
  served.emitted_at = {};
  served.items.clear();
  served.slate_count = 0;
  served.pending_covers = 0;
  profile.unknown_sections.clear();
}

void append_section(std::uint8_t tag, std::string_view bytes, ByteWriter& out) {
  out.u8(tag);
  out.text(bytes);
}

}  // namespace

std::string encode_behaviour(const Behaviour& behaviour) {
  ByteWriter out;
  out.varint(static_cast<std::uint64_t>(behaviour.applied + 1));
  out.varint(behaviour.event_count);
  encode_history(behaviour.history, out);
  encode_context(behaviour.context, out);
  encode_counters(behaviour, out);
  out.varint(behaviour.recent_event_ids.size());
  for (const std::uint64_t id : behaviour.recent_event_ids) out.u64(id);
  encode_own_items(behaviour, out);
  return out.take();
}

std::string encode_profile(const Profile& profile) {
  ByteWriter sections;
  append_section(kBehaviour, encode_behaviour(profile.behaviour), sections);
  if (profile.learned != Learned{}) {
    append_section(kLearned, encode_learned(profile.learned), sections);
  }
  if (profile.served != Served{}) append_section(kServed, encode_served(profile.served), sections);
  for (const auto& [tag, bytes] : profile.unknown_sections) {
    FOVEA_ASSERT(tag > kServed);
    append_section(tag, bytes, sections);
  }

  ByteWriter out;
  out.raw(kMagic);
  out.u8(kProfileVersion);
  out.u32(checksum(sections.view()));
  out.raw(sections.view());
  return out.take();
}

Result<Profile> decode_profile(std::string_view bytes) {
  Profile profile;
  if (auto decoded = decode_profile(bytes, profile); !decoded) return decoded.error();
  return profile;
}

Result<void> decode_profile(std::string_view bytes, Profile& profile) {
  forget(profile);
  if (bytes.size() < kHeaderBytes) {
    return stop("profile is truncated: " + std::to_string(bytes.size()) + " bytes");
  }
  ByteReader in(bytes);
  if (in.raw(kMagic.size()) != kMagic) return stop("not a profile: it does not begin with fvp");
  const std::uint8_t version = in.u8();
  if (version == 0 || version > kProfileVersion) {
    return stop("profile has version " + std::to_string(version) + ", this build reads up to " +
                std::to_string(kProfileVersion));
  }
  if (in.u32() != checksum(bytes.substr(kHeaderBytes))) {
    return stop("profile is damaged or truncated: its checksum does not match");
  }

  // Behind a right checksum a wrong section is a writer's fault; it is refused all the same.
  std::uint8_t tag_before = 0;
  while (in.ok() && !in.at_end()) {
    const std::uint8_t tag = in.u8();
    const std::string_view section = in.text();
    if (!in.ok()) break;
    const bool in_order = tag > tag_before || tag > kServed;
    if (!in_order || (tag_before == 0 && tag != kBehaviour)) {
      return stop("profile has section " + std::to_string(tag) + " out of place");
    }
    tag_before = tag;
    if (const char* name = decode_section(tag, section, profile)) {
      return stop("profile has a malformed section: " + std::string(name));
    }
  }
  if (!in.ok() || tag_before == 0) return stop("profile has a malformed section table");
  return {};
}

float round_to_float16(float value) {
  return from_float16(to_float16(value));
}

}  // namespace fovea::profile_store
