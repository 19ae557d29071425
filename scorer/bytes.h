#pragma once

// Little-endian bytes, written and read back. Reading is total: a short or absurd input sets
// failed() and yields zeros, so that a decoder checks once at its end. Absurd is also a number that
// is not finite, and a varint that is longer than it need be: what is read has one spelling.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace fovea::scorer {

static_assert(std::endian::native == std::endian::little, "formats are little-endian");

class ByteWriter {
 public:
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void fixed(T value) { bytes_.append(reinterpret_cast<const char*>(&value), sizeof value); }
  // LEB128.
  void varint(std::uint64_t value) {
    while (value >= 0x80) {
      bytes_.push_back(static_cast<char>(value | 0x80));
      value >>= 7U;
    }
    bytes_.push_back(static_cast<char>(value));
  }
  // Small magnitudes of either sign stay short.
  void zigzag(std::int64_t value) {
    varint((static_cast<std::uint64_t>(value) << 1U) ^ static_cast<std::uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    varint(value.size());
    bytes_.append(value);
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void array(const std::vector<T>& values) {
    varint(values.size());
    bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }
  [[nodiscard]] std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : bytes_(bytes) {}

  template <class T>
  requires std::is_trivially_copyable_v<T> T fixed() {
    T value{};
    if (const char* from = take(sizeof value)) std::memcpy(&value, from, sizeof value);
    if constexpr (std::is_floating_point_v<T>) {
      if (!std::isfinite(value)) failed_ = true;
    }
    return value;
  }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const char* from = take(1);
      if (from == nullptr) return 0;
      const auto byte = static_cast<std::uint8_t>(*from);
      // A last group of zero would be a second spelling; the tenth byte holds one bit.
      if ((byte == 0 && shift > 0) || (shift == 63 && byte > 1)) break;
      value |= static_cast<std::uint64_t>(byte & 0x7FU) << shift;
      if ((byte & 0x80U) == 0) return value;
    }
    failed_ = true;
    return 0;
  }
  std::int64_t zigzag() {
    const std::uint64_t value = varint();
    return static_cast<std::int64_t>(value >> 1U) ^ -static_cast<std::int64_t>(value & 1U);
  }
  // The number of entries that follow, each of at least `entry_bytes`: never more than fit, so that
  // a corrupt count cannot ask for memory.
  std::size_t count(std::size_t entry_bytes = 1) {
    const std::uint64_t value = varint();
    if (value > (bytes_.size() - at_) / entry_bytes) {
      failed_ = true;
      return 0;
    }
    return static_cast<std::size_t>(value);
  }
  std::string text() {
    std::string value;
    text(value);
    return value;
  }
  void text(std::string& value) {
    const std::size_t size = count();
    const char* from = take(size);
    value.assign(from == nullptr ? std::string_view() : std::string_view(from, size));
  }
  template <class T>
  requires std::is_trivially_copyable_v<T>
  void array(std::vector<T>& values) {
    const std::size_t size = count(sizeof(T));
    values.resize(size);
    if (const char* from = take(size * sizeof(T)); from != nullptr && size > 0) {
      std::memcpy(values.data(), from, size * sizeof(T));
    }
    if constexpr (std::is_floating_point_v<T>) {
      for (const T value : values) {
        if (!std::isfinite(value)) failed_ = true;
      }
    }
  }
  // Passes over an array of T; the reader answered reads it, on another thread if need be.
  template <class T>
  [[nodiscard]] ByteReader array_apart() {
    const std::size_t from = at_;
    const std::size_t size = count(sizeof(T));
    (void)take(size * sizeof(T));
    return ByteReader(bytes_.substr(from, at_ - from));
  }
  // Passes over a T, and over a text.
  template <class T>
  void skip() {
    (void)take(sizeof(T));
  }
  void skip_text() { (void)take(count()); }
  [[nodiscard]] std::size_t left() const { return bytes_.size() - at_; }
  [[nodiscard]] bool failed() const { return failed_; }
  [[nodiscard]] bool at_end() const { return !failed_ && at_ == bytes_.size(); }
  void fail() { failed_ = true; }

 private:
  const char* take(std::size_t size) {
    if (failed_ || size > bytes_.size() - at_) {
      failed_ = true;
      return nullptr;
    }
    const char* from = bytes_.data() + at_;
    at_ += size;
    return from;
  }

  std::string_view bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace fovea::scorer
