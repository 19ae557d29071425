// Times as producers write them, against dates known from elsewhere.

#include "ingest/timestamp.h"

#include <gtest/gtest.h>

namespace fovea::ingest {
namespace {

std::int64_t ms(std::string_view text) {
  const auto time = time_from_rfc3339(text);
  return time ? value(*time) : -1;
}

TEST(Timestamp, ReadsRfc3339) {
  EXPECT_EQ(ms("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(ms("2023-11-14T22:13:20Z"), 1700000000000);
  EXPECT_EQ(ms("1985-04-12T23:20:50.52Z"), 482196050520);    // RFC 3339, section 5.8
  EXPECT_EQ(ms("1996-12-19T16:39:57-08:00"), 851042397000);  // the same
  EXPECT_EQ(ms("1990-12-31T15:59:60-08:00"), 662688000000);  // a leap second
  EXPECT_EQ(ms("2000-02-29T12:00:00+05:30"), 951805800000);
  EXPECT_EQ(ms("2023-11-14T22:13:20-00:00"), 1700000000000);
  EXPECT_EQ(ms("9999-12-31T23:59:59.999Z"), 253402300799999);
}

TEST(Timestamp, CutsFractionsBeyondMilliseconds) {
  EXPECT_EQ(ms("1970-01-01T00:00:00.9Z"), 900);
  EXPECT_EQ(ms("1970-01-01T00:00:00.9999999999999999999999Z"), 999);
  EXPECT_EQ(ms("1970-01-01T00:00:00.0001Z"), 0);
}

TEST(Timestamp, RefusesWhatIsNotATime) {
  for (const std::string_view text : {"",
                                      "1970",
                                      "1970-01-01",
                                      "1970-01-01T00:00Z",
                                      "1970-01-01T00:00:00",
                                      "70-01-01T00:00:00Z",
                                      "1970-1-01T00:00:00Z",
                                      "1970-13-01T00:00:00Z",
                                      "1970-00-01T00:00:00Z",
                                      "1970-04-31T00:00:00Z",
                                      "1900-02-29T00:00:00Z",
                                      "1970-01-01T24:00:00Z",
                                      "1970-01-01T00:60:00Z",
                                      "1970-01-01T00:00:61Z",
                                      "1970-01-01T00:00:00.Z",
                                      "1970-01-01T00:00:00+24:00",
                                      "1970-01-01T00:00:00+00:60",
                                      "1970-01-01T00:00:00+0000",
                                      "1970-01-01T00:00:00Zulu",
                                      " 1970-01-01T00:00:00Z",
                                      "1970-01-01_00:00:00Z",
                                      "1970-01-01T12:00:60Z",
                                      "1969-12-31T23:59:59Z",
                                      "-970-01-01T00:00:00Z"}) {
    EXPECT_EQ(ms(text), -1) << text;
  }
}

TEST(Timestamp, RefusesNumbersOutsideItsRange) {
  for (const TimeUnit unit : {TimeUnit::kSeconds, TimeUnit::kMilliseconds}) {
    EXPECT_FALSE(time_from_integer(-1, unit));
    EXPECT_FALSE(time_from_integer(INT64_MAX, unit));
    EXPECT_FALSE(time_from_number(-0.6, unit));
    EXPECT_FALSE(time_from_number(1e300, unit));
  }
  EXPECT_FALSE(time_from_integer(INT64_MAX, TimeUnit::kMicroseconds));
  EXPECT_TRUE(time_from_integer(253402300799, TimeUnit::kSeconds));
  EXPECT_FALSE(time_from_integer(253402300800, TimeUnit::kSeconds));
}

}  // namespace
}  // namespace fovea::ingest
