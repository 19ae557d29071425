// Whose readers wait for a transaction: the last stable offset stands still below the end.

#include <algorithm>
#include <chrono>
#include <map>
#include <string>
#include <thread>
#include <utility>

#include "ingest/kafka.h"
#include "ingest/kafka_client.h"
#include "ingest/kafka_config.h"
#include "ingest/kafka_positions.h"

namespace fovea::ingest {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kAnswerWithin{5'000};
constexpr steady_clock::duration kLookEvery = milliseconds{20};

Result<std::unique_ptr<KafkaClient>> open_onlooker(const KafkaSettings& settings,
                                                   const std::string& isolation) {
  auto conf = make_kafka_conf(settings, KafkaRole::kReader, {{"isolation.level", isolation}});
  if (!conf) return conf.error();
  return KafkaClient::create(settings, KafkaRole::kReader, *std::move(conf), nullptr);
}

}  // namespace

Result<std::vector<TopicPartition>> held_back(const KafkaSettings& settings,
                                              const std::vector<TopicPartition>& partitions,
                                              milliseconds patience) {
  auto stable = open_onlooker(settings, "read_committed");
  if (!stable) return stable.error();
  auto all = open_onlooker(settings, "read_uncommitted");
  if (!all) return all.error();

  const auto deadline = steady_clock::now() + patience;
  std::vector<TopicPosition> held;
  std::map<std::string, std::int32_t> counts;
  for (const TopicPartition& at : partitions) {
    if (!counts.contains(at.topic)) {
      const auto count = (*stable)->partition_count(at.topic, kAnswerWithin);
      if (!count) return count.error();
      if (!*count) return missing_topic(at.topic);
      counts[at.topic] = **count;
    }
    if (at.partition >= counts[at.topic]) continue;
    // In this order: one that commits in between is held back for a moment only.
    const auto begins = partition_ends(**stable, at, kAnswerWithin);
    if (!begins) return begins.error();
    const auto ends = partition_ends(**all, at, kAnswerWithin);
    if (!ends) return ends.error();
    if (begins->high < ends->high) held.push_back({at, begins->high});
  }
  while (!held.empty()) {
    const auto now = steady_clock::now();
    std::this_thread::sleep_for(std::clamp(deadline - now, steady_clock::duration{0}, kLookEvery));
    std::vector<TopicPosition> still;
    for (const TopicPosition& was : held) {
      const auto is = partition_ends(**stable, was.at, kAnswerWithin);
      if (!is) return is.error();
      if (is->high == was.next) still.push_back(was);
    }
    held = std::move(still);
    if (now >= deadline) break;
  }
  std::vector<TopicPartition> found;
  found.reserve(held.size());
  for (TopicPosition& one : held) found.push_back(std::move(one.at));
  return found;
}

}  // namespace fovea::ingest
