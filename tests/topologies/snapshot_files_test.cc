// Snapshots on disk: whole or not at all, the newest two, and what is refused by name.

#include "topologies/snapshot_files.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <tuple>

#include "tests/topologies/small_topology.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

class SnapshotFiles : public testing::Test {
 protected:
  SnapshotFiles() {
    std::string pattern = (fs::temp_directory_path() / "fovea-snapshots-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    directory_ = (root_ / "model").string();
  }
  ~SnapshotFiles() override { fs::remove_all(root_); }

  // What a snapshot of this configuration's model at `position` is called.
  [[nodiscard]] ModelStamp own(Offset position) const {
    return {scorer::model_id(config_.model), scorer::kLineage, position};
  }

  std::unique_ptr<scorer::Learner> learner() {
    auto created = scorer::Learner::create(config_.model);
    FOVEA_ASSERT(created.has_value());
    return *std::move(created);
  }

  // A learner that has folded `records` records.
  std::unique_ptr<scorer::Learner> learner_at(Offset records) {
    auto made = learner();
    for (Offset i = 0; i < records; ++i) {
      LearningRecord record;
      record.source = {"t.items", 0, i, 0};
      ItemChange change;
      change.item.item = {ItemKey{static_cast<std::uint64_t>(i + 1)}, std::to_string(i)};
      record.body = change;
      FOVEA_ASSERT(made->fold(record, i).has_value());
    }
    return made;
  }

  std::optional<SnapshotFile> restore(scorer::Learner& into) {
    return restore_newest(directory_, into, [this](const std::string& line) { said_ += line; });
  }

  Config config_ = small_config();
  fs::path root_;
  std::string directory_;
  std::string said_;
};

TEST_F(SnapshotFiles, TheNewestTwoAreKept) {
  for (const Offset position : {3, 12, 7, 100}) {
    ASSERT_TRUE(write_snapshot(directory_, own(position), "bytes"));
  }

  const auto files = list_snapshots(directory_);

  ASSERT_TRUE(files);
  ASSERT_EQ(files->size(), 2U);
  EXPECT_EQ((*files)[0].stamp, own(100));
  EXPECT_EQ((*files)[1].stamp, own(12));
  EXPECT_EQ(read_snapshot((*files)[0])->view(), "bytes");
}

TEST_F(SnapshotFiles, AnotherModelsHigherPositionsPushNothingOut) {
  const ModelStamp other{own(0).model_id + 1, own(0).lineage, 5'000};
  const ModelStamp older{own(0).model_id, own(0).lineage + 1, 4'000};
  ASSERT_TRUE(write_snapshot(directory_, other, "other"));
  ASSERT_TRUE(write_snapshot(directory_, older, "older"));

  for (const Offset position : {3, 12, 20}) {
    ASSERT_TRUE(write_snapshot(directory_, own(position), "bytes"));
  }

  std::vector<ModelStamp> left;
  const auto files = list_snapshots(directory_);
  for (const SnapshotFile& file : *files) left.push_back(file.stamp);
  EXPECT_EQ(left, (std::vector<ModelStamp>{older, own(20), own(12)}))
      << "two of its own, and of the others the one written last";
}

TEST_F(SnapshotFiles, AnotherModelsSnapshotGoesAfterAWeek) {
  const ModelStamp other{own(0).model_id + 1, own(0).lineage, 5'000};
  ASSERT_TRUE(write_snapshot(directory_, other, "other"));
  const std::string path = newest_snapshot(directory_)->path;
  fs::last_write_time(path, fs::last_write_time(path) - std::chrono::hours(8 * 24));

  ASSERT_TRUE(write_snapshot(directory_, own(3), "bytes"));

  EXPECT_FALSE(fs::exists(path));
  EXPECT_EQ(newest_snapshot(directory_)->stamp, own(3));
}

TEST_F(SnapshotFiles, WhatNobodyWroteIsLeftAlone) {
  fs::create_directories(directory_);
  for (const char* name : {"snapshot-7.fvm", "snapshot-00-1-7.fvm", "notes.txt",
                           "snapshot-000000000000000g-1-00000000000000000007.fvm"}) {
    std::ofstream(directory_ + "/" + name) << "theirs";
  }
  ASSERT_TRUE(write_snapshot(directory_, own(3), "bytes"));

  EXPECT_EQ(list_snapshots(directory_)->size(), 1U);
  EXPECT_EQ(std::distance(fs::directory_iterator(directory_), fs::directory_iterator()), 5);
}

TEST_F(SnapshotFiles, NothingThereIsNoError) {
  const auto files = list_snapshots(directory_);

  ASSERT_TRUE(files);
  EXPECT_TRUE(files->empty());
  EXPECT_FALSE(newest_snapshot(directory_));
}

TEST_F(SnapshotFiles, WhatACrashLeftHalfWrittenIsNotRead) {
  ASSERT_TRUE(write_snapshot(directory_, own(3), learner_at(4)->snapshot()));
  const std::string half = (*list_snapshots(directory_))[0].path + ".tmp";
  std::ofstream(half) << "half";

  const auto into = learner();
  const auto restored = restore(*into);

  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->stamp.position, 3);
  EXPECT_EQ(into->stamp().position, 3);
  ASSERT_TRUE(write_snapshot(directory_, own(4), learner_at(5)->snapshot()));
  EXPECT_FALSE(fs::exists(half));
}

TEST_F(SnapshotFiles, ADamagedSnapshotIsNamedAndTheOneBeforeIsUsed) {
  ASSERT_TRUE(write_snapshot(directory_, own(3), learner_at(4)->snapshot()));
  std::string damaged = learner_at(6)->snapshot();
  damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
  ASSERT_TRUE(write_snapshot(directory_, own(5), damaged));

  const auto into = learner();
  const auto restored = restore(*into);

  ASSERT_TRUE(restored);
  EXPECT_EQ(restored->stamp.position, 3);
  EXPECT_NE(said_.find("00000000000000000005.fvm is not used"), std::string::npos) << said_;
}

// Each beside the one before, which is whole: that one is used.
TEST_F(SnapshotFiles, WhatCannotBeReadOrHoldsNoModelIsNamedAndTheOneBeforeIsUsed) {
  const std::string newest = learner_at(6)->snapshot();
  const auto with = [](const std::string& bytes) {
    return [bytes](const std::string& path) { std::ofstream(path) << bytes; };
  };
  using Put = std::function<void(const std::string&)>;
  const std::vector<std::tuple<const char*, Put, const char*>> cases{
      {"empty", with(""), "not a model snapshot"},
      {"of another kind", with("notes"), "not a model snapshot"},
      {"cut in its header", with(newest.substr(0, 9)), "truncated"},
      {"cut in half", with(newest.substr(0, newest.size() / 2)), "truncated or corrupt"},
      {"cut at its end", with(newest.substr(0, newest.size() - 1)), "truncated or corrupt"},
      {"followed by more", with(newest + "more"), "truncated or corrupt"},
      {"a directory", [](const std::string& path) { fs::create_directory(path); }, "not a file"},
      {"not there", [](const std::string& path) { fs::create_symlink("nowhere", path); },
       "No such file"}};
  for (const auto& [what, put, why] : cases) {
    said_.clear();
    fs::remove_all(directory_);
    ASSERT_TRUE(write_snapshot(directory_, own(5), "bytes"));
    const std::string path = newest_snapshot(directory_)->path;
    fs::remove(path);
    ASSERT_TRUE(write_snapshot(directory_, own(3), learner_at(4)->snapshot()));
    put(path);

    const auto into = learner();
    const auto restored = restore(*into);

    ASSERT_TRUE(restored) << what;
    EXPECT_EQ(into->stamp().position, 3) << what;
    EXPECT_NE(said_.find(path + " is not used"), std::string::npos) << what << ": " << said_;
    EXPECT_NE(said_.find(why), std::string::npos) << what << ": " << said_;
  }
}

TEST_F(SnapshotFiles, WhatIsReadStaysWhenItsFileIsRemoved) {
  const std::string bytes = learner_at(4)->snapshot();
  const auto file = write_snapshot(directory_, own(3), bytes);
  ASSERT_TRUE(file);
  const auto read = read_snapshot(*file);
  ASSERT_TRUE(read);

  for (const Offset position : {4, 5, 6}) {
    ASSERT_TRUE(write_snapshot(directory_, own(position), "bytes"));
  }

  EXPECT_FALSE(fs::exists(file->path));
  EXPECT_EQ(read->view(), bytes);
}

TEST_F(SnapshotFiles, ASnapshotOfAnotherModelUnderOurNameIsRefusedAndNamed) {
  const std::string bytes = learner_at(4)->snapshot();
  config_.model.half_life_s *= 2;
  ASSERT_TRUE(write_snapshot(directory_, own(3), bytes));

  const auto into = learner();

  EXPECT_FALSE(restore(*into));
  EXPECT_EQ(into->stamp().position, kNoOffset);
  EXPECT_NE(said_.find("model"), std::string::npos) << said_;
}

TEST_F(SnapshotFiles, WhatWentOnAfterAGapIsRestoredUnderItsLineage) {
  const auto crossed = learner_at(4);
  crossed->skip_to(10);
  ASSERT_TRUE(write_snapshot(directory_, own(3), learner_at(4)->snapshot()));
  ASSERT_TRUE(write_snapshot(directory_, crossed->stamp(), crossed->snapshot()));

  const auto into = learner();
  const auto restored = restore(*into);

  ASSERT_TRUE(restored);
  EXPECT_EQ(into->stamp(), crossed->stamp());
  EXPECT_EQ(into->stamp().position, 9);
  EXPECT_NE(into->stamp().lineage, scorer::kLineage);
}

TEST_F(SnapshotFiles, ADirectoryThatCannotBeMadeIsNamed) {
  std::ofstream(directory_) << "a file";

  const auto written = write_snapshot(directory_, own(3), "bytes");

  ASSERT_FALSE(written);
  EXPECT_NE(written.error().message.find(directory_), std::string::npos);
}

}  // namespace
}  // namespace fovea::topologies
