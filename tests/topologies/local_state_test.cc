// Finding a user in a store without knowing the partition.

#include "topologies/local_state.h"

#include <gtest/gtest.h>

#include "profile_store/memory_profile_store.h"

namespace fovea::topologies {
namespace {

TEST(LocalState, FindsAUserInWhicheverPartitionItIs) {
  const auto store = profile_store::make_memory_profile_store();
  Profile profile;
  profile.behaviour.event_count = 3;
  profile_store::StoreBatch batch;
  batch.profiles.push_back({2, {"other"}, Profile()});
  batch.profiles.push_back({11, {"u1"}, profile});
  ASSERT_TRUE(store->apply(batch));

  const auto found = find_profile(*store, {"u1"});

  ASSERT_TRUE(found);
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->partition, 11);
  EXPECT_EQ((*found)->profile.behaviour.event_count, 3U);
}

TEST(LocalState, AnswersNothingForAUserNeverSeen) {
  const auto store = profile_store::make_memory_profile_store();

  const auto found = find_profile(*store, {"u1"});

  ASSERT_TRUE(found);
  EXPECT_FALSE(*found);
}

}  // namespace
}  // namespace fovea::topologies
