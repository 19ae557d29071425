// Replay, file to file: the same input gives the same bytes, on every kernel level.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "ingest/recommendation_codec.h"
#include "scorer/kernels.h"
#include "scorer/learner.h"
#include "scorer/learning_record_codec.h"
#include "tests/topologies/small_topology.h"
#include "topologies/commands.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

class Replay : public testing::Test {
 protected:
  Replay() {
    std::string pattern = (fs::temp_directory_path() / "fovea-replay-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    GenerateOptions log;
    log.users = 60;
    log.items = 80;
    log.events = 2'000;
    log.out = path("events");
    log.items_out = path("items");
    FOVEA_ASSERT(generate(log).has_value());
  }
  ~Replay() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }
  [[nodiscard]] std::string text(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  void run(const std::string& out, scorer::KernelLevel kernels) {
    ReplayOptions options;
    options.events = path("events");
    options.items = path("items");
    options.out = path(out);
    options.profiles_out = path(out + ".profiles");
    options.learning_log = path(out + ".learning");
    options.dead_letter_out = path(out + ".dead");
    options.kernels = kernels;
    const auto replayed = replay(config_, options);
    ASSERT_TRUE(replayed) << replayed.error().message;
  }

  Config config_ = small_config("[slate]\nseen = \"exclude\"\n");

 private:
  fs::path folder_;
};

TEST_F(Replay, TheSameInputGivesTheSameBytes) {
  run("first", scorer::KernelLevel::kPortable);
  run("second", scorer::KernelLevel::kPortable);

  for (const char* part : {"", ".profiles", ".learning"}) {
    EXPECT_FALSE(text(std::string("first") + part).empty()) << part;
    EXPECT_EQ(text(std::string("first") + part), text(std::string("second") + part)) << part;
  }
}

TEST_F(Replay, TheFastestKernelsGiveTheSameBytesAsThePortableOnes) {
  run("portable", scorer::KernelLevel::kPortable);
  run("fastest", scorer::fastest_kernel_level());

  EXPECT_EQ(text("portable"), text("fastest"));
  EXPECT_EQ(text("portable.profiles"), text("fastest.profiles"));
}

TEST_F(Replay, CoversAddUpToTheScorableEvents) {
  run("out", scorer::fastest_kernel_level());

  std::ifstream lines(path("out"));
  std::uint64_t covered = 0;
  for (std::string line; std::getline(lines, line);) {
    const auto slate = ingest::decode_recommendation(line);
    ASSERT_TRUE(slate) << slate.error().message;
    EXPECT_EQ(slate->emitted_at, slate->event_time);
    covered += slate->covers;
  }
  // Small worlds hold nothing but views, plays and likes; two of the three are scorable here.
  std::ifstream events(path("events"));
  std::uint64_t scorable = 0;
  for (std::string line; std::getline(events, line);) {
    scorable += line.find("\"type\":\"view\"") != std::string::npos ||
                line.find("\"type\":\"like\"") != std::string::npos;
  }
  EXPECT_EQ(covered, scorable);
}

TEST_F(Replay, ThePoisonGoesToTheDeadLettersAndNothingElseChanges) {
  run("clean", scorer::fastest_kernel_level());
  std::ofstream(path("events"), std::ios::app) << "{\"type\":\"view\"}\n";
  run("poisoned", scorer::fastest_kernel_level());

  EXPECT_NE(text("poisoned.dead").find("missing_user"), std::string::npos);
  EXPECT_NE(text("poisoned.dead").find(R"({\"type\":\"view\"})"), std::string::npos);
  EXPECT_EQ(text("poisoned"), text("clean"));
}

TEST_F(Replay, TheKeptLearningLogIsTheModel) {
  run("out", scorer::fastest_kernel_level());
  const std::string log = text("out.learning");

  auto learner = scorer::Learner::create(config_.model);
  ASSERT_TRUE(learner);
  Offset position = 0;
  for (std::size_t at = 0; at < log.size();) {
    std::uint32_t size = 0;
    for (unsigned i = 0; i < 4; ++i) {
      size |= static_cast<std::uint32_t>(static_cast<unsigned char>(log[at + i])) << (8 * i);
    }
    const auto record = scorer::decode_learning_record(std::string_view(log).substr(at + 4, size));
    ASSERT_TRUE(record) << record.error().message;
    ASSERT_TRUE((*learner)->fold(*record, position++));
    at += 4 + size;
  }
  const auto stats = (*learner)->stats();
  EXPECT_EQ(stats.examples + stats.catalogue_changes, static_cast<std::uint64_t>(position));
  EXPECT_GT(stats.examples, 500U);
}

TEST_F(Replay, AFileThatIsNotThereIsNamed) {
  ReplayOptions options;
  options.events = path("nowhere");
  options.out = path("out");

  const auto replayed = replay(config_, options);

  ASSERT_FALSE(replayed);
  EXPECT_NE(replayed.error().message.find("nowhere"), std::string::npos);
}

}  // namespace
}  // namespace fovea::topologies
