// A shipped mapping, included by a topology, reads the records of its sample file as the events
// that the file beside it says: configuration and codec agree on what a mapping is.

#include <gtest/gtest.h>

#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "ingest/event_codec.h"
#include "tests/ingest/records.h"
#include "topologies/config.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

const fs::path kMappings = FOVEA_SOURCE_DIR "/topologies/mappings";
const fs::path kSamples = FOVEA_SOURCE_DIR "/tests/ingest/mappings";

std::set<std::string> shipped() {
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(kMappings)) {
    if (entry.path().extension() == ".toml") names.insert(entry.path().stem().string());
  }
  return names;
}

// Events in our own contract, and how many were ignored.
struct Read {
  std::vector<std::string> events;
  std::uint32_t ignored_count = 0;
};

Read read(ingest::EventCodec& codec, const fs::path& path) {
  Read all;
  for (const std::string& line : ingest::lines_of(path.string())) {
    const auto decoded = codec.decode(ingest::record_of(line));
    EXPECT_TRUE(decoded) << path << ": " << decoded.error().message << "\n" << line;
    if (!decoded) continue;
    for (const Event& event : decoded->events) all.events.push_back(ingest::encode_event(event));
    all.ignored_count += decoded->ignored_count;
  }
  return all;
}

Read expected(const fs::path& path) {
  ingest::EventCodec plain = ingest::codec_of();
  const std::string ignored = "{\"ignored\":";
  Read all;
  for (const std::string& line : ingest::lines_of(path.string())) {
    if (line.compare(0, ignored.size(), ignored) == 0) {
      all.ignored_count += static_cast<std::uint32_t>(std::stoul(line.substr(ignored.size())));
      continue;
    }
    const auto decoded = plain.decode(ingest::record_of(line));
    EXPECT_TRUE(decoded) << path << ": " << line;
    if (decoded) all.events.push_back(ingest::encode_event(decoded->events.front()));
  }
  return all;
}

class ShippedMapping : public testing::TestWithParam<std::string> {};

TEST_P(ShippedMapping, ReadsItsSampleWithinATopology) {
  const auto config =
      load_config_text("name = \"t\"\ninclude = \"mappings/" + GetParam() + ".toml\"\n",
                       kMappings.parent_path().string());
  ASSERT_TRUE(config) << config.error().message;
  auto codec = ingest::EventCodec::create(config->mapping);
  ASSERT_TRUE(codec) << codec.error().message;

  const Read found = read(*codec, kSamples / (GetParam() + ".ndjson"));
  const Read wanted = expected(kSamples / (GetParam() + ".expected.ndjson"));

  EXPECT_FALSE(found.events.empty());
  EXPECT_EQ(found.events, wanted.events);
  EXPECT_EQ(found.ignored_count, wanted.ignored_count);
}

INSTANTIATE_TEST_SUITE_P(Config, ShippedMapping, testing::ValuesIn(shipped()),
                         [](const auto& param) { return param.param; });

}  // namespace
}  // namespace fovea::topologies
