#include "topologies/log.h"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <utility>

#include "topologies/json_text.h"

namespace fovea::topologies {
namespace {

spdlog::level::level_enum of(LogLevel level) {
  switch (level) {
    case LogLevel::kTrace:
      return spdlog::level::trace;
    case LogLevel::kDebug:
      return spdlog::level::debug;
    case LogLevel::kInfo:
      return spdlog::level::info;
    case LogLevel::kWarning:
      return spdlog::level::warn;
    case LogLevel::kError:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

struct Log {
  // A logger of our own: whoever embeds us keeps theirs.
  std::shared_ptr<spdlog::logger> logger =
      std::make_shared<spdlog::logger>("fovea", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  bool json = false;

  Log() { logger->set_pattern("%Y-%m-%dT%H:%M:%S.%e%z %l %v"); }
};

Log& the_log() {
  static Log log;
  return log;
}

// Of one line, without its braces.
std::string json_members(const std::string& message, const LogFields& fields) {
  std::string members = R"("message":)" + json_string(message);
  for (const auto& [name, value] : fields) {
    members += fmt::format(",{}:{}", json_string(name), json_string(value));
  }
  return members;
}

}  // namespace

void set_up_log(const std::string& format, const std::string& level) {
  Log& log = the_log();
  log.json = format == "json";
  if (log.json) {
    log.logger->set_pattern(R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l",%v})");
  }
  log.logger->set_level(spdlog::level::from_str(level));
  log.logger->flush_on(spdlog::level::info);
}

void log(LogLevel level, const std::string& message, const LogFields& fields) {
  Log& log = the_log();
  const spdlog::level::level_enum at = of(level);
  if (!log.logger->should_log(at)) return;
  log.logger->log(at, spdlog::string_view_t(log.json ? json_members(message, fields) : message));
}

std::optional<std::uint64_t> RateLimiter::admit(const std::string& key, TimeMs now) {
  const std::lock_guard<std::mutex> lock(mutex_);
  const auto [at, is_new] = states_.try_emplace(key);
  State& state = at->second;
  if (!is_new && milliseconds_between(state.last, now) < interval_.count()) {
    ++state.held_back;
    return std::nullopt;
  }
  state.last = now;
  return std::exchange(state.held_back, 0);
}

void log_limited(LogLevel level, const std::string& key, const std::string& message,
                 LogFields fields) {
  static RateLimiter limiter;
  const auto held_back = limiter.admit(key, SystemClock{}.now());
  if (!held_back) return;
  fields.emplace_back("occasion", key);
  fields.emplace_back("held_back", fmt::to_string(*held_back));
  log(level,
      *held_back == 0
          ? message
          : fmt::format("{} (and {} like it since the last such line)", message, *held_back),
      fields);
}

}  // namespace fovea::topologies
