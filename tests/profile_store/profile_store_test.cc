// Both stores against one another over random batches: whatever one answers, the other does.
// FOVEA_SEED=... plays a random case again.

#include "profile_store/profile_store.h"

#include <gtest/gtest.h>

#include <limits>
#include <memory>
#include <tuple>

#include "profile_store/memory_profile_store.h"
#include "profile_store/rocksdb_profile_store.h"
#include "tests/profile_store/random_profiles.h"
#include "tests/profile_store/temporary_directory.h"

namespace fovea::profile_store {
namespace {

using Walk = std::vector<std::tuple<Partition, UserId, Profile>>;

Walk walk(ProfileStore& store) {
  Walk entries;
  const Result<void> walked =
      store.for_each([&](Partition partition, const UserId& user, const Profile& profile) {
        entries.emplace_back(partition, user, profile);
        return Result<void>();
      });
  EXPECT_TRUE(walked) << walked.error().message;
  return entries;
}

class AnyProfileStore : public testing::TestWithParam<const char*> {
 protected:
  void SetUp() override { reopen(); }

  void reopen() {
    if (GetParam() == std::string("memory")) {
      if (!store_) store_ = make_memory_profile_store();
      return;
    }
    store_.reset();
    auto opened = open_rocksdb_profile_store(
        {directory_.path(), {"t", "g", "c"}, std::size_t{16} << 20U, false});
    ASSERT_TRUE(opened) << opened.error().message;
    store_ = *std::move(opened);
  }

