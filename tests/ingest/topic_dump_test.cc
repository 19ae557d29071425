// Topic dumps as kcat 1.7.1 writes them, read back as the records they were.

#include "ingest/topic_dump.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

namespace fovea::ingest {
namespace {

class TopicDump : public testing::Test {
 protected:
  TopicDump() {
    std::string pattern = (std::filesystem::temp_directory_path() / "fovea-dump-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
  }
  ~TopicDump() override { std::filesystem::remove_all(folder_); }

  [[nodiscard]] std::string path() const { return folder_ / "dump"; }
  void write(const std::string& text) const { std::ofstream(path()) << text; }

 private:
  std::filesystem::path folder_;
};

TEST_F(TopicDump, ComesBackAsTheRecordsThatWereDumped) {
  write(
      R"({"topic":"a.events","partition":3,"offset":17,"tstype":"create","ts":1767225600000,)"
      R"("broker":1,"headers":["n","v"],"key":"u1","payload":"{\"user\":\"u1\",\"x\":\"\u00e9\"}"})"
      "\n"
      R"({"topic":"a.profiles","partition":0,"offset":1,"tstype":"unknown","ts":0,"broker":1,)"
      R"("key":"u2","payload":null})"
      "\n");
  std::vector<std::string> topics;
  std::vector<SourceRecord> records;

  const auto read = read_topic_dump(path(), [&](const SourceRecord& record) -> Result<void> {
    topics.emplace_back(record.topic);
    records.push_back(record);
    return {};
  });

  ASSERT_TRUE(read) << read.error().message;
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(topics[0], "a.events");
  EXPECT_EQ(records[0].partition, 3);
  EXPECT_EQ(records[0].offset, 17);
  EXPECT_EQ(records[0].record_time, TimeMs{1'767'225'600'000});
  EXPECT_EQ(records[0].key, "u1");
  EXPECT_EQ(records[0].value, "{\"user\":\"u1\",\"x\":\"\xc3\xa9\"}");
  EXPECT_FALSE(records[1].value);
}

TEST_F(TopicDump, CoordinatesThatNoTopicHasAreRefused) {
  for (const std::string at : {R"("partition":4294967296,"offset":0)",
                               R"("partition":-1,"offset":0)", R"("partition":0,"offset":-5)"}) {
    write("{\"topic\":\"a\"," + at + "}\n");

    const auto read = read_topic_dump(path(), [](const SourceRecord&) { return Result<void>{}; });

    ASSERT_FALSE(read) << at;
    EXPECT_NE(read.error().message.find("no place in a topic"), std::string::npos);
  }
}

TEST_F(TopicDump, WhatIsNoDumpIsNamedWithItsLine) {
  write("{\"topic\":\"a\",\"partition\":0,\"offset\":1}\n{\"user\":\"u\"}\n");

  const auto read = read_topic_dump(path(), [](const SourceRecord&) -> Result<void> { return {}; });

  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("dump: line 2: topic, partition"), std::string::npos)
      << read.error().message;
}

TEST_F(TopicDump, TheVisitorsErrorEndsTheWalk) {
  write("{\"topic\":\"a\",\"partition\":0,\"offset\":1}\n");

  const auto read =
      read_topic_dump(path(), [](const SourceRecord&) -> Result<void> { return stop("enough"); });

  ASSERT_FALSE(read);
  EXPECT_NE(read.error().message.find("line 1: enough"), std::string::npos);
}

}  // namespace
}  // namespace fovea::ingest
