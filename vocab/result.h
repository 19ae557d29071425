#pragma once

// How this project reports failure.
//
// An Error says what happened and, more usefully, what the pipeline should do
// next. Every place that creates one has to choose:
//
//   kRetry  the same call may succeed later            broker restarting
//   kSkip   this record never will; dead-letter it     undecodable bytes
//   kStop   continuing would corrupt state; exit 1     checksum mismatch on disk
//
// "User has no profile yet" is none of these: it is std::optional, not an Error.
// A violated precondition is none of these either: it is FOVEA_ASSERT.
//
// Result<T> keeps the names of std::expected so that it can become an alias for
// it when the project moves to C++23. Result<void> is a success without a value.

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "vocab/assert.h"

namespace fovea {

enum class Disposition : std::uint8_t { kRetry, kSkip, kStop };

struct [[nodiscard]] Error {
  Disposition disposition = Disposition::kStop;

  // One lower-case clause naming the value at fault: "offset 17 is behind 42".
  std::string message;

  // For kSkip: the machine-readable reason of the dead letter ("missing_user"); else empty.
  std::string reason = {};
};

inline Error stop(std::string message) {
  return {Disposition::kStop, std::move(message)};
}
inline Error retry(std::string message) {
  return {Disposition::kRetry, std::move(message)};
}
inline Error skip(std::string reason, std::string message) {
  return {Disposition::kSkip, std::move(message), std::move(reason)};
}

template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return state_.index() == 0; }
  explicit operator bool() const noexcept { return has_value(); }

  // Requires: has_value().
  T& operator*() & { return checked(); }
  const T& operator*() const& { return const_cast<Result*>(this)->checked(); }
  T&& operator*() && { return std::move(checked()); }
  T* operator->() { return &checked(); }
  const T* operator->() const { return &const_cast<Result*>(this)->checked(); }

  // Requires: !has_value().
  [[nodiscard]] const Error& error() const {
    FOVEA_ASSERT(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  T& checked() {
    FOVEA_ASSERT(has_value());
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT

  [[nodiscard]] bool has_value() const noexcept { return !error_.has_value(); }
  explicit operator bool() const noexcept { return has_value(); }

  // Requires: !has_value().
  [[nodiscard]] const Error& error() const {
    FOVEA_ASSERT(error_.has_value());
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

}  // namespace fovea
