// Where the learner's thread starts, against the embedded broker: the real client, a log and a
// model topic that this test has written.

#include "topologies/learner_thread.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <atomic>
#include <filesystem>
#include <sstream>
#include <thread>

#include "ingest/embedded_broker.h"
#include "scorer/model.h"
#include "tests/topologies/small_topology.h"
#include "topologies/output_records.h"
#include "topologies/topics.h"

namespace fovea::topologies {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;

class StartOfLearning : public testing::Test {
 protected:
  StartOfLearning() {
    std::string pattern = (fs::temp_directory_path() / "fovea-learner-XXXXXX").string();
    root_ = mkdtemp(pattern.data());
    auto broker = ingest::EmbeddedBroker::start();
    FOVEA_ASSERT(broker.has_value());
    broker_ = *std::move(broker);
    FOVEA_ASSERT(broker_->create(plan_topics(config_, 0)).has_value());
    config_.transport = Transport::kEmbedded;
    kafka_ = ingest::embedded_settings({config_.kafka}, *broker_);
  }
  ~StartOfLearning() override { fs::remove_all(root_); }

  static LearningRecord record(Offset i) {
    LearningRecord made;
    made.source = {"t.items", 0, i, 0};
    ItemChange change;
    change.item.item = {ItemKey{static_cast<std::uint64_t>(i + 1)}, std::to_string(i)};
    made.body = change;
    return made;
  }

  // A log of so many records.
  void write_log(Offset records) {
    for (Offset i = 0; i < records; ++i) log_.push_back(record(i));
    append_log();
  }

  // What another process says that its model is.
  void write_mark(Offset position, std::uint64_t digest) {
    log_.emplace_back();
    log_.back().body = Mark{"b", scorer::model_id(config_.model), position, digest, 0};
    append_log();
  }

  void append_log() {
    auto sink = ingest::open_kafka_sink(kafka_);
    ASSERT_TRUE(sink) << sink.error().message;
    for (const LearningRecord& made : log_) {
      ASSERT_TRUE((*sink)->append(learning_record(config_, made)));
    }
    log_.clear();
    const auto flushed = (*sink)->flush(30s);
    ASSERT_TRUE(flushed) << flushed.error().message;
  }

  void await_position(LearnerThread& thread, Offset position) {
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    while (thread.loop().position() != position) {
      ASSERT_FALSE(thread.failure()) << thread.failure()->message;
      ASSERT_LT(std::chrono::steady_clock::now(), deadline)
          << "position " << thread.loop().position();
      std::this_thread::sleep_for(5ms);
    }
  }

