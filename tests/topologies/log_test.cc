// Log lines as JSON, and the limit on repeated ones.

#include "topologies/log.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

namespace fovea::topologies {
namespace {

TEST(RateLimiter, LetsOneThroughASecondAndCountsTheOthers) {
  RateLimiter limiter;

  EXPECT_EQ(limiter.admit("reason", TimeMs{5'000}), 0U);
  EXPECT_EQ(limiter.admit("reason", TimeMs{5'001}), std::nullopt);
  EXPECT_EQ(limiter.admit("reason", TimeMs{5'999}), std::nullopt);
  EXPECT_EQ(limiter.admit("reason", TimeMs{6'000}), 2U);
  EXPECT_EQ(limiter.admit("reason", TimeMs{7'000}), 0U);
}

TEST(RateLimiter, KeepsKeysApart) {
  RateLimiter limiter;

  EXPECT_EQ(limiter.admit("a", TimeMs{0}), 0U);
  EXPECT_EQ(limiter.admit("b", TimeMs{0}), 0U);
  EXPECT_EQ(limiter.admit("a", TimeMs{1}), std::nullopt);
}

// The one line that `say` logs, taken apart.
template <typename Say>
nlohmann::json logged(const Say& say) {
  set_up_log("json", "info");
  testing::internal::CaptureStderr();
  say();
  const std::string line = testing::internal::GetCapturedStderr();
  set_up_log("text", "info");
  return nlohmann::json::parse(line);
}

TEST(Log, AJsonLineIsOneObjectWhateverTheMessageHolds) {
  const std::string message = "topic \"a\\b\"\n\x01 partition 3";

  const nlohmann::json line = logged([&] {
    log(LogLevel::kWarning, message, {{"topic", "a\\b"}, {"reason", "bad\"json"}});
  });

  EXPECT_EQ(line.at("message"), message);
  EXPECT_EQ(line.at("level"), "warning");
  EXPECT_EQ(line.at("topic"), "a\\b");
  EXPECT_EQ(line.at("reason"), "bad\"json");
  EXPECT_TRUE(line.contains("time"));
}

TEST(Log, ALimitedLineNamesItsOccasionAndWhatWasHeldBack) {
  const nlohmann::json line = logged([] {
    log_limited(LogLevel::kError, "store", "no room", {{"partition", "7"}});
  });

  EXPECT_EQ(line.at("message"), "no room");
  EXPECT_EQ(line.at("occasion"), "store");
  EXPECT_EQ(line.at("held_back"), "0");
  EXPECT_EQ(line.at("partition"), "7");
}

}  // namespace
}  // namespace fovea::topologies
