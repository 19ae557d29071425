// The demo in lines, short: it ends, it shows figures, and it explains somebody's slate.

#include <gtest/gtest.h>

#include "tests/topologies/small_topology.h"
#include "topologies/commands.h"
#include "topologies/demo_view.h"

namespace fovea::topologies {
namespace {

TEST(Demo, EndsAfterSoManyEventsAndExplainsASlate) {
  DemoOptions options;
  // A second of events, so that the model has learned by the last.
  options.events = 2'000;
  options.rate = 1'500;
  options.plain = true;

  testing::internal::CaptureStdout();
  const auto ended = demo(small_config("[metrics]\nlisten = \"off\"\n"), options);
  const std::string shown = testing::internal::GetCapturedStdout();

  ASSERT_TRUE(ended) << ended.error().message;
  EXPECT_NE(shown.find("2000 events"), std::string::npos) << shown;
  EXPECT_NE(shown.find("shown next, and why"), std::string::npos) << shown;
  EXPECT_NE(shown.find("█"), std::string::npos) << shown;
}

TEST(RollingShare, IsOverTheLatestAnswersOnly) {
  RollingShare share(4);
  for (const bool hit : {true, true, true, false, false, true}) share.add(hit);

  EXPECT_EQ(share.count(), 4U);
  EXPECT_DOUBLE_EQ(share.value(), 0.5);
}

}  // namespace
}  // namespace fovea::topologies
