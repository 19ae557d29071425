#pragma once

// The few encodings that the stored formats are made of: little-endian numbers, varints, zigzag.
//
// Format    A varint carries 7 bits a byte, low bits first, in as few bytes as will do. Zigzag maps
//           signed to unsigned so that small magnitudes stay short: 0, -1, 1, -2 -> 0, 1, 2, 3.
// Threads   Plain values.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace fovea::profile_store {

class ByteWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(static_cast<char>(value)); }
  void u16(std::uint16_t value) { little_endian(value, 2); }
  void u32(std::uint32_t value) { little_endian(value, 4); }
  void u64(std::uint64_t value) { little_endian(value, 8); }
  void f32(float value) { u32(std::bit_cast<std::uint32_t>(value)); }
  void f64(double value) { u64(std::bit_cast<std::uint64_t>(value)); }
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      u8(static_cast<std::uint8_t>(value | 0x80U));
      value >>= 7U;
    }
    u8(static_cast<std::uint8_t>(value));
  }
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void raw(std::string_view bytes) { bytes_.append(bytes); }
  void text(std::string_view bytes) {
    varint(bytes.size());
    raw(bytes);
  }

  [[nodiscard]] std::string take() { return std::move(bytes_); }
  [[nodiscard]] std::string_view view() const { return bytes_; }

 private:
  void little_endian(std::uint64_t value, int bytes) {
    for (int i = 0; i < bytes; ++i)
      u8(static_cast<std::uint8_t>(value >> (8U * static_cast<unsigned>(i))));
  }
  std::string bytes_;
};

// Reads what ByteWriter wrote. Past the end, or at a malformed varint, it fails once and for all:
// every further read gives zero and ok() stays false, so that callers check where it matters.
//
// Lifetime  The bytes are borrowed.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return ok_; }
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size(); }

  std::uint8_t u8() { return static_cast<std::uint8_t>(little_endian(1)); }
  std::uint16_t u16() { return static_cast<std::uint16_t>(little_endian(2)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(little_endian(4)); }
  std::uint64_t u64() { return little_endian(8); }
  float f32() { return std::bit_cast<float>(u32()); }
  double f64() { return std::bit_cast<double>(u64()); }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::uint8_t byte = u8();
      // A last group of zero would be a second spelling; the tenth byte holds one bit.
      const bool spare = (byte == 0 && shift > 0) || (shift == 63 && byte > 1);
      if (!ok_ || spare) break;
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if (byte < 0x80) return value;
    }
    fail();
    return 0;
  }
  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>((value >> 1U) ^ (~(value & 1U) + 1U));
  }
  // How many entries follow, each of at least `entry_bytes_min`: never more than there is room for.
  std::size_t count(std::size_t entry_bytes_min) {
    const std::uint64_t value = varint();
    if (value > bytes_.size() / entry_bytes_min) fail();
    return ok_ ? static_cast<std::size_t>(value) : 0;
  }
  std::string_view raw(std::size_t size) {
    if (size > bytes_.size()) fail();
    if (!ok_) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  std::string_view text() { return raw(count(1)); }
  void fail() {
    ok_ = false;
    bytes_ = {};
  }

 private:
  std::uint64_t little_endian(unsigned size) {
    const std::string_view taken = raw(size);
    std::uint64_t value = 0;
    for (unsigned i = 0; i < taken.size(); ++i) {
      value |= static_cast<std::uint64_t>(static_cast<std::uint8_t>(taken[i])) << (8U * i);
    }
    return value;
  }

  std::string_view bytes_;
  bool ok_ = true;
};

}  // namespace fovea::profile_store
