// `generate` and `validate`, file to file: what the one writes the other accepts. `words` of a
// file.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "topologies/commands.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

class FileCommands : public testing::Test {
 protected:
  FileCommands() {
    std::string pattern = (fs::temp_directory_path() / "fovea-files-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    generate_.users = 50;
    generate_.events = 1'000;
    generate_.out = path("events.ndjson");
    generate_.items_out = path("items.ndjson");
  }
  ~FileCommands() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(path(name));
    return {std::istreambuf_iterator<char>(in), {}};
  }
  [[nodiscard]] static Config topology() { return *load_config_text("name = \"t\"\n", "."); }

  GenerateOptions generate_;

 private:
  fs::path folder_;
};

TEST_F(FileCommands, WhatIsGeneratedIsWhatTheContractSays) {
  ASSERT_TRUE(generate(generate_));

  const auto valid = validate(topology(), {path("events.ndjson"), path("items.ndjson")});

  EXPECT_TRUE(valid) << valid.error().message;
}

TEST_F(FileCommands, TheSameSeedGeneratesTheSameBytes) {
  ASSERT_TRUE(generate(generate_));
  const std::string events = text("events.ndjson");
  const std::string items = text("items.ndjson");
  ASSERT_TRUE(generate(generate_));

  EXPECT_FALSE(events.empty());
  EXPECT_EQ(text("events.ndjson"), events);
  EXPECT_EQ(text("items.ndjson"), items);
}

TEST_F(FileCommands, ValidateNamesTheFirstRecordAtFault) {
  ASSERT_TRUE(generate(generate_));
  std::ofstream(path("events.ndjson"), std::ios::app) << "junk\n";

  const auto valid = validate(topology(), {path("events.ndjson"), ""});

  ASSERT_FALSE(valid);
  EXPECT_NE(valid.error().message.find("events.ndjson line 1001: not_json"), std::string::npos)
      << valid.error().message;
}

TEST_F(FileCommands, WordsAreALineATextAlsoOfOneWithoutAny) {
  std::ofstream(path("texts"), std::ios::binary) << "Don't LOOK\n\n?\r\nStra\xC3\x9F"
                                                    "e";

  testing::internal::CaptureStdout();
  const auto done = words({path("texts")});
  const std::string out = testing::internal::GetCapturedStdout();

  EXPECT_TRUE(done);
  EXPECT_EQ(out, "don t look\n\n\nstrasse\n");
}

TEST_F(FileCommands, WordsOfNoFileAreAnError) {
  EXPECT_EQ(words({path("nothing")}).error().message, path("nothing") + ": cannot be read");
  EXPECT_EQ(words({path("")}).error().message, path("") + ": cannot be read to its end");
}

TEST_F(FileCommands, AFileThatIsNotThereIsNamed) {
  const auto valid = validate(topology(), {path("nothing.ndjson"), ""});

  ASSERT_FALSE(valid);
  EXPECT_NE(valid.error().message.find("nothing.ndjson"), std::string::npos);
}

}  // namespace
}  // namespace fovea::topologies
