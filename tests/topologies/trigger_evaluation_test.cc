// Served slates joined with what their users did next, on dumps written here as kcat would.

#include "topologies/trigger_evaluation.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "ingest/recommendation_codec.h"
#include "tests/topologies/small_topology.h"
#include "topologies/generated_log.h"
#include "topologies/json_text.h"
#include "topologies/local_topology.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;

void dump(std::ofstream& out, const std::string& topic, Offset offset, TimeMs time,
          const std::string& value) {
  out << R"({"topic":")" << topic << R"(","partition":0,"offset":)" << offset
      << R"(,"tstype":"create","ts":)" << fovea::value(time) << R"(,"key":"k","payload":)"
      << json_string(value) << "}\n";
}

double figure(const std::string& json, const std::string& name) {
  const auto at = json.find("\"" + name + "\":");
  FOVEA_ASSERT(at != std::string::npos);
  return std::stod(json.substr(at + name.size() + 3));
}

class Triggers : public testing::Test {
 protected:
  Triggers() {
    std::string pattern = (fs::temp_directory_path() / "fovea-triggers-XXXXXX").string();
    folder_ = mkdtemp(pattern.data());
    options_.events = path("events");
    options_.triggers = path("slates");
    options_.json = path("json");
    options_.publish_every.events = 1;
  }
  ~Triggers() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const std::string& name) const { return folder_ / name; }

  // Serves a generated log event by event and dumps both topics.
  void serve(int events) {
    std::ofstream event_dump(path("events"));
    std::ofstream slate_dump(path("slates"));
    auto local = LocalTopology::create(config_, {});
    FOVEA_ASSERT(local.has_value());
    GeneratedLogSettings world;
    world.users = 40;
    world.items = 60;
    GeneratedLog log(world);
    Records in(config_);
    Offset slate_offset = 0;
    for (Offset offset = 0; offset < events; ++offset) {
      Event event = log.next().event;
      event.type = EventType::kView;
      auto record = in.raw(ingest::encode_event(event));
      record.record_time = event.event_time;
      dump(event_dump, config_.topics.input.front(), offset, event.event_time, *record.value);
      const auto effects = local->step({&record, 1});
      ASSERT_TRUE(effects);
      for (const Recommendation& slate : effects->recommendations) {
        dump(slate_dump, config_.topics.recommendations, slate_offset++, event.event_time,
             ingest::encode_recommendation(slate));
      }
    }
  }

  std::string evaluated() {
    const auto outcome = evaluate_triggers(config_, options_);
    EXPECT_TRUE(outcome) << outcome.error().message;
    std::ifstream in(path("json"));
    return {std::istreambuf_iterator<char>(in), {}};
  }

  Config config_ = small_config();
  EvaluateOptions options_;

 private:
  fs::path folder_;
};

TEST_F(Triggers, TheEvaluatorHitsWhereTheServedSlatesHit) {
  serve(1'500);

  const std::string json = evaluated();

  EXPECT_EQ(figure(json, "slates"), 1'500);
  EXPECT_EQ(figure(json, "covered_not_scored"), 0);
  EXPECT_GT(figure(json, "compared"), 1'000);
  EXPECT_GT(figure(json, "served_hr_10"), 0.1);
  EXPECT_NEAR(figure(json, "evaluated_hr_10"), figure(json, "served_hr_10"), 0.01);
}

TEST_F(Triggers, ALineThatIsNoDumpIsNamed) {
  serve(3);
  std::ofstream(path("slates"), std::ios::app) << "{\"user\":\"u\"}\n";

  const auto outcome = evaluate_triggers(config_, options_);

  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("slates: line 4"), std::string::npos)
      << outcome.error().message;
}

}  // namespace
}  // namespace fovea::topologies
