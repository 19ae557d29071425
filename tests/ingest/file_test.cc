// Files as source and sink, and dead letters on their way to either transport.

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "ingest/dead_letter.h"
#include "ingest/event_codec.h"
#include "ingest/file_sink.h"
#include "ingest/file_source.h"
#include "tests/ingest/records.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;

class Files : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = (std::filesystem::temp_directory_path() / "fovea_files_XXXXXX").string();
    folder_ = ::mkdtemp(pattern.data());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }

  std::string write(const std::string& bytes) const {
    std::ofstream(path("in.ndjson"), std::ios::binary) << bytes;
    return path("in.ndjson");
  }

  static std::vector<SourceRecord> read_all(Source& source, std::size_t records_max) {
    std::vector<SourceRecord> records;
    while (!source.finished()) {
      const std::size_t before = records.size();
      EXPECT_TRUE(source.poll(records, records_max, milliseconds{1000}));
      EXPECT_LE(records.size() - before, records_max);
    }
    return records;
  }

  std::string folder_;
};

TEST_F(Files, EveryLineIsARecordWithItsNumberAsOffset) {
  const std::string in = write("a\n\nbb\r\n\r\nccc");
  for (const std::size_t records_max : {std::size_t{1}, std::size_t{2}, std::size_t{100}}) {
    auto source = open_file_source(in, "events");
    ASSERT_TRUE(source.has_value());

    const auto records = read_all(**source, records_max);

    ASSERT_EQ(records.size(), 3U);
    EXPECT_EQ(records[0].value, "a");
    EXPECT_EQ(records[0].offset, 0);
    EXPECT_EQ(records[1].value, "bb");
    EXPECT_EQ(records[1].offset, 2);
    EXPECT_EQ(records[2].value, "ccc");
    EXPECT_EQ(records[2].offset, 4);
    EXPECT_EQ(records[2].topic, "events");
    EXPECT_EQ(records[2].partition, 0);
    EXPECT_EQ(records[2].record_time, kNoRecordTime);
    EXPECT_FALSE(records[2].key.has_value());
  }
}

TEST_F(Files, LinesAcrossReadsComeWhole) {
  std::string bytes;
  std::vector<std::string> lines;
  for (std::size_t i = 0; i < 3000; ++i) {
    lines.push_back(std::string(i % 701, 'x') + std::to_string(i));
    bytes += lines.back() + "\n";
  }
  auto source = open_file_source(write(bytes), "events");

  const auto records = read_all(**source, 64);

  ASSERT_EQ(records.size(), lines.size());
  for (std::size_t i = 0; i < lines.size(); ++i) EXPECT_EQ(*records[i].value, lines[i]);
}

TEST_F(Files, AnEndlessLineIsCutAndTooLarge) {
  auto source = open_file_source(write(std::string(3'000'000, 'x') + "\nnext\n"), "events");

  const auto records = read_all(**source, 10);

  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[0].value->size(), 1024U * 1024U);
  EXPECT_EQ(records[1].value, "next");
  EventCodec codec = codec_of();
  EXPECT_EQ(codec.decode(records[0]).error().reason, "too_large");
}

TEST_F(Files, AnEmptyFileIsFinishedAfterOnePoll) {
  auto source = open_file_source(write(""), "events");
  std::vector<SourceRecord> records;
  ASSERT_TRUE((*source)->poll(records, 10, milliseconds{0}));
  EXPECT_TRUE(records.empty());
  EXPECT_TRUE((*source)->finished());
}

TEST_F(Files, APausedSourceDeliversNothingAndKeepsItsPlace) {
  auto source = open_file_source(write("a\nb\n"), "events");
  std::vector<SourceRecord> records;
  ASSERT_TRUE((*source)->poll(records, 1, milliseconds{0}));

  (*source)->pause({{"events", 0}});
  ASSERT_TRUE((*source)->poll(records, 10, milliseconds{0}));
  EXPECT_EQ(records.size(), 1U);
  EXPECT_FALSE((*source)->finished());

  (*source)->resume({{"events", 0}});
  ASSERT_TRUE((*source)->poll(records, 10, milliseconds{0}));
  ASSERT_EQ(records.size(), 2U);
  EXPECT_EQ(records[1].value, "b");
}

TEST_F(Files, APathThatCannotBeReadIsNamed) {
  const auto missing = open_file_source(path("none"), "events");
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().disposition, Disposition::kStop);
  EXPECT_EQ(missing.error().message, path("none") + ": No such file or directory");

  const auto folder = open_file_source(folder_, "events");
  ASSERT_FALSE(folder.has_value());
  EXPECT_EQ(folder.error().message, folder_ + ": is a directory");
}

