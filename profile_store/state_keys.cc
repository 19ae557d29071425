#include "profile_store/state_keys.h"

#include "profile_store/byte_stream.h"
#include "vocab/assert.h"

namespace fovea::profile_store {
namespace {

constexpr std::size_t kPartitionBytes = 4;
constexpr std::size_t kPrefixBytes = kPartitionBytes + 1;
constexpr char kProfileKind = 'p';
constexpr char kPositionsKind = 'o';

// Of positions and stamp alike.
constexpr std::uint8_t kVersion = 1;

std::string prefix(Partition partition, char kind) {
  FOVEA_ASSERT(partition >= 0);
  const auto bits = static_cast<std::uint32_t>(partition);
  std::string key;
  for (const unsigned shift : {24U, 16U, 8U, 0U}) key.push_back(static_cast<char>(bits >> shift));
  key.push_back(kind);
  return key;
}

}  // namespace

std::string profile_key(Partition partition, const UserId& user) {
  return prefix(partition, kProfileKind) + user.value;
}

std::string positions_key(Partition partition) {
  return prefix(partition, kPositionsKind);
}

KeyRange partition_range(Partition partition) {
  return {prefix(partition, '\0'), prefix(partition, '\xFF')};
}

std::string stamp_key() {
  return "\xFF\xFF\xFF\xFFs";
}

std::optional<Partition> partition_of_key(std::string_view key) {
  if (key.size() < kPrefixBytes) return std::nullopt;
  std::uint32_t bits = 0;
  for (std::size_t i = 0; i < kPartitionBytes; ++i) {
    bits = bits << 8U | static_cast<std::uint8_t>(key[i]);
  }
  if (bits > INT32_MAX) return std::nullopt;
  return static_cast<Partition>(bits);
}

std::optional<ProfileKey> parse_profile_key(std::string_view key) {
  if (key.size() <= kPrefixBytes || key[kPartitionBytes] != kProfileKind) return std::nullopt;
  const std::optional<Partition> partition = partition_of_key(key);
  if (!partition) return std::nullopt;
  return ProfileKey{*partition, UserId{std::string(key.substr(kPrefixBytes))}};
}

std::string encode_positions(const PartitionPositions& positions) {
  ByteWriter out;
  out.u8(kVersion);
  out.zigzag(positions.input_next);
  out.zigzag(positions.changelog_next);
  out.zigzag(value(positions.written_at));
  out.zigzag(value(positions.highest_event_time));
  return out.take();
}

std::optional<PartitionPositions> decode_positions(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.u8() != kVersion) return std::nullopt;
  PartitionPositions positions;
  positions.input_next = in.zigzag();
  positions.changelog_next = in.zigzag();
  positions.written_at = TimeMs{in.zigzag()};
  positions.highest_event_time = TimeMs{in.zigzag()};
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return positions;
}

std::string encode_stamp(const StateStamp& stamp) {
  ByteWriter out;
  out.u8(kVersion);
  out.text(stamp.topology);
  out.text(stamp.group_id);
  out.text(stamp.cluster_id);
  return out.take();
}

std::optional<StateStamp> decode_stamp(std::string_view bytes) {
  ByteReader in(bytes);
  if (in.u8() != kVersion) return std::nullopt;
  StateStamp stamp;
  stamp.topology = in.text();
  stamp.group_id = in.text();
  stamp.cluster_id = in.text();
  if (!in.ok() || !in.at_end()) return std::nullopt;
  return stamp;
}

}  // namespace fovea::profile_store
