#include "ingest/finish_within.h"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

TEST(FinishWithin, WhatEndsInTimeHasEnded) {
  std::atomic<bool> ran{false};
  EXPECT_TRUE(finish_within(milliseconds(60'000), [&] { ran = true; }));
  EXPECT_TRUE(ran);
}

TEST(FinishWithin, WhatDoesNotEndIsLeftBehind) {
  struct Shared {
    std::promise<void> go_on;
    std::promise<void> ended;
  };
  const auto shared = std::make_shared<Shared>();
  std::future<void> ended = shared->ended.get_future();
  const auto began = steady_clock::now();
  EXPECT_FALSE(finish_within(milliseconds(50), [shared] {
    shared->go_on.get_future().wait();
    shared->ended.set_value();
  }));
  EXPECT_GE(steady_clock::now() - began, milliseconds(50));
  EXPECT_EQ(ended.wait_for(milliseconds(0)), std::future_status::timeout);

  // It is still there, and may end whenever it likes.
  shared->go_on.set_value();
  EXPECT_EQ(ended.wait_for(milliseconds(60'000)), std::future_status::ready);
}

}  // namespace
}  // namespace fovea::ingest
