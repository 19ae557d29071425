// What /metrics says: the table, its page, the exposition, and that each metric is really exposed.

#include "topologies/metrics.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "profile_store/profile_store.h"
#include "topologies/metrics_table.h"
#include "topologies/metrics_text.h"

namespace fovea::topologies {
namespace {

using std::chrono::milliseconds;

class FixedClock final : public Clock {
 public:
  [[nodiscard]] TimeMs now() const override { return TimeMs{1'000'000}; }
};

class MeasuredStore final : public profile_store::ProfileStore {
 public:
  [[nodiscard]] std::optional<profile_store::StoreStatistics> statistics() const override {
    profile_store::StoreStatistics statistics;
    statistics.keys = 42;
    statistics.stall_us = 1'500'000;
    return statistics;
  }
  Result<std::vector<std::optional<Profile>>> get(Partition, const std::vector<UserId>&) override {
    return std::vector<std::optional<Profile>>();
  }
  Result<void> apply(const profile_store::StoreBatch&) override { return {}; }
  Result<std::optional<profile_store::PartitionPositions>> positions(Partition) override {
    return std::optional<profile_store::PartitionPositions>();
  }
  Result<std::vector<Partition>> partitions() override { return std::vector<Partition>(); }
  Result<void> for_each(const Visitor&) override { return {}; }
};

// A process that has something to say of everything.
struct Busy {
  Busy() : metrics("video", clock, "") {
    WorkerMetrics& worker = metrics.add_worker("0");
    PipelineCounts counts;
    counts.records = 100;
    counts.events = 90;
    counts.late = 3;
    counts.duplicates = 2;
    counts.dead_letters = {{"bad_id", 4}, {"not_json", 6}};
    worker.set_counts(counts);
    worker.assign({"video.events", 3});
    PartitionMetrics& partition = *worker.partitions().begin()->second;
    partition.next.set(70);
    partition.end.set(95);
    partition.record_time_ms.set(990'000);
    worker.joined.set(true);
    worker.phase.set(WorkerPhase::kRunning);
    worker.heartbeat.beat();
    worker.step.add(milliseconds(3));
    worker.pipeline.quality.judged.add(4);
    worker.pipeline.quality.decayed_judged.set(4);
    worker.pipeline.quality.hits[0][0].add();
    worker.pipeline.quality.decayed_hits[0][0].set(1);

    LearnerMetrics& learner = metrics.learner();
    learner.started.set(true);
    learner.heartbeat.beat();
    learner.next.set(10);
    learner.end.set(12);
    learner.record_time_ms.set(999'500);
    learner.view_example_time_ms.set(998'000);
    learner.gradients.set(5);
    learner.loss.set(2.5);

    metrics.standby().partitions.set(5);
    metrics.standby().as_of.set(clock.monotonic().time_since_epoch().count());
    PublisherMetrics& publisher = metrics.publisher();
    publisher.complete.add(2);
    publisher.bytes.add(700);
    publisher.position.set(7);
    publisher.time_ms.set(970'000);
    publisher.log_start.set(3);

    ingest::KafkaStatistics producer;
    producer.producer = true;
    producer.brokers = {{"a \"quoted\" one:9092/1", true, .001, .002, .003, 1, 2, 3}};
    producer.partitions = {{"video.events", 3, 25}};
    metrics.set_kafka("0", producer);
    metrics.watch_store(&store);
  }

  FixedClock clock;
  MeasuredStore store;
  Metrics metrics;
};

std::string text_of(const Metrics& metrics) {
  return metrics.text(milliseconds(10'000));
}

bool has_line(const std::string& text, const std::string& line) {
  return ("\n" + text).find("\n" + line + "\n") != std::string::npos;
}

TEST(MetricsTable, IsTheOneInMetricsMd) {
  std::ifstream in(FOVEA_SOURCE_DIR "/topologies/METRICS.md");
  const std::string page(std::istreambuf_iterator<char>(in), {});
  EXPECT_NE(page.find(metrics_table()), std::string::npos)
      << "topologies/METRICS.md should hold exactly what `fovea metrics-table` prints";
}

TEST(MetricsTable, NamesFollowPrometheusConventions) {
  std::set<std::string_view> names;
  for (const MetricSpec& metric : metric_specs()) {
    EXPECT_TRUE(names.insert(metric.name).second) << metric.name;
    EXPECT_TRUE(metric.name.starts_with("fovea_")) << metric.name;
    EXPECT_EQ(metric.name.ends_with("_total"), metric.kind == MetricKind::kCounter) << metric.name;
    EXPECT_FALSE(metric.help.empty()) << metric.name;
    for (const std::string_view unit : {"seconds", "bytes"}) {
      if (metric.unit != unit) continue;
      EXPECT_NE(metric.name.find(unit), std::string_view::npos) << metric.name;
    }
  }
}

TEST(MetricsText, EscapesLabelsAndHelpAndKeepsWholeNumbersWhole) {
  MetricsText text;
  text.add(Metric::kDeadLetters, {"a\\b\"c\nd"}, 1e6);
  text.add(Metric::kTrainingLoss, 2.25);
  const std::string out = text.text();
  EXPECT_TRUE(has_line(out, R"(fovea_dead_letters_total{reason="a\\b\"c\nd"} 1000000)")) << out;
  EXPECT_TRUE(has_line(out, "fovea_training_loss 2.25")) << out;
  EXPECT_TRUE(has_line(out, "# TYPE fovea_training_loss gauge")) << out;
  EXPECT_EQ(out.find("fovea_records_total"), std::string::npos) << "what has no value is left out";
}

TEST(MetricsText, HistogramsAreCumulativeAndEndAtInfinity) {
  Histogram<kRecordsBounds> histogram;
  for (const double value : {1.0, 1.5, 2.0, 1e9}) histogram.add(value);
  std::vector<std::uint64_t> counts;
  for (std::size_t i = 0; i < histogram.kBuckets; ++i) counts.push_back(histogram.count(i));
  MetricsText text;
  text.add_histogram(Metric::kBatchRecords, histogram.bounds(), counts, histogram.sum());
  const std::string out = text.text();
  EXPECT_TRUE(has_line(out, R"(fovea_batch_records_bucket{le="1"} 1)")) << out;
  EXPECT_TRUE(has_line(out, R"(fovea_batch_records_bucket{le="2"} 3)")) << out;
  EXPECT_TRUE(has_line(out, R"(fovea_batch_records_bucket{le="10000"} 3)")) << out;
  EXPECT_TRUE(has_line(out, R"(fovea_batch_records_bucket{le="+Inf"} 4)")) << out;
  EXPECT_TRUE(has_line(out, "fovea_batch_records_sum 1000000004.5")) << out;
  EXPECT_TRUE(has_line(out, "fovea_batch_records_count 4")) << out;
}

TEST(Metrics, EveryMetricOfTheTableIsExposed) {
  const Busy busy;
  const std::string text = text_of(busy.metrics);
  for (const MetricSpec& metric : metric_specs()) {
    EXPECT_TRUE(text.find("# TYPE " + std::string(metric.name) + " ") != std::string::npos)
        << metric.name;
  }
}

TEST(Metrics, SayWhatTheThreadsWrote) {
  const Busy busy;
  const std::string text = text_of(busy.metrics);
  for (const char* line : {
           "fovea_records_total 100",
           R"(fovea_events_total{outcome="folded"} 85)",
           R"(fovea_events_total{outcome="late"} 3)",
           R"(fovea_dead_letters_total{reason="not_json"} 6)",
           R"(fovea_input_lag_records{topic="video.events",partition="3"} 25)",
           R"(fovea_input_lag_seconds{topic="video.events",partition="3"} 10)",
           "fovea_standby_partitions 5",
           "fovea_learner_lag_records 2",
           "fovea_learner_lag_seconds 0.5",
           "fovea_model_age_seconds 2",
           R"(fovea_model_publications_total{result="complete"} 2)",
           "fovea_model_published_bytes_total 700",
           "fovea_model_published_position 7",
           "fovea_model_published_age_seconds 30",
           "fovea_learning_log_start 3",
           "fovea_store_keys 42",
           "fovea_store_stall_seconds_total 1.5",
           R"(fovea_kafka_broker_up{client="0 producer",broker="a \"quoted\" one:9092/1"} 1)",
           R"(fovea_online_hit_ratio{list="slate",k="slate"} 0.25)",
           R"(fovea_online_hit_ratio{list="popularity",k="10"} 0)",
           "fovea_ready 1",
       }) {
    EXPECT_TRUE(has_line(text, line)) << line << "\n" << text;
  }
}

TEST(Metrics, APartitionThatGoesIsNoLongerSaid) {
  Busy busy;
  WorkerMetrics& other = busy.metrics.add_worker("1");
  other.assign({"video.events", 5});
  other.revoke({"video.events", 5});
  EXPECT_TRUE(has_line(text_of(busy.metrics), "fovea_assigned_partitions 1"));
}

TEST(Metrics, CountsOfWorkersAddUp) {
  Busy busy;
  PipelineCounts counts;
  counts.records = 11;
  counts.dead_letters = {{"not_json", 1}};
  busy.metrics.add_worker("1").set_counts(counts);
  const std::string text = text_of(busy.metrics);
  EXPECT_TRUE(has_line(text, "fovea_records_total 111"));
  EXPECT_TRUE(has_line(text, R"(fovea_dead_letters_total{reason="not_json"} 7)"));
}

// Prometheus' own checker. CI has it; elsewhere its absence is said.
TEST(Metrics, PassPrometheusOwnChecker) {
  if (std::system("command -v promtool >/dev/null") != 0) {
    ASSERT_EQ(std::getenv("CI"), nullptr) << "promtool is not installed";
    GTEST_SKIP() << "promtool is not installed: the exposition was not checked by it";
  }
  const Busy busy;
  std::FILE* promtool = ::popen("promtool check metrics 2>&1", "w");
  ASSERT_NE(promtool, nullptr);
  const std::string text = text_of(busy.metrics);
  ASSERT_EQ(std::fwrite(text.data(), 1, text.size(), promtool), text.size());
  EXPECT_EQ(::pclose(promtool), 0) << text;
}

}  // namespace
}  // namespace fovea::topologies
