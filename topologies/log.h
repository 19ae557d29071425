#pragma once

// What a running process says: one line an occasion, to stderr, as text or as JSON.
//
// Threads   Safe from any thread, after set_up_log().

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "vocab/clock.h"

namespace fovea::topologies {

enum class LogLevel : std::uint8_t { kTrace, kDebug, kInfo, kWarning, kError };

// `format` and `level` as in [log]. Requires: values that the configuration accepts.
void set_up_log(const std::string& format, const std::string& level);

// What a message says in words, once more by name, for programs: only JSON lines have them.
using LogFields = std::vector<std::pair<std::string, std::string>>;

// `message` is one clause. Before set_up_log(): text, at level info.
void log(LogLevel level, const std::string& message, const LogFields& fields = {});

inline void log_info(const std::string& message) {
  log(LogLevel::kInfo, message);
}
inline void log_warning(const std::string& message) {
  log(LogLevel::kWarning, message);
}
inline void log_error(const std::string& message) {
  log(LogLevel::kError, message);
}

// At most once a second a key: a broken producer sends thousands of broken records.
// Threads   Safe from any thread.
class RateLimiter {
 public:
  explicit RateLimiter(std::chrono::milliseconds interval = std::chrono::seconds(1))
      : interval_(interval) {}

  // How many were held back since the last that was let through, if this one may be; else absent.
  [[nodiscard]] std::optional<std::uint64_t> admit(const std::string& key, TimeMs now);

 private:
  struct State {
    TimeMs last{};
    std::uint64_t held_back = 0;
  };
  std::chrono::milliseconds interval_;
  std::mutex mutex_;
  std::map<std::string, State> states_;
};

// Logs `message` unless one of the same key was logged within the second; says how many were not.
// A JSON line has the key as `occasion` and the number as `held_back`.
void log_limited(LogLevel level, const std::string& key, const std::string& message,
                 LogFields fields = {});

}  // namespace fovea::topologies