TEST_F(Files, TheSinkWritesOneValueALine) {
  auto sink = open_file_sink({{"out", path("out.ndjson")}});
  ASSERT_TRUE(sink.has_value());
  const auto append = [&](const std::string& topic, std::optional<std::string> value) {
    OutputRecord record;
    record.topic = topic;
    record.value = std::move(value);
    EXPECT_TRUE((*sink)->append(record));
  };
  EXPECT_FALSE((*sink)->delivered_next({"out", 0}).has_value());
  append("out", "one");
  append("out", "t\nwo");
  append("out", std::nullopt);
  append("elsewhere", "dropped");
  EXPECT_FALSE((*sink)->delivered_next({"out", 0}).has_value());

  ASSERT_TRUE((*sink)->flush(milliseconds{0}));

  EXPECT_EQ(lines_of(path("out.ndjson")), (std::vector<std::string>{"one", "t wo"}));
  EXPECT_EQ((*sink)->delivered_next({"out", 0}), 3);
  EXPECT_EQ((*sink)->delivered_next({"elsewhere", 0}), 1);
}

TEST_F(Files, AFullDiskStopsAndNamesThePath) {
  auto sink = open_file_sink({{"out", "/dev/full"}});
  ASSERT_TRUE(sink.has_value());
  OutputRecord record;
  record.topic = "out";
  record.value = "one";
  ASSERT_TRUE((*sink)->append(record));

  const auto flushed = (*sink)->flush(milliseconds{0});

  ASSERT_FALSE(flushed.has_value());
  EXPECT_EQ(flushed.error().disposition, Disposition::kStop);
  EXPECT_EQ(flushed.error().message, "/dev/full: No space left on device");
  EXPECT_FALSE((*sink)->delivered_next({"out", 0}).has_value());
}

TEST_F(Files, ASinkThatCannotBeOpenedIsNamed) {
  const auto sink = open_file_sink({{"out", path("none/out.ndjson")}});
  ASSERT_FALSE(sink.has_value());
  EXPECT_EQ(sink.error().message, path("none/out.ndjson") + ": No such file or directory");
}

SourceRecord poison() {
  SourceRecord record = record_of("{\xFF\n", TimeMs{1700000000000});
  record.partition = 3;
  record.offset = 41;
  record.key = "u1";
  return record;
}

TEST(DeadLetter, KeepsTheBytesAndSaysWhyAndWhereFrom) {
  const SourceRecord record = poison();
  EventCodec codec = codec_of();

  const OutputRecord letter =
      dead_letter("video.dead-letter", record, codec.decode(record).error());

  EXPECT_EQ(letter.topic, "video.dead-letter");
  EXPECT_EQ(letter.key, record.key);
  EXPECT_EQ(letter.value, record.value);
  const std::vector<std::pair<std::string, std::string>> headers = {
      {"fovea.reason", "not_utf8"}, {"fovea.message", "record is not UTF-8"},
      {"fovea.topic", "events"},    {"fovea.partition", "3"},
      {"fovea.offset", "41"},       {"fovea.timestamp", "1700000000000"}};
  EXPECT_EQ(letter.headers, headers);
  EXPECT_TRUE(is_dead_letter(letter));
}

TEST(DeadLetter, CutsAValueThatABrokerWouldRefuse) {
  SourceRecord record;
  record.topic = "video.events";
  record.value = std::string(1'048'000, 'x');

  const OutputRecord letter =
      dead_letter("video.dead-letter", record, skip("too_large", "record of 1048000 bytes"));

  EXPECT_EQ(letter.value->size(), 900'000U);
  EXPECT_EQ(letter.headers.back(),
            std::make_pair(std::string("fovea.value_bytes"), std::string("1048000")));
}

TEST_F(Files, ADeadLetterKeepsItsReasonInAFile) {
  auto sink = open_file_sink({{"dead", path("dead.ndjson")}});
  ASSERT_TRUE(
      (*sink)->append(dead_letter("dead", poison(), skip("not_utf8", "record is not UTF-8"))));
  ASSERT_TRUE((*sink)->flush(milliseconds{0}));

  const auto lines = lines_of(path("dead.ndjson"));

  ASSERT_EQ(lines.size(), 1U);
  const auto line = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(line["headers"]["fovea.reason"], "not_utf8");
  EXPECT_EQ(line["headers"]["fovea.offset"], "41");
  EXPECT_EQ(line["key"], "u1");
  EXPECT_EQ(line["value"], "{\xEF\xBF\xBD\n");
}

}  // namespace
}  // namespace fovea::ingest
