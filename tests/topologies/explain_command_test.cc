// `fovea explain` on a state directory made by hand: that --json leaves nothing out.

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "ingest/keys.h"
#include "ingest/recommendation_codec.h"
#include "profile_store/rocksdb_profile_store.h"
#include "tests/topologies/small_topology.h"
#include "topologies/commands.h"
#include "topologies/event_step.h"
#include "topologies/local_state.h"
#include "topologies/snapshot_files.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

constexpr int kItems = 40;
constexpr std::size_t kHistory = 30;

// A directory of state that goes with the test.
class ExplainCommand : public testing::Test {
 protected:
  ExplainCommand() {
    std::string pattern = (fs::temp_directory_path() / "fovea-explain-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    config_ = small_config("[state]\ndirectory = \"" + root_.string() + "\"\n");
  }
  ~ExplainCommand() override { fs::remove_all(root_); }

  // One user, kHistory events, folded and learned as a running process would.
  void make_state() {
    auto learner = scorer::Learner::create(config_.model);
    ASSERT_TRUE(learner);
    Profile profile;
    TimeMs highest{};
    Offset next = 0;
    for (std::size_t i = 0; i < kHistory + 20; ++i) {
      Event event;
      event.user = {"u1"};
      event.type = EventType::kView;
      const std::string item = std::to_string(i * 7 % kItems);
      event.item = {ingest::item_key(item), item};
      event.event_time = event.record_time =
          TimeMs{1'700'000'000'000 + static_cast<int>(i) * 60'000};
      const UserKey key = ingest::user_key(config_.name, event.user.value);
      EventStep step = step_event(config_, event, key, highest, profile.behaviour);
      ASSERT_TRUE(step.example);
      const LearningRecord record{{config_.topics.input.front(), 0, next, 0},
                                  *std::move(step.example)};
      ASSERT_TRUE((*learner)->fold(record, next++));
    }
    ASSERT_TRUE(
        write_snapshot(model_directory(config_), (*learner)->stamp(), (*learner)->snapshot()));

    fs::create_directories(profiles_directory(config_));
    auto store = profile_store::open_rocksdb_profile_store(
        {profiles_directory(config_), {config_.name, config_.group_id, "cluster"}});
    ASSERT_TRUE(store) << store.error().message;
    profile_store::StoreBatch batch;
    batch.profiles.push_back({0, {"u1"}, profile});
    ASSERT_TRUE((*store)->apply(batch));
  }

  Config config_ = small_config();

 private:
  fs::path root_;
};

TEST_F(ExplainCommand, JsonListsEveryPart) {
  make_state();
  ExplainOptions options;
  options.user = "u1";
  options.json = true;
  options.size = 20;

  testing::internal::CaptureStdout();
  const auto explained = explain(config_, options);
  std::fflush(stdout);
  const std::string text = testing::internal::GetCapturedStdout();

  ASSERT_TRUE(explained) << explained.error().message;
  // Else the brief form could have held every part too.
  ASSERT_GT(text.size(), ingest::kBriefBytesMax);
  const auto slate = ingest::decode_recommendation(text);
  ASSERT_TRUE(slate) << slate.error().message;
  ASSERT_EQ(slate->items.size(), 20U);
  for (const RecommendedItem& item : slate->items) {
    ASSERT_TRUE(item.why);
    EXPECT_GE(item.why->history.size(), kHistory);
    EXPECT_EQ(item.why->other_history, 0.0);
    EXPECT_EQ(item.why->other_features, 0.0);
  }
}

}  // namespace
}  // namespace fovea::topologies