  // At a position with an item that the log does not have: it shows where it has been taken.
  std::unique_ptr<scorer::Learner> another_at(Offset position) {
    auto made = learner_at(position - 1);
    FOVEA_ASSERT(made->fold(record(1'000), position).has_value());
    return made;
  }
  static bool knows_another(LearnerThread& thread) {
    return thread.loop().view()->catalogue.find(ItemKey{1'001}) != scorer::kNoSlot;
  }

  std::unique_ptr<scorer::Learner> learner_at(Offset position) {
    auto made = *scorer::Learner::create(config_.model);
    for (Offset i = 0; i <= position; ++i) FOVEA_ASSERT(made->fold(record(i), i).has_value());
    return made;
  }

  void write_local(Offset position) {
    const auto model = learner_at(position);
    ASSERT_TRUE(write_snapshot(directory(), model->stamp(), model->snapshot()));
  }

  void publish(Offset position) { publish(*learner_at(position)); }

  void publish(const scorer::Learner& published) {
    const auto* model = &published;
    const auto transport = kafka_model_topic(config_, kafka_, model->stamp().model_id);
    auto writer = transport.open_writer();
    ASSERT_TRUE(writer && (*writer)->take_over(10s));
    const std::string bytes = model->snapshot();
    std::istringstream in(bytes);
    const auto written = write_model(
        model->stamp(), 0, in, bytes.size(), [&](const ModelKey& key, std::string part) {
          return (*writer)->write({model_record(config_, key, std::move(part))}, 10s);
        });
    ASSERT_TRUE(written) << written.error().message;
  }

  std::unique_ptr<LearnerThread> start(Offset far_behind) {
    LearnerSettings settings{kafka_, "a", directory()};
    settings.metrics = &metrics_;
    settings.far_behind = far_behind;
    auto started = LearnerThread::start(config_, std::move(settings), {stopping_});
    if (!started) ADD_FAILURE() << started.error().message;
    return started ? *std::move(started) : nullptr;
  }

  // Learns to the end of the log, as whoever began with nothing.
  void expect_learned(LearnerThread& thread, Offset records) {
    await_position(thread, records - 1);
    thread.stop();
    EXPECT_EQ(read_snapshot(*newest_snapshot(directory()))->view(),
              learner_at(newest_snapshot(directory())->stamp.position)->snapshot());
  }

  [[nodiscard]] std::string directory() const { return (root_ / "model").string(); }
  [[nodiscard]] Offset began() { return metrics_.learner().start_position.value(); }

  Config config_ = small_config();
  std::vector<LearningRecord> log_;  // to be appended
  SystemClock clock_;
  Metrics metrics_{"t", clock_};
  fs::path root_;
  std::unique_ptr<ingest::EmbeddedBroker> broker_;
  ingest::KafkaSettings kafka_;
  std::atomic<bool> stopping_{false};
};

TEST_F(StartOfLearning, WithoutASnapshotTheLogIsLearnedFromItsStart) {
  write_log(40);
  const auto thread = start(100);
  ASSERT_TRUE(thread);

  EXPECT_EQ(began(), kNoOffset);
  EXPECT_FALSE(thread->loop().restored());
  expect_learned(*thread, 40);
}

TEST_F(StartOfLearning, WithoutALocalSnapshotThePublishedOneIsTakenAndKept) {
  write_log(40);
  publish(29);
  const auto thread = start(100);
  ASSERT_TRUE(thread);

  EXPECT_EQ(began(), 29);
  EXPECT_EQ(newest_snapshot(directory())->stamp.position, 29);
  expect_learned(*thread, 40);
}

TEST_F(StartOfLearning, ALocalSnapshotThatIsNearEnoughIsGoneOnFrom) {
  write_log(40);
  publish(35);
  write_local(9);
  const auto thread = start(100);
  ASSERT_TRUE(thread);

  EXPECT_EQ(began(), 9);
  expect_learned(*thread, 40);
}

TEST_F(StartOfLearning, FarBehindThePublishedOneIsTakenInstead) {
  write_log(40);
  publish(35);
  write_local(9);
  const auto thread = start(20);
  ASSERT_TRUE(thread);

  EXPECT_EQ(began(), 35);
  expect_learned(*thread, 40);
}

TEST_F(StartOfLearning, FarBehindAPublishedOneThatIsHardlyAheadIsNotTaken) {
  write_log(40);
  publish(15);
  write_local(9);
  const auto thread = start(20);
  ASSERT_TRUE(thread);

  EXPECT_EQ(began(), 9);
  expect_learned(*thread, 40);
}

class MarksThatDiffer : public StartOfLearning {
 protected:
  // The log is learned; then somebody's mark says that it should be something else.
  std::unique_ptr<LearnerThread> learn_and_differ(bool publishes) {
    write_log(40);
    auto thread = start(100);
    if (!thread) return thread;
    await_position(*thread, 39);
    if (publishes) thread->loop().own_publication(this);
    publish(*another_at(29));
    write_mark(35, 12'345);
    await_position(*thread, 40);
    return thread;
  }
};

TEST_F(MarksThatDiffer, ThePublishedSnapshotIsTakenAndTheLogReadAgainFromThere) {
  const auto thread = learn_and_differ(false);
  ASSERT_TRUE(thread);

  thread->stop();

  EXPECT_FALSE(thread->failure());
  EXPECT_TRUE(knows_another(*thread));
  EXPECT_EQ(thread->loop().position(), 40);
  EXPECT_EQ(metrics_.learner().marks_differed.value(), 2U)
      << "the mark, which lies of every model, is compared again with the one that was taken";
  auto restored = *scorer::Learner::create(config_.model);
  const auto kept = restore_newest(directory(), *restored, [](const std::string&) {});
  ASSERT_TRUE(kept);
  EXPECT_EQ(kept->stamp.position, 40) << "the next start goes on from it";
  EXPECT_NE(restored->model().catalogue.find(ItemKey{1'001}), scorer::kNoSlot);
}

TEST_F(MarksThatDiffer, WhoPublishesIsFollowedAndKeepsItsOwn) {
  const auto thread = learn_and_differ(true);
  ASSERT_TRUE(thread);

  thread->stop();

  EXPECT_FALSE(knows_another(*thread));
  EXPECT_EQ(metrics_.learner().marks_differed.value(), 1U);
}

TEST_F(MarksThatDiffer, AreFollowedOnceAMinuteAtMost) {
  const auto thread = learn_and_differ(false);
  ASSERT_TRUE(thread);
  write_mark(38, 54'321);
  await_position(*thread, 41);
  thread->stop();

  EXPECT_EQ(metrics_.learner().marks_differed.value(), 3U);
  EXPECT_TRUE(knows_another(*thread));
  EXPECT_EQ(newest_snapshot(directory())->stamp.position, 41);
}

// Its readers end, and once they have, no broker answers whoever opens another.
class BreakingClients final : public ingest::ClientFactory {
 public:
  Result<std::unique_ptr<ingest::Source>> open_source(
      const ingest::KafkaSettings& settings, const ingest::ConsumerSettings& consumer,
      ingest::AssignmentListener& listener) const override {
    return ingest::kafka_clients().open_source(settings, consumer, listener);
  }
  Result<std::unique_ptr<ingest::Sink>> open_sink(
      const ingest::KafkaSettings& settings) const override {
    return ingest::kafka_clients().open_sink(settings);
  }
  Result<std::unique_ptr<ingest::TransactionalSink>> open_transactional_sink(
      const ingest::KafkaSettings& settings, const std::string& id,
      std::chrono::milliseconds timeout) const override {
    return ingest::kafka_clients().open_transactional_sink(settings, id, timeout);
  }
  Result<std::unique_ptr<ingest::PartitionReader>> open_partition_reader(
      const ingest::KafkaSettings&, const ingest::TopicPartition&, Offset) const override {
    if (ended_) {
      ++refused;
      return retry("no broker answers");
    }
    return std::unique_ptr<ingest::PartitionReader>(std::make_unique<Ending>(ended_));
  }
  Result<std::vector<ingest::TopicPartition>> held_back(
      const ingest::KafkaSettings& settings, const std::vector<ingest::TopicPartition>& partitions,
      std::chrono::milliseconds patience) const override {
    return ingest::kafka_clients().held_back(settings, partitions, patience);
  }

  mutable std::atomic<int> refused{0};

 private:
  class Ending final : public ingest::PartitionReader {
   public:
    explicit Ending(std::atomic<bool>& ended) : ended_(ended) {}
    Result<void> poll(std::vector<ingest::SourceRecord>&, std::size_t,
                      std::chrono::milliseconds) override {
      ended_ = true;
      return fovea::stop("it ends");
    }
    [[nodiscard]] Offset next() const override { return 0; }
    [[nodiscard]] Offset known_end() const override { return 0; }
    Result<Ends> ends(std::chrono::milliseconds) override { return Ends{0, 0}; }

   private:
    std::atomic<bool>& ended_;
  };
  mutable std::atomic<bool> ended_{false};
};

TEST_F(StartOfLearning, ToldToStopWhileTheLogIsReopenedItStops) {
  const BreakingClients clients;
  LearnerSettings settings{kafka_, "a", directory()};
  settings.clients = &clients;
  auto thread = LearnerThread::start(config_, std::move(settings), {stopping_});
  ASSERT_TRUE(thread) << thread.error().message;
  const auto deadline = std::chrono::steady_clock::now() + 30s;
  while (clients.refused == 0) {
    ASSERT_LT(std::chrono::steady_clock::now(), deadline);
    std::this_thread::sleep_for(5ms);
  }

  (*thread)->stop();

  EXPECT_FALSE((*thread)->failure());
}

}  // namespace
}  // namespace fovea::topologies
