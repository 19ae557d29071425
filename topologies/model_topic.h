#pragma once

// The records of T.model: snapshots of the model in chunks, a manifest last.
//
// A model has two slots, written in turns: while one is overwritten the other is whole. What a slot
// holds is the manifest's snapshot if every chunk carries the manifest's lineage and position;
// a writer that dies half way leaves chunks of two positions, and the other slot is taken.
//
// Format    Little-endian, version in the last character of the magic; checksums are XXH3.
//           key       "<model id, 16 hex digits>/<slot>/<chunk, 6 digits>", the manifest's
//                     "<model id>/<slot>/manifest"
//           chunk     "FVC1", u64 checksum of what follows, u32 lineage, i64 position, u32 index,
//                     the snapshot's bytes from index * 512 KiB on, at most 512 KiB
//           manifest  "FVP1", u64 checksum of what follows, u64 model id, u32 lineage,
//                     i64 position (-1: nothing is folded yet), u32 slot, u32 chunks, u64 bytes,
//                     u64 checksum of the chunks' checksums in order, i64 offset of chunk 0 in the
//                     topic (-1: not known)

#include <cstddef>
#include <cstdint>
#include <functional>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "vocab/ids.h"
#include "vocab/profile.h"
#include "vocab/result.h"

namespace fovea::topologies {

inline constexpr std::size_t kModelChunkBytes = 512U << 10U;
inline constexpr std::uint32_t kModelSlots = 2;

struct ModelKey {
  std::uint64_t model_id = 0;
  std::uint32_t slot = 0;
  std::optional<std::uint32_t> chunk;  // absent: the manifest
  bool operator==(const ModelKey&) const = default;
};

[[nodiscard]] std::string encode_model_key(const ModelKey& key);
// Absent for what is none of ours.
[[nodiscard]] std::optional<ModelKey> decode_model_key(std::string_view key);

// Lifetime  `bytes` is borrowed: of the snapshot when encoding, of the record when decoding.
struct ModelChunk {
  std::uint32_t lineage = 0;
  Offset position = kNoOffset;
  std::uint32_t index = 0;
  std::string_view bytes;
};

// Requires: at most kModelChunkBytes bytes, and some.
[[nodiscard]] std::string encode_model_chunk(const ModelChunk& chunk);
// Errors: kSkip: what is wrong with it, in one clause.
[[nodiscard]] Result<ModelChunk> decode_model_chunk(std::string_view record);
// As the record says. Requires: a record that encode made or decode accepted.
[[nodiscard]] std::uint64_t model_chunk_checksum(std::string_view record);

struct ModelManifest {
  ModelStamp stamp;
  std::uint32_t slot = 0;
  std::uint32_t chunks = 0;
  std::uint64_t bytes = 0;
  std::uint64_t checksum = 0;  // checksum_of() the chunks
  Offset first = kNoOffset;    // of chunk 0
  bool operator==(const ModelManifest&) const = default;
};

[[nodiscard]] std::string encode_model_manifest(const ModelManifest& manifest);
// Errors: kSkip: what is wrong with it, in one clause.
[[nodiscard]] Result<ModelManifest> decode_model_manifest(std::string_view record);

// Of a whole snapshot: over the checksums of its chunks in order.
[[nodiscard]] std::uint64_t checksum_of(const std::vector<std::uint64_t>& chunk_checksums);

// How many chunks so many bytes are.
[[nodiscard]] std::uint64_t model_chunks(std::uint64_t bytes);

// Makes one record visible; the offset it got, where it is known.
using WriteModelRecord =
    std::function<Result<std::optional<Offset>>(const ModelKey& key, std::string value)>;

// Writes a snapshot to a slot, a chunk of memory at a time, the manifest last; as it was written.
// Errors: kStop where the stream, of a snapshot of so many bytes, ends early; those of `write`.
[[nodiscard]] Result<ModelManifest> write_model(const ModelStamp& stamp, std::uint32_t slot,
                                                std::istream& snapshot, std::uint64_t bytes,
                                                const WriteModelRecord& write);

}  // namespace fovea::topologies
