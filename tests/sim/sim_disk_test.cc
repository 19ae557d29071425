#include "tests/sim/sim_disk.h"

#include <gtest/gtest.h>

#include <set>

#include "profile_store/profile_codec.h"
#include "tests/sim/sim_fixture.h"

namespace fovea::sim {
namespace {

using profile_store::PartitionPositions;
using profile_store::ProfileStore;
using profile_store::StoreBatch;

class SimDiskTest : public testing::Test {
 protected:
  std::unique_ptr<ProfileStore> open(CrashHook points = {}) {
    auto store = disk.open(std::move(points));
    return *std::move(store);
  }
  static StoreBatch batch(Offset next, const std::string& user = "u") {
    Profile profile;
    profile.behaviour.applied = next - 1;
    return {{{0, UserId{user}, profile}}, {{0, {next, next, TimeMs{1}, TimeMs{2}}}}};
  }
  static Offset reached(ProfileStore& store) {
    const auto positions = store.positions(0);
    EXPECT_TRUE(positions);
    return *positions ? (*positions)->input_next : 0;
  }
  static Offset applied(ProfileStore& store) {
    const auto profiles = store.get(0, {UserId{"u"}});
    EXPECT_TRUE(profiles);
    return (*profiles)[0] ? (*profiles)[0]->behaviour.applied + 1 : 0;
  }

  SimClock clock;
  SimDisk disk{clock};
};

TEST_F(SimDiskTest, KeepsProfilesAndPositionsTogether) {
  const auto store = open();
  ASSERT_TRUE(store->apply(batch(3)));
  ASSERT_TRUE(store->apply({{{1, UserId{"a"}, Profile{}}, {1, UserId{"b"}, Profile{}}}, {}}));
  ASSERT_TRUE(store->apply({{{1, UserId{"b"}, {}}}, {}}));
  EXPECT_EQ(reached(*store), 3);
  const auto profiles = store->get(1, {UserId{"b"}, UserId{"a"}});
  ASSERT_TRUE(profiles);
  EXPECT_FALSE((*profiles)[0]);
  EXPECT_TRUE((*profiles)[1]);
  EXPECT_EQ(*store->partitions(), (std::vector<Partition>{0, 1}));
  std::vector<std::string> seen;
  ASSERT_TRUE(store->for_each([&](Partition, const UserId& user, const Profile&) -> Result<void> {
    seen.push_back(user.value);
    return {};
  }));
  EXPECT_EQ(seen, (std::vector<std::string>{"u", "a"}));
}

TEST_F(SimDiskTest, AProcessThatDiesLosesNothing) {
  const auto before = open();
  for (Offset next = 1; next <= 10; ++next) ASSERT_TRUE(before->apply(batch(next)));
  const auto digest = disk.digest();
  disk.process_crash();
  EXPECT_EQ(disk.digest(), digest);
  EXPECT_THROW((void)before->apply(batch(11)), Crash);
  EXPECT_THROW((void)before->positions(0), Crash);
  const auto after = open();
  EXPECT_EQ(reached(*after), 10);
  EXPECT_EQ(applied(*after), 10);
}

TEST_F(SimDiskTest, WhatIsLoadedOutlivesTheMachineAndWhatItReplacedDoesNot) {
  scorer::Random random(3, 0);
  for (int round = 0; round < 20; ++round) {
    SimDisk fresh(clock);
    auto store = fresh.open();
    ASSERT_TRUE((*store)->apply(batch(3)));
    ASSERT_TRUE((*store)->apply({{}, {}, {0}}));
    StoreBatch loaded;
    loaded.encoded = {{0, UserId{"loaded"}, profile_store::encode_profile({})}};
    ASSERT_TRUE((*store)->load(loaded));
    fresh.machine_crash(random);
    auto after = fresh.open();
    EXPECT_EQ(reached(**after), 0);
    EXPECT_EQ(applied(**after), 0);
    EXPECT_TRUE((*(*after)->get(0, {UserId{"loaded"}}))[0]);
  }
}

TEST_F(SimDiskTest, AMachineThatDiesLosesTheNewestWritesWhole) {
  scorer::Random random(3, 0);
  std::set<Offset> found;
  for (int round = 0; round < 60; ++round) {
    SimDisk fresh(clock);
    auto store = fresh.open();
    ASSERT_TRUE(store);
    for (Offset next = 1; next <= 10; ++next) ASSERT_TRUE((*store)->apply(batch(next)));
    fresh.machine_crash(random);
    auto after = fresh.open();
    ASSERT_TRUE(after);
    EXPECT_EQ(reached(**after), applied(**after));
    found.insert(reached(**after));
  }
  EXPECT_EQ(*found.begin(), 0);
  EXPECT_EQ(*found.rbegin(), 10);
  EXPECT_GT(found.size(), 6U);
}

TEST_F(SimDiskTest, OpeningMakesDurableWhatWasThere) {
  scorer::Random random(3, 0);
  {
    const auto store = open();
    for (Offset next = 1; next <= 10; ++next) ASSERT_TRUE(store->apply(batch(next)));
    EXPECT_EQ(disk.unsynced_batches(), 10U);
  }
  auto store = open();
  EXPECT_EQ(disk.unsynced_batches(), 0U);
  for (int round = 0; round < 20; ++round) {
    disk.machine_crash(random);
    store = open();
    EXPECT_EQ(reached(*store), 10);
  }
}

TEST_F(SimDiskTest, AFullDiskTakesNothing) {
  const auto store = open();
  ASSERT_TRUE(store->apply(batch(1)));
  const auto digest = disk.digest();
  disk.fail_next();
  const auto applied = store->apply(batch(2));
  ASSERT_FALSE(applied);
  EXPECT_EQ(applied.error().disposition, Disposition::kStop);
  EXPECT_EQ(disk.digest(), digest);
  EXPECT_TRUE(store->apply(batch(2)));
  EXPECT_NE(disk.digest(), digest);
}

TEST_F(SimDiskTest, ASlowDiskTakesItsTime) {
  const auto store = open();
  disk.set_slow(3s);
  const Time before = clock.monotonic();
  ASSERT_TRUE(store->apply(batch(1)));
  EXPECT_EQ(clock.monotonic() - before, 3s);
}

TEST_F(SimDiskTest, OneHolderAtATime) {
  auto first = open();
  const auto second = disk.open();
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().disposition, Disposition::kStop);
  first.reset();
  EXPECT_TRUE(disk.open());
  // A holder that crashed does not unlock its successor's when it is destroyed.
  first = open();
  disk.process_crash();
  const auto heir = open();
  first.reset();
  EXPECT_FALSE(disk.open());
}

TEST_F(SimDiskTest, AProcessThatDiesAtAWriteLeavesItThereOrNot) {
  FaultPlan plan;
  SimCluster cluster(clock, plan, 1);
  for (const std::string point : {"store:before", "store:after"}) {
    const ProcessId process = cluster.start_process();
    const auto store = open(cluster.crash_points(process));
    cluster.set_crash_hook([&](const char* where) {
      if (point == where) throw Crash{};
    });
    EXPECT_THROW((void)store->apply(batch(1)), Crash);
    EXPECT_FALSE(cluster.alive(process));
    disk.process_crash();
    cluster.set_crash_hook({});
    EXPECT_EQ(reached(*open()), point == "store:after" ? 1 : 0);
  }
}

}  // namespace
}  // namespace fovea::sim
