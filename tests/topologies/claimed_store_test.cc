// The store behind a worker's claims: a worker that lost a partition without knowing it.

#include "topologies/claimed_store.h"

#include <gtest/gtest.h>

#include "profile_store/memory_profile_store.h"
#include "profile_store/profile_codec.h"

namespace fovea::topologies {
namespace {

profile_store::StoreBatch batch(Partition partition, Offset applied) {
  Profile profile;
  profile.behaviour.applied = applied;
  return {{{partition, {"u"}, profile}}, {{partition, {applied + 1, 0, TimeMs{0}, TimeMs{0}}}}};
}

class ClaimedStoreTest : public testing::Test {
 protected:
  Offset applied(Partition partition) {
    return (*store_->get(partition, {{"u"}})).front()->behaviour.applied;
  }

  std::unique_ptr<profile_store::ProfileStore> store_ = profile_store::make_memory_profile_store();
  PartitionClaims claims_;
  ClaimedStore first_{*store_, claims_, &first_};
  ClaimedStore second_{*store_, claims_, &second_};
};

TEST_F(ClaimedStoreTest, AWriteOfTheOwnerBeforeIsLeftOut) {
  claims_.claim(0, &first_);
  claims_.claim(1, &first_);
  ASSERT_TRUE(first_.apply(batch(0, 5)));
  claims_.claim(0, &second_);
  ASSERT_TRUE(second_.apply(batch(0, 9)));

  profile_store::StoreBatch late = batch(0, 7);
  const auto own = batch(1, 3);
  late.profiles.push_back(own.profiles.front());
  late.positions.push_back(own.positions.front());
  ASSERT_TRUE(first_.apply(late));

  EXPECT_EQ(applied(0), 9);
  EXPECT_EQ((*store_->positions(0))->input_next, 10);
  EXPECT_EQ(applied(1), 3);
  EXPECT_EQ((*store_->positions(1))->input_next, 4);
}

TEST_F(ClaimedStoreTest, WhatTheOwnerBeforeLoadsOrAppliesEncodedIsLeftOut) {
  const auto encoded = [](Partition partition) {
    profile_store::StoreBatch made;
    made.encoded = {{partition, {"u"}, profile_store::encode_profile({})}};
    return made;
  };
  claims_.claim(0, &second_);
  claims_.claim(1, &first_);

  ASSERT_TRUE(first_.load(encoded(0)));
  ASSERT_TRUE(first_.apply(encoded(0)));
  EXPECT_FALSE((*store_->get(0, {{"u"}})).front());

  ASSERT_TRUE(first_.load(encoded(1)));
  EXPECT_TRUE((*store_->get(1, {{"u"}})).front());
}

TEST_F(ClaimedStoreTest, AClaimThatComesBackWritesAgain) {
  claims_.claim(0, &first_);
  claims_.claim(0, &second_);
  claims_.claim(0, &first_);

  ASSERT_TRUE(first_.apply(batch(0, 5)));
  ASSERT_TRUE(second_.apply(batch(0, 9)));

  EXPECT_EQ(applied(0), 5);
}

TEST_F(ClaimedStoreTest, WhatIsNobodysMayBeClaimedByWhoTakesWhatIsLeft) {
  EXPECT_TRUE(claims_.claim_free(0, &second_)) << "nobody has claimed it yet";
  claims_.claim(0, &first_);
  EXPECT_FALSE(claims_.claim_free(0, &second_));
  claims_.release(0, &second_);
  EXPECT_FALSE(claims_.claim_free(0, &second_)) << "it was another's";
  claims_.release(0, &first_);

  ASSERT_TRUE(first_.apply(batch(0, 5)));
  EXPECT_FALSE((*store_->get(0, {{"u"}})).front()) << "nobody's write";

  EXPECT_TRUE(claims_.claim_free(0, &second_));
  EXPECT_TRUE(claims_.claim_free(0, &second_)) << "it is the owner's already";
  ASSERT_TRUE(second_.apply(batch(0, 9)));
  EXPECT_EQ(applied(0), 9);
}

TEST_F(ClaimedStoreTest, NobodyClearsWhatIsAnothers) {
  claims_.claim(0, &first_);
  claims_.claim(1, &second_);
  ASSERT_TRUE(first_.apply(batch(0, 5)));
  ASSERT_TRUE(second_.apply(batch(1, 6)));

  ASSERT_TRUE(first_.apply({{}, {}, {0, 1}}));

  EXPECT_FALSE((*store_->get(0, {{"u"}})).front());
  EXPECT_EQ(applied(1), 6);
}

}  // namespace
}  // namespace fovea::topologies