  TemporaryDirectory directory_;
  std::unique_ptr<ProfileStore> store_;
};

TEST_P(AnyProfileStore, KnowsNothingAtFirst) {
  EXPECT_EQ(*store_->get(0, {{"a"}, {"b"}}), (std::vector<std::optional<Profile>>(2)));
  EXPECT_EQ(*store_->positions(0), std::nullopt);
  EXPECT_TRUE(walk(*store_).empty());
  EXPECT_TRUE(store_->get(0, {})->empty());
}

TEST_P(AnyProfileStore, AnswersInTheOrderAsked) {
  Profile a;
  a.behaviour.applied = 1;
  Profile b;
  b.behaviour.applied = 2;
  ASSERT_TRUE(store_->apply({{{0, {"a"}, a}, {0, {"b"}, b}}, {}}));

  const auto answers = *store_->get(0, {{"b"}, {"x"}, {"a"}, {"b"}});

  EXPECT_EQ(answers, (std::vector<std::optional<Profile>>{b, std::nullopt, a, b}));
}

TEST_P(AnyProfileStore, WhatIsClearedIsGoneAndNothingElse) {
  Profile profile;
  profile.behaviour.applied = 5;
  const PartitionPositions positions{6, 2, TimeMs{3}, TimeMs{4}};
  for (const Partition partition : {0, 1, 2, std::numeric_limits<Partition>::max()}) {
    ASSERT_TRUE(store_->apply({{{partition, {"a"}, profile}, {partition, {"\xFF\xFF"}, profile}},
                               {{partition, positions}}}));
  }

  ASSERT_TRUE(store_->apply({{{1, {"b"}, profile}}, {}, {1}}));
  reopen();

  EXPECT_EQ(*store_->positions(1), std::nullopt);
  EXPECT_EQ(*store_->get(1, {{"a"}, {"\xFF\xFF"}, {"b"}}),
            (std::vector<std::optional<Profile>>{std::nullopt, std::nullopt, profile}));
  EXPECT_EQ(walk(*store_).size(), 7U);
  ASSERT_TRUE(store_->apply({{}, {}, {std::numeric_limits<Partition>::max()}}));
  EXPECT_EQ(walk(*store_).size(), 5U);
  EXPECT_EQ(*store_->positions(2), positions);
}

TEST_P(AnyProfileStore, KeepsPartitionsApart) {
  Profile profile;
  profile.behaviour.applied = 5;
  ASSERT_TRUE(store_->apply({{{1, {"a"}, profile}}, {{1, {6, 2, TimeMs{3}, TimeMs{4}}}}}));

  EXPECT_EQ(store_->get(0, {{"a"}})->front(), std::nullopt);
  EXPECT_EQ(store_->get(1, {{"a"}})->front(), profile);
  EXPECT_EQ(*store_->positions(0), std::nullopt);
  EXPECT_EQ(**store_->positions(1), (PartitionPositions{6, 2, TimeMs{3}, TimeMs{4}}));
}

TEST_P(AnyProfileStore, AnAbsentProfileDeletes) {
  ASSERT_TRUE(store_->apply({{{0, {"a"}, Profile{}}, {0, {"b"}, Profile{}}}, {}}));
  ASSERT_TRUE(store_->apply({{{0, {"a"}, std::nullopt}, {0, {"never"}, std::nullopt}}, {}}));

  EXPECT_EQ(store_->get(0, {{"a"}})->front(), std::nullopt);
  EXPECT_EQ(walk(*store_), (Walk{{0, {"b"}, {}}}));
}

TEST_P(AnyProfileStore, TheLastWriteOfABatchWins) {
  Profile profile;
  profile.behaviour.applied = 5;
  ASSERT_TRUE(store_->apply({{{0, {"a"}, Profile{}}, {0, {"a"}, profile}}, {}}));

  EXPECT_EQ(store_->get(0, {{"a"}})->front(), profile);
}

TEST_P(AnyProfileStore, WhatCameEncodedIsStoredAndDeletedAsTheRest) {
  Profile profile;
  profile.behaviour.applied = 5;
  ASSERT_TRUE(store_->apply({{{0, {"a"}, Profile{}}, {0, {"b"}, Profile{}}}, {}}));
  StoreBatch batch;
  batch.encoded = {{0, {"a"}, encode_profile(profile)}, {0, {"b"}, std::nullopt}};
  batch.positions = {{0, {6, 1, TimeMs{2}, TimeMs{3}}}};
  ASSERT_TRUE(store_->apply(batch));

  EXPECT_EQ(walk(*store_), (Walk{{0, {"a"}, profile}}));
  EXPECT_TRUE(*store_->positions(0));
}

TEST_P(AnyProfileStore, WhatIsLoadedReplacesWhatWasThereAndIsReplacedByWhatComesLater) {
  const auto profile = [](Offset applied) {
    Profile made;
    made.behaviour.applied = applied;
    return made;
  };
  const auto load = [&](std::vector<std::pair<std::string, Offset>> users) {
    StoreBatch batch;
    for (const auto& [user, applied] : users) {
      batch.encoded.push_back({3, {user}, std::nullopt});
      if (applied >= 0) batch.encoded.back().bytes = encode_profile(profile(applied));
    }
    return store_->load(batch);
  };
  ASSERT_TRUE(store_->apply({{{3, {"before"}, profile(1)}, {4, {"other"}, profile(1)}}, {}, {}}));
  ASSERT_TRUE(store_->apply({{}, {}, {3}}));
  ASSERT_TRUE(load({{"a", 1}, {"b", 1}, {"c", 1}}));
  ASSERT_TRUE(load({{"b", 2}, {"c", -1}}));
  ASSERT_TRUE(load({}));
  reopen();
  ASSERT_TRUE(store_->apply({{{3, {"a"}, profile(3)}}, {}}));
  ASSERT_TRUE(load({{"d", 4}}));

  EXPECT_EQ(walk(*store_), (Walk{{3, {"a"}, profile(3)},
                                 {3, {"b"}, profile(2)},
                                 {3, {"d"}, profile(4)},
                                 {4, {"other"}, profile(1)}}));
  EXPECT_EQ(*store_->partitions(), (std::vector<Partition>{3, 4}));
}

TEST_P(AnyProfileStore, WalksByPartitionAndUserWhateverBytesAUserHas) {
  const Walk expected = {{0, {std::string("\0", 1)}, {}},
                         {0, {"o"}, {}},
                         {0, {"\xFF"}, {}},
                         {256, {"a"}, {}},
                         {65'536, {"a"}, {}}};
  StoreBatch batch;
  for (const auto& [partition, user, profile] : expected) {
    batch.profiles.insert(batch.profiles.begin(), {partition, user, profile});
    batch.positions.push_back({partition, {}});
  }
  ASSERT_TRUE(store_->apply(batch));

  EXPECT_EQ(walk(*store_), expected);
}

TEST_P(AnyProfileStore, ListsThePartitionsThatHoldAnything) {
  EXPECT_TRUE(store_->partitions()->empty());
  StoreBatch batch;
  batch.profiles.push_back({7, {"a"}, Profile()});
  batch.profiles.push_back({7, {"b"}, Profile()});
  batch.profiles.push_back({300, {"a"}, Profile()});
  batch.positions.emplace_back(2, PartitionPositions());
  batch.positions.emplace_back(7, PartitionPositions());
  ASSERT_TRUE(store_->apply(batch));

  EXPECT_EQ(*store_->partitions(), (std::vector<Partition>{2, 7, 300}));
}

TEST_P(AnyProfileStore, TheVisitorsErrorEndsTheWalk) {
  ASSERT_TRUE(store_->apply({{{0, {"a"}, Profile{}}, {0, {"b"}, Profile{}}}, {}}));
  int visits = 0;

  const Result<void> walked = store_->for_each([&](Partition, const UserId&, const Profile&) {
    ++visits;
    return Result<void>(stop("enough"));
  });

  EXPECT_EQ(walked.error().message, "enough");
  EXPECT_EQ(visits, 1);
}

TEST_P(AnyProfileStore, AgreesWithAMapOverRandomBatches) {
  Generator generate(test_seed());
  const std::unique_ptr<ProfileStore> oracle = make_memory_profile_store();
  for (int round = 0; round < 200; ++round) {
    StoreBatch batch;
    for (std::uint64_t i = generate.below(20); i > 0; --i) {
      ProfileWrite write{static_cast<Partition>(generate.below(3)),
                         {"user " + std::to_string(generate.below(40))},
                         std::nullopt};
      if (generate.below(5) != 0) write.profile = generate.profile(small_settings(), 30, 4);
      batch.profiles.push_back(std::move(write));
    }
    if (generate.below(2) == 0) {
      batch.positions.push_back(
          {static_cast<Partition>(generate.below(3)),
           {round, round / 2, TimeMs{static_cast<std::int64_t>(generate.below(1000))},
            TimeMs{-1}}});
    }
    ASSERT_TRUE(store_->apply(batch));
    ASSERT_TRUE(oracle->apply(batch));
    if (generate.below(40) == 0) reopen();

    const auto partition = static_cast<Partition>(generate.below(3));
    std::vector<UserId> users;
    for (int i = 0; i < 10; ++i) users.push_back({"user " + std::to_string(generate.below(45))});
    ASSERT_EQ(*store_->get(partition, users), *oracle->get(partition, users));
    ASSERT_EQ(*store_->positions(partition), *oracle->positions(partition));
  }
  EXPECT_EQ(walk(*store_), walk(*oracle));
}

INSTANTIATE_TEST_SUITE_P(, AnyProfileStore, testing::Values("memory", "rocksdb"),
                         [](const auto& store) { return std::string(store.param); });

}  // namespace
}  // namespace fovea::profile_store
