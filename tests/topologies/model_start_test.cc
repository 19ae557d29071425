// Where a model begins that has no snapshot of its own: with its parent or with nothing, and in
// every process with the same.

#include "topologies/model_start.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <mutex>
#include <sstream>
#include <thread>

#include "scorer/model.h"
#include "scorer/model_info.h"
#include "tests/topologies/fake_model_topic.h"
#include "tests/topologies/small_topology.h"
#include "topologies/output_records.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

class ModelBeginning : public testing::Test {
 protected:
  ModelBeginning() {
    std::string pattern = (fs::temp_directory_path() / "fovea-start-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    // What the parents below are not.
    config_.model.half_life_s = 3'600;
  }
  ~ModelBeginning() override { fs::remove_all(root_); }

  [[nodiscard]] std::string directory(const std::string& process) const {
    return (root_ / process).string();
  }

  static std::unique_ptr<scorer::Learner> learner(const Config& config) {
    auto created = scorer::Learner::create(config.model);
    FOVEA_ASSERT(created.has_value());
    return *std::move(created);
  }

  // Of other settings, with as many items as its position says.
  std::unique_ptr<scorer::Learner> parent_at(Offset position, const std::string& more = "") {
    auto made = learner(small_config(more));
    for (Offset i = 0; i <= position; ++i) {
      LearningRecord record;
      record.source = {"t.items", 0, i, 0};
      ItemChange change;
      change.item.item = {ItemKey{static_cast<std::uint64_t>(i + 1)}, std::to_string(i)};
      record.body = change;
      FOVEA_ASSERT(made->fold(record, i).has_value());
    }
    return made;
  }

  void write_parent(const std::string& process, Offset position, const std::string& more = "") {
    const auto parent = parent_at(position, more);
    FOVEA_ASSERT(write_snapshot(directory(process), parent->stamp(), parent->snapshot()));
  }

  void publish(const scorer::Learner& model) {
    auto writer = *topic_.open_writer();
    FOVEA_ASSERT(writer->take_over({}));
    const std::string bytes = model.snapshot();
    std::istringstream in(bytes);
    FOVEA_ASSERT(write_model(model.stamp(), 0, in, bytes.size(),
                             [&](const ModelKey& key, std::string value) {
                               return writer->write({model_record(config_, key, value)}, {});
                             }));
  }

  // A process with a disk of its own begins.
  struct Begun {
    std::unique_ptr<scorer::Learner> learner;
    Result<std::optional<SnapshotFile>> outcome;
  };
  Begun begin(const std::string& process) {
    const auto transport = topic_.transport();
    std::atomic<bool> stopping{false};
    auto made = learner(config_);
    auto outcome = begin_model({config_, transport, directory(process), log_,
                                [this](const std::string& line) {
                                  const std::lock_guard lock(mutex_);
                                  said_ += line + "\n";
                                }},
                               *made, {stopping});
    return {std::move(made), std::move(outcome)};
  }

  Config config_ = small_config();
  ingest::PartitionReader::Ends log_{0, 100};
  fs::path root_;
  FakeModelTopic topic_;
  std::mutex mutex_;
  std::string said_;  // guarded by mutex_ while threads run
};

TEST_F(ModelBeginning, WithTheParentOnTheDiskWhichIsNamed) {
  write_parent("a", 7);

  const Begun a = begin("a");

  ASSERT_TRUE(a.outcome) << a.outcome.error().message;
  ASSERT_TRUE(*a.outcome);
  EXPECT_EQ(a.learner->stamp(), (ModelStamp{scorer::model_id(config_.model), scorer::kLineage, 7}));
  EXPECT_EQ(scorer::parent(a.learner->model()), parent_at(7)->stamp());
  EXPECT_EQ((*a.outcome)->stamp, a.learner->stamp()) << "it is on the disk for the next start";
  EXPECT_NE(said_.find("takes over all tables that fit of its parent"), std::string::npos) << said_;
}

TEST_F(ModelBeginning, WithTheParentThatWasPublishedWhereTheDiskHasNone) {
  publish(*parent_at(9));

  const Begun a = begin("a");

  ASSERT_TRUE(a.outcome) << a.outcome.error().message;
  EXPECT_EQ(a.learner->stamp().position, 9);
  EXPECT_EQ(scorer::parent(a.learner->model()), parent_at(9)->stamp());
}

TEST_F(ModelBeginning, TheSecondProcessBeginsWithTheFirstOnesWhateverItsDiskHolds) {
  write_parent("a", 7);
  write_parent("b", 12);

  const Begun a = begin("a");
  const Begun b = begin("b");

  ASSERT_TRUE(b.outcome) << b.outcome.error().message;
  EXPECT_EQ(b.learner->snapshot(), a.learner->snapshot());
}

TEST_F(ModelBeginning, WhoBeginAtOnceBeginWithTheSame) {
  const std::vector<std::string> names{"a", "b", "c", "d"};
  std::vector<std::optional<Begun>> begun(names.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < names.size(); ++i) write_parent(names[i], static_cast<Offset>(i));
  for (std::size_t i = 0; i < names.size(); ++i) {
    threads.emplace_back([&, i] { begun[i].emplace(begin(names[i])); });
  }
  for (std::thread& thread : threads) thread.join();

  for (const auto& one : begun) {
    ASSERT_TRUE(one->outcome) << one->outcome.error().message;
    EXPECT_EQ(one->learner->snapshot(), begun.front()->learner->snapshot());
  }
}

TEST_F(ModelBeginning, WhoIsFencedTakesWhatTheOtherOnePublishes) {
  write_parent("a", 7);
  write_parent("b", 12);
  std::optional<Begun> b;
  // Between a's fence and its first record.
  topic_.before_write([&] { b.emplace(begin("b")); });

  const Begun a = begin("a");

  ASSERT_TRUE(a.outcome) << a.outcome.error().message;
  EXPECT_EQ(b->learner->stamp().position, 12);
  EXPECT_EQ(a.learner->snapshot(), b->learner->snapshot());
  EXPECT_NE(said_.find("it is waited for"), std::string::npos) << said_;
}

TEST_F(ModelBeginning, WithoutAParentItBeginsWithNothingAndSoDoTheOthers) {
  const Begun a = begin("a");
  write_parent("b", 12);
  const Begun b = begin("b");

  ASSERT_TRUE(a.outcome) << a.outcome.error().message;
  EXPECT_FALSE(*a.outcome);
  ASSERT_TRUE(b.outcome) << b.outcome.error().message;
  EXPECT_EQ(b.learner->stamp().position, kNoOffset);
  EXPECT_EQ(b.learner->snapshot(), a.learner->snapshot());
}

TEST_F(ModelBeginning, AParentThatTheLogDoesNotGoOnFromIsNotTaken) {
  log_ = {10, 100};
  write_parent("a", 7);
  publish(*parent_at(9));
  EXPECT_EQ(begin("a").learner->stamp().position, 9) << "the log begins right behind it";

  log_ = {0, 7};
  write_parent("b", 7);
  config_.model.half_life_s = 1'800;
  EXPECT_FALSE(scorer::parent(begin("b").learner->model())) << "the log ends before it";
}

TEST_F(ModelBeginning, OfAnotherDimensionOnlyTheCatalogueComesAlong) {
  write_parent("a", 7);
  config_.model.dim = 16;
  const Begun whole = begin("a");
  ASSERT_TRUE(whole.outcome) << whole.outcome.error().message;
  EXPECT_EQ(whole.learner->stamp().position, kNoOffset) << "it learns the log from its start";
  EXPECT_EQ(whole.learner->stats().items, 8U);

  log_ = {5, 100};
  config_.model.dim = 24;
  const Begun trimmed = begin("a");
  ASSERT_TRUE(trimmed.outcome) << trimmed.outcome.error().message;
  EXPECT_EQ(trimmed.learner->stamp().position, 4) << "what is left of it";
  EXPECT_EQ(begin("b").learner->snapshot(), trimmed.learner->snapshot());
}

TEST_F(ModelBeginning, ADamagedParentIsNamedAndTheOneBeforeItTaken) {
  write_parent("a", 7);
  write_parent("a", 9);
  const std::string path = newest_snapshot(directory("a"))->path;
  fs::resize_file(path, fs::file_size(path) / 2);

  const Begun a = begin("a");

  ASSERT_TRUE(a.outcome) << a.outcome.error().message;
  EXPECT_EQ(a.learner->stamp().position, 7);
  EXPECT_NE(said_.find("at position 9 is no parent"), std::string::npos) << said_;
}

TEST_F(ModelBeginning, WhatCannotBePublishedIsNotBegunWith) {
  write_parent("a", 7);
  topic_.fail_writes({stop("no permission")});

  const Begun a = begin("a");

  ASSERT_FALSE(a.outcome);
  EXPECT_EQ(a.outcome.error().message, "no permission");
}

}  // namespace
}  // namespace fovea::topologies
