// `fovea evaluate` from files to table, JSON and page, on a generated log.

#include "topologies/evaluation_report.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "tests/topologies/small_topology.h"
#include "topologies/evaluation_page.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

// One evaluation for all cases: they look at what it left behind.
class EvaluationReport : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    std::string pattern = (fs::temp_directory_path() / "fovea-report-XXXXXX").string();
    folder = mkdtemp(pattern.data());
    GenerateOptions log;
    log.users = 50;
    log.items = 60;
    log.events = 3'000;
    log.out = folder + "/events.ndjson";
    FOVEA_ASSERT(generate(log).has_value());
    EvaluateOptions options;
    options.events = log.out;
    options.every = 2;
    options.baselines = *baselines::parse_specs("all");
    options.report = folder + "/report/here";
    const Config config = small_config("[model]\nhalf_life = \"10m\"\n");
    testing::internal::CaptureStdout();
    const auto evaluated = evaluate(config, options);
    table = testing::internal::GetCapturedStdout();
    FOVEA_ASSERT(evaluated.has_value());
    figures = json::parse(text("/report/here/evaluation.json"));
  }
  static void TearDownTestSuite() { fs::remove_all(folder); }

  static std::string text(const std::string& name) {
    std::ifstream in(folder + name);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  static inline std::string folder;
  static inline std::string table;
  static inline json figures;
};

TEST_F(EvaluationReport, CountsAgree) {
  const auto scored = figures["scored"].get<std::uint64_t>();
  EXPECT_GT(scored, 300U);
  EXPECT_EQ(figures["events"], 3'000);
  EXPECT_EQ(figures["model"]["n"], scored);
  for (const json& strata : figures["strata"]) {
    std::uint64_t sum = 0;
    for (const json& part : strata["parts"]) sum += part["n"].get<std::uint64_t>();
    EXPECT_EQ(sum, scored) << strata["title"];
  }
  std::uint64_t in_windows = 0;
  for (const json& window : figures["curve"]) in_windows += window["n"].get<std::uint64_t>();
  EXPECT_EQ(in_windows, scored);
  EXPECT_EQ(figures["curve"].back()["scored"], scored);
}

TEST_F(EvaluationReport, EveryBaselineIsComparedOnTheSameEvents) {
  const double model = figures["model"]["ndcg_10"]["value"];
  ASSERT_EQ(figures["baselines"].size(), baselines::parse_specs("all")->size());
  for (const json& baseline : figures["baselines"]) {
    EXPECT_EQ(baseline["n"], figures["scored"]);
    const double theirs = baseline["ndcg_10"]["value"];
    EXPECT_NEAR(baseline["model_minus"]["value"], model - theirs, 2e-6) << baseline["name"];
    if (theirs == 0) continue;
    const json& ratio = baseline["ratio"];
    EXPECT_NEAR(ratio["value"], model / theirs, 1e-3) << baseline["name"];
    EXPECT_LT(ratio["low"], ratio["value"]) << baseline["name"];
    EXPECT_GT(ratio["high"], ratio["value"]) << baseline["name"];
    EXPECT_GT(baseline["scoring_us"], 0) << baseline["name"];
  }
}

TEST_F(EvaluationReport, StrataAndWindowsAverageToTheWhole) {
  for (std::size_t ranker = 0; ranker <= figures["baselines"].size(); ++ranker) {
    const json& whole = ranker == 0 ? figures["model"] : figures["baselines"][ranker - 1];
    const auto n = figures["scored"].get<double>();
    double in_windows = 0;
    for (const json& window : figures["curve"]) {
      in_windows += window["n"].get<double>() * window["ndcg_10"][ranker].get<double>();
    }
    EXPECT_NEAR(in_windows / n, whole["ndcg_10"]["value"], 1e-5);
    double in_strata = 0;
    for (const json& part : figures["strata"][0]["parts"]) {
      const json& value =
          ranker == 0 ? part["ndcg_10"]["value"] : part["baselines_ndcg_10"][ranker - 1];
      in_strata += part["n"].get<double>() * value.get<double>();
    }
    EXPECT_NEAR(in_strata / n, whole["ndcg_10"]["value"], 1e-5);
  }
}

TEST_F(EvaluationReport, AttentionOverAHistoryIsAShare) {
  const json& newest = figures["slates"]["attention_by_position"][0];
  EXPECT_LE(newest["n"], figures["scored"]);
  EXPECT_GT(newest["n"], figures["scored"].get<double>() / 2);
  double sum = 0;
  for (const json& bin : figures["slates"]["attention_by_position"]) {
    if (bin["n"] > 0) sum += bin["n"].get<double>() * bin["mean"].get<double>();
  }
  // The weights of each history that has a choice in it sum to 1.
  EXPECT_NEAR(sum / newest["n"].get<double>(), 1, 1e-4);
  for (const char* what : {"calibration", "probability"}) {
    EXPECT_FALSE(figures["slates"][what].empty()) << what;
    for (const json& bin : figures["slates"][what]) {
      EXPECT_GE(bin["chosen"], 0);
      EXPECT_LE(bin["chosen"], 1);
    }
  }
}

TEST_F(EvaluationReport, ThePageHoldsTheSameFiguresAndNeedsNothingElse) {
  const std::string page = text("/report/here/evaluation.html");
  const std::string open = "<script type=\"application/json\" id=\"figures\">";
  const std::size_t begin = page.find(open);
  ASSERT_NE(begin, std::string::npos);
  const std::size_t end = page.find("</script>", begin);
  const std::size_t from = begin + open.size();

  EXPECT_EQ(json::parse(page.substr(from, end - from)), figures);
  EXPECT_EQ(page.find("src=\"http"), std::string::npos);
  EXPECT_EQ(page.find("<link"), std::string::npos);
  for (const char* part : {"{{figures}}", "{{script}}", "{{chart_library}}"}) {
    EXPECT_EQ(page.find(part), std::string::npos) << part;
  }
  for (const char* id :
       {"rankers", "ratios", "curve", "strata", "probability", "calibration", "position", "gap"}) {
    EXPECT_NE(page.find("id=\"" + std::string(id) + "\""), std::string::npos) << id;
  }
}

TEST_F(EvaluationReport, ATextInTheFiguresCannotEndTheScript) {
  const std::string page = evaluation_page(R"({"topology":"</script><b>"})");
  EXPECT_EQ(page.find("</script><b>"), std::string::npos);
  EXPECT_NE(page.find(R"({"topology":"\u003c/script>\u003cb>"})"), std::string::npos);
}

TEST_F(EvaluationReport, TheTableHasALineForEachRanker) {
  EXPECT_EQ(table.find("t: 3000 events, "), 0U);
  for (const json& baseline : figures["baselines"]) {
    EXPECT_NE(table.find("\n  " + baseline["name"].get<std::string>() + " "), std::string::npos);
  }
  EXPECT_NE(table.find("by length of the history"), std::string::npos);
}

TEST(RunningFigures, NameTheBestBaselineSoFar) {
  EvaluationFigures figures;
  figures.baselines.resize(2);
  figures.baselines[0].name = "weak";
  figures.baselines[1].name = "strong";
  figures.model.ranking.add(0);
  figures.baselines[0].ranking.add(30);
  figures.baselines[1].ranking.add(2);
  EXPECT_EQ(running_figures(figures), "NDCG@10 1.0000, strong 0.5000, ratio 2.000");
  figures.baselines.clear();
  EXPECT_EQ(running_figures(figures), "NDCG@10 1.0000");
}

}  // namespace
}  // namespace fovea::topologies
