// The shipped mappings, each with records in its shape and the events they stand for, written in
// our own contract. A line {"ignored":n} stands for n events of ignored types.

#include <gtest/gtest.h>

#include <toml++/toml.h>
#include <nlohmann/json.hpp>
#include <set>

#include "ingest/event_codec.h"
#include "tests/ingest/records.h"

namespace fovea::ingest {
namespace {

std::vector<std::string> pointers_of(const toml::node& node) {
  if (const auto* one = node.as_string()) return {one->get()};
  std::vector<std::string> pointers;
  for (const toml::node& entry : *node.as_array()) pointers.push_back(entry.as_string()->get());
  return pointers;
}

EventMapping mapping_of(const toml::table& file) {
  EventMapping mapping;
  mapping.each = file["input"]["each"].value_or(std::string());
  const auto unit = file["input"]["ts_unit"].value_or(std::string("ms"));
  if (unit == "s") mapping.ts_unit = TimeUnit::kSeconds;
  if (unit == "us") mapping.ts_unit = TimeUnit::kMicroseconds;
  for (const auto& [field, pointers] : *file["input"]["map"].as_table()) {
    mapping.fields[std::string(std::string_view(field))] = pointers_of(pointers);
  }
  for (const auto& [theirs, ours] : *file["events"]["types"].as_table()) {
    mapping.types[std::string(std::string_view(theirs))] = ours.as_string()->get();
  }
  return mapping;
}

class Mappings : public ::testing::TestWithParam<std::string> {
 protected:
  static std::string toml_path() {
    return FOVEA_SOURCE_DIR "/topologies/mappings/" + GetParam() + ".toml";
  }
  static std::string sample_path(const std::string& ending) {
    return FOVEA_SOURCE_DIR "/tests/ingest/mappings/" + GetParam() + ending;
  }
};

TEST_P(Mappings, ReadTheirSampleAsTheExpectedEvents) {
  EventCodec theirs = codec_of(mapping_of(toml::parse_file(toml_path())));
  EventCodec ours = codec_of();
  std::vector<std::string> decoded_lines;
  for (const std::string& line : lines_of(sample_path(".ndjson"))) {
    const auto decoded = theirs.decode(record_of(line));
    ASSERT_TRUE(decoded.has_value()) << decoded.error().message << "\n" << line;
    for (const Event& event : decoded->events) decoded_lines.push_back(encode_event(event));
    if (decoded->ignored_count > 0) {
      decoded_lines.push_back("{\"ignored\":" + std::to_string(decoded->ignored_count) + "}");
    }
  }

  std::vector<std::string> expected_lines;
  for (const std::string& line : lines_of(sample_path(".expected.ndjson"))) {
    const bool is_count = line.starts_with("{\"ignored\"");
    const auto decoded = ours.decode(record_of(line));
    ASSERT_TRUE(is_count || decoded.has_value()) << line;
    expected_lines.push_back(is_count ? line : encode_event(decoded->events.at(0)));
  }
  EXPECT_EQ(decoded_lines, expected_lines);
}

TEST_P(Mappings, HoldOnlyKeysThatAFragmentMayHave) {
  const toml::table file = toml::parse_file(toml_path());
  const std::set<std::string_view> known = {"input", "events"};
  for (const auto& [key, node] : file) EXPECT_TRUE(known.contains(std::string_view(key)));
  const std::set<std::string_view> known_input = {"each", "ts_unit", "map"};
  for (const auto& [key, node] : *file["input"].as_table()) {
    EXPECT_TRUE(known_input.contains(std::string_view(key)));
  }
}

// The fenced blocks of README.md's section on mapping, by order.
std::vector<std::string> blocks_of_the_readme() {
  std::vector<std::string> blocks;
  bool in_section = false;
  bool in_block = false;
  for (const std::string& line : lines_of(FOVEA_SOURCE_DIR "/ingest/README.md")) {
    if (line.starts_with("## ")) in_section = line == "## Mapping";
    if (!in_section) continue;
    if (line.starts_with("```")) {
      in_block = !in_block;
      if (in_block) blocks.emplace_back();
    } else if (in_block) {
      blocks.back() += line + "\n";
    }
  }
  return blocks;
}

TEST(Readme, ItsMappingReadsItsRecordAsItsEvents) {
  const std::vector<std::string> blocks = blocks_of_the_readme();
  ASSERT_EQ(blocks.size(), 3U);
  EventCodec codec = codec_of(mapping_of(toml::parse(blocks[0])));

  const auto decoded = codec.decode(record_of(blocks[1]));

  ASSERT_TRUE(decoded.has_value()) << decoded.error().message;
  std::string events;
  for (const Event& event : decoded->events) events += encode_event(event) + "\n";
  EXPECT_EQ(events, blocks[2]);
}

INSTANTIATE_TEST_SUITE_P(All, Mappings,
                         ::testing::Values("segment", "personalize", "ga4", "metarank", "posthog"),
                         [](const auto& instance) { return instance.param; });

}  // namespace
}  // namespace fovea::ingest
