// Sending a log: the schedule, the key, and a queue that is full for a while.

#include "topologies/produce.h"

#include <gtest/gtest.h>

#include <string>

namespace fovea::topologies {
namespace {

using namespace std::chrono_literals;

// Refuses the first so many records as a full queue does.
class FullSink final : public ingest::Sink {
 public:
  int full_for = 0;
  int appended = 0;
  int flushed = 0;

  Result<void> append(const ingest::OutputRecord&) override {
    if (full_for > 0) return retry("the queue is full");
    ++appended;
    return {};
  }
  Result<void> flush(std::chrono::milliseconds) override {
    ++flushed;
    --full_for;
    return {};
  }
  [[nodiscard]] std::optional<Offset> delivered_next(const ingest::TopicPartition&) const override {
    return std::nullopt;
  }
};

TEST(Produce, KeepsTheScheduleWhateverHappensToARecord) {
  EXPECT_EQ(due_after(0, 1'000), 0ns);
  EXPECT_EQ(due_after(1, 1'000), 1ms);
  EXPECT_EQ(due_after(90'000, 0.5), 180'000s);
  EXPECT_EQ(due_after(1'000'000, 0), 0ns);
}

TEST(Produce, ReadsTheUserAsTheMappingDoes) {
  ingest::EventMapping mapping;
  mapping.fields["user"] = {"/userId", "/anonymousId"};
  auto codec = ingest::EventCodec::create(mapping);
  ASSERT_TRUE(codec);

  EXPECT_EQ(user_of(*codec, R"({"anonymousId":"a","type":"view","item":"i","ts":1767225600000})"),
            "a");
  EXPECT_EQ(user_of(*codec, "not JSON"), std::nullopt);
}

TEST(Produce, WaitsWhereTheQueueIsFull) {
  FullSink sink;
  sink.full_for = 3;

  int asked = 0;
  EXPECT_TRUE(append_patiently(sink, {}, [&](const Error& full) {
    ++asked;
    EXPECT_EQ(full.disposition, Disposition::kRetry);
    return false;
  }));

  EXPECT_EQ(sink.appended, 1);
  EXPECT_EQ(sink.flushed, 3);
  EXPECT_EQ(asked, 3);
}

TEST(Produce, GivesUpWhenTold) {
  FullSink sink;
  sink.full_for = 1'000;

  const auto result = append_patiently(sink, {}, [](const Error&) { return true; });

  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().disposition, Disposition::kStop);
}

}  // namespace
}  // namespace fovea::topologies
