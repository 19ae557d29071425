#include "scorer/changes.h"

#include <gtest/gtest.h>

namespace fovea::scorer {
namespace {

std::vector<Slot> drained(Changes& changes, std::size_t view) {
  std::vector<Slot> slots;
  changes.drain(view, [&](Slot slot) { slots.push_back(slot); });
  return slots;
}

TEST(Changes, ARowIsOwedToEachViewOnce) {
  Changes changes;
  changes.mark(3);
  changes.mark(1);
  changes.mark(3);
  EXPECT_EQ(drained(changes, 0), (std::vector<Slot>{3, 1}));
  EXPECT_TRUE(drained(changes, 0).empty());
  changes.mark(1);
  EXPECT_EQ(drained(changes, 0), (std::vector<Slot>{1}));
  EXPECT_EQ(drained(changes, 1), (std::vector<Slot>{3, 1}));
}

TEST(Changes, AllRowsAreOwedOnceWhateverWasMarkedBefore) {
  Changes changes;
  changes.mark(1);
  changes.mark_all(3);
  changes.mark(2);
  changes.mark(4);
  for (const std::size_t view : {0U, 1U}) {
    EXPECT_EQ(drained(changes, view), (std::vector<Slot>{0, 1, 2, 4}));
    EXPECT_TRUE(drained(changes, view).empty());
  }
  changes.mark(2);
  EXPECT_EQ(drained(changes, 0), (std::vector<Slot>{2}));
}

TEST(Changes, AViewIsCopiedWholeOnlyWhileItLacksEveryRow) {
  Changes changes;
  EXPECT_FALSE(changes.drain_whole(0)) << "nothing is marked";
  changes.mark_all(3);
  EXPECT_TRUE(changes.drain_whole(0));
  EXPECT_FALSE(changes.drain_whole(0));
  changes.mark(1);
  EXPECT_FALSE(changes.drain_whole(0));
  EXPECT_EQ(drained(changes, 0), (std::vector<Slot>{1}));
  EXPECT_TRUE(changes.drain_whole(1)) << "the other view has its own turn";

  changes.mark_all(2);
  changes.mark(2);
  EXPECT_FALSE(changes.drain_whole(1)) << "a row more than were marked together";
  EXPECT_EQ(drained(changes, 1), (std::vector<Slot>{0, 1, 2}));
}

}  // namespace
}  // namespace fovea::scorer
