#include "topologies/model_topic.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <istream>
#include <system_error>

#include "scorer/bytes.h"
#include "vocab/assert.h"

namespace fovea::topologies {
namespace {

constexpr std::string_view kChunkMagic = "FVC1";
constexpr std::string_view kManifestMagic = "FVP1";
constexpr std::string_view kManifestWord = "manifest";
constexpr std::size_t kChecksumAt = 4;
constexpr std::size_t kBodyAt = kChecksumAt + sizeof(std::uint64_t);
constexpr std::size_t kChunkBytesAt = kBodyAt + 2 * sizeof(std::uint32_t) + sizeof(Offset);

std::string sealed(std::string_view magic, std::string_view body) {
  std::string record(magic);
  scorer::ByteWriter checksum;
  checksum.fixed(XXH3_64bits(body.data(), body.size()));
  record += checksum.bytes();
  record += body;
  return record;
}

// Errors: kSkip.
Result<std::string_view> unsealed(std::string_view magic, std::string_view record,
                                  const char* what) {
  // The version is the magic's last character.
  if (record.size() < kBodyAt || record.substr(0, 3) != magic.substr(0, 3)) {
    return skip("not_ours", fmt::format("not a {} of a model", what));
  }
  if (record[3] != magic[3]) {
    return skip("version", fmt::format("a {} of another version of this program", what));
  }
  scorer::ByteReader checksum(record.substr(kChecksumAt, sizeof(std::uint64_t)));
  const std::string_view body = record.substr(kBodyAt);
  if (checksum.fixed<std::uint64_t>() != XXH3_64bits(body.data(), body.size())) {
    return skip("corrupt", fmt::format("the {}'s checksum does not match", what));
  }
  return body;
}

template <class T>
std::optional<T> number(std::string_view digits, int base) {
  T value{};
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return value;
}

}  // namespace

std::string encode_model_key(const ModelKey& key) {
  if (!key.chunk) return fmt::format("{:016x}/{}/{}", key.model_id, key.slot, kManifestWord);
  return fmt::format("{:016x}/{}/{:06}", key.model_id, key.slot, *key.chunk);
}

std::optional<ModelKey> decode_model_key(std::string_view key) {
  const auto first = key.find('/');
  const auto second = key.rfind('/');
  if (first == std::string_view::npos || first == second) return std::nullopt;
  const auto id = number<std::uint64_t>(key.substr(0, first), 16);
  const auto slot = number<std::uint32_t>(key.substr(first + 1, second - first - 1), 10);
  if (!id || !slot || *slot >= kModelSlots) return std::nullopt;
  ModelKey decoded{*id, *slot, {}};
  const std::string_view last = key.substr(second + 1);
  if (last != kManifestWord) {
    decoded.chunk = number<std::uint32_t>(last, 10);
    if (!decoded.chunk) return std::nullopt;
  }
  // One spelling each.
  return encode_model_key(decoded) == key ? std::optional(decoded) : std::nullopt;
}

std::string encode_model_chunk(const ModelChunk& chunk) {
  FOVEA_ASSERT(!chunk.bytes.empty() && chunk.bytes.size() <= kModelChunkBytes);
  scorer::ByteWriter out;
  out.fixed(chunk.lineage);
  out.fixed(chunk.position);
  out.fixed(chunk.index);
  return sealed(kChunkMagic, out.take().append(chunk.bytes));
}

Result<ModelChunk> decode_model_chunk(std::string_view record) {
  const auto body = unsealed(kChunkMagic, record, "chunk");
  if (!body) return body.error();
  scorer::ByteReader in(*body);
  ModelChunk chunk;
  chunk.lineage = in.fixed<std::uint32_t>();
  chunk.position = in.fixed<Offset>();
  chunk.index = in.fixed<std::uint32_t>();
  if (in.failed() || record.size() <= kChunkBytesAt) return skip("corrupt", "the chunk is empty");
  chunk.bytes = record.substr(kChunkBytesAt);
  if (chunk.position < kNoOffset || chunk.bytes.size() > kModelChunkBytes) {
    return skip("corrupt", fmt::format("a chunk of {} bytes at position {}", chunk.bytes.size(),
                                       chunk.position));
  }
  return chunk;
}

std::uint64_t model_chunk_checksum(std::string_view record) {
  scorer::ByteReader in(record.substr(kChecksumAt));
  return in.fixed<std::uint64_t>();
}

std::string encode_model_manifest(const ModelManifest& manifest) {
  scorer::ByteWriter out;
  out.fixed(manifest.stamp.model_id);
  out.fixed(manifest.stamp.lineage);
  out.fixed(manifest.stamp.position);
  out.fixed(manifest.slot);
  out.fixed(manifest.chunks);
  out.fixed(manifest.bytes);
  out.fixed(manifest.checksum);
  out.fixed(manifest.first);
  return sealed(kManifestMagic, out.bytes());
}

Result<ModelManifest> decode_model_manifest(std::string_view record) {
  const auto body = unsealed(kManifestMagic, record, "manifest");
  if (!body) return body.error();
  scorer::ByteReader in(*body);
  ModelManifest manifest;
  manifest.stamp.model_id = in.fixed<std::uint64_t>();
  manifest.stamp.lineage = in.fixed<std::uint32_t>();
  manifest.stamp.position = in.fixed<Offset>();
  manifest.slot = in.fixed<std::uint32_t>();
  manifest.chunks = in.fixed<std::uint32_t>();
  manifest.bytes = in.fixed<std::uint64_t>();
  manifest.checksum = in.fixed<std::uint64_t>();
  manifest.first = in.fixed<Offset>();
  if (!in.at_end()) return skip("corrupt", "the manifest does not hold what its version says");
  if (manifest.stamp.position < kNoOffset || manifest.slot >= kModelSlots || manifest.bytes == 0 ||
      manifest.first < kNoOffset || model_chunks(manifest.bytes) != manifest.chunks) {
    return skip("corrupt", fmt::format("a manifest of slot {}, position {}, {} bytes in {} chunks",
                                       manifest.slot, manifest.stamp.position, manifest.bytes,
                                       manifest.chunks));
  }
  return manifest;
}

std::uint64_t checksum_of(const std::vector<std::uint64_t>& chunk_checksums) {
  return XXH3_64bits(chunk_checksums.data(), chunk_checksums.size() * sizeof(std::uint64_t));
}

std::uint64_t model_chunks(std::uint64_t bytes) {
  return bytes / kModelChunkBytes + (bytes % kModelChunkBytes == 0 ? 0 : 1);
}

Result<ModelManifest> write_model(const ModelStamp& stamp, std::uint32_t slot,
                                  std::istream& snapshot, std::uint64_t bytes,
                                  const WriteModelRecord& write) {
  ModelManifest manifest;
  manifest.stamp = stamp;
  manifest.slot = slot;
  manifest.bytes = bytes;
  manifest.chunks = static_cast<std::uint32_t>(model_chunks(bytes));
  ModelKey key{stamp.model_id, slot, 0};
  std::vector<std::uint64_t> checksums;
  std::string part;
  for (std::uint64_t left = bytes; left > 0; left -= part.size()) {
    part.resize(static_cast<std::size_t>(std::min<std::uint64_t>(left, kModelChunkBytes)));
    if (!snapshot.read(part.data(), static_cast<std::streamsize>(part.size()))) {
      return stop(fmt::format("the snapshot ends {} bytes early", left));
    }
    const auto index = static_cast<std::uint32_t>(checksums.size());
    key.chunk = index;
    std::string record = encode_model_chunk({stamp.lineage, stamp.position, index, part});
    checksums.push_back(model_chunk_checksum(record));
    const auto written = write(key, std::move(record));
    if (!written) return written.error();
    if (index == 0) manifest.first = written->value_or(kNoOffset);
  }
  manifest.checksum = checksum_of(checksums);
  key.chunk.reset();
  const auto written = write(key, encode_model_manifest(manifest));
  if (!written) return written.error();
  return manifest;
}

}  // namespace fovea::topologies
