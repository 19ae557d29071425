#include "topologies/topics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>

#include "topologies/commands.h"
#include "topologies/log.h"

namespace fovea::topologies {
namespace {

using ingest::TopicDescription;

constexpr std::chrono::seconds kAdminTimeout{15};
constexpr const char* kDayMs = "86400000";
constexpr const char* kWeekMs = "604800000";
constexpr const char* kModelSegmentBytes = "67108864";

std::vector<std::string> names_of(const std::vector<TopicDescription>& topics) {
  std::vector<std::string> names;
  names.reserve(topics.size());
  for (const TopicDescription& topic : topics) names.push_back(topic.name);
  return names;
}

const TopicDescription* find_topic(const std::vector<TopicDescription>& topics,
                                   const std::string& name) {
  const auto at = std::find_if(topics.begin(), topics.end(),
                               [&](const TopicDescription& topic) { return topic.name == name; });
  return at == topics.end() ? nullptr : &*at;
}

// "compact, delete" and "delete,compact" are the same policy.
std::string sorted_words(const std::string& list) {
  std::vector<std::string> words(1);
  for (const char c : list) {
    if (c == ',') {
      words.emplace_back();
    } else if (c != ' ') {
      words.back() += c;
    }
  }
  std::sort(words.begin(), words.end());
  std::string sorted;
  for (const std::string& word : words) sorted += (sorted.empty() ? "" : ",") + word;
  return sorted;
}

// What would break a promise if it differed; the rest of the plan is advice.
constexpr std::string_view kEssential[] = {"cleanup.policy", "retention.ms"};

std::optional<std::string> configuration_problem(const TopicDescription& plan,
                                                 const TopicDescription& found) {
  for (const std::string_view key : kEssential) {
    const auto wanted = plan.config.find(std::string(key));
    const auto actual = found.config.find(std::string(key));
    if (wanted == plan.config.end() || actual == found.config.end()) continue;
    if (sorted_words(wanted->second) == sorted_words(actual->second)) continue;
    return fmt::format("has {} = {}, needs {}", key, actual->second, wanted->second);
  }
  return std::nullopt;
}

ingest::KafkaSettings kafka_settings(const Config& config) {
  ingest::KafkaSettings settings;
  settings.properties = config.kafka;
  settings.log = [](const std::string& line) { log_limited(LogLevel::kWarning, line, line); };
  return settings;
}

}  // namespace

std::vector<TopicDescription> plan_topics(const Config& config, std::int32_t input_partitions) {
  const std::int32_t input =
      input_partitions > 0 ? input_partitions : config.topic_shape.partitions;
  const std::int32_t free = config.topic_shape.partitions;
  const std::int32_t copies = config.topic_shape.replication;

  std::vector<TopicDescription> plan;
  for (const std::string& topic : config.topics.input) {
    plan.push_back({topic,
                    config.keyed_by_user ? input : free,
                    copies,
                    {{"cleanup.policy", "delete"}, {"retention.ms", kWeekMs}}});
  }
  if (!config.keyed_by_user) {
    plan.push_back({config.topics.events,
                    input,
                    copies,
                    {{"cleanup.policy", "delete"},
                     {"retention.ms", kWeekMs},
                     {"message.timestamp.type", "LogAppendTime"}}});
  }
  plan.push_back({config.topics.items, free, copies, {{"cleanup.policy", "compact"}}});
  // Trimmed by us, once two snapshots are complete; time must not do it.
  plan.push_back({config.topics.learning,
                  1,
                  copies,
                  {{"cleanup.policy", "delete"},
                   {"retention.ms", "-1"},
                   {"message.timestamp.type", "LogAppendTime"},
                   {"compression.type", "lz4"}}});
  // What has been overwritten goes when its segment is closed: small ones, or a small model would
  // keep a GiB of old snapshots.
  plan.push_back({config.topics.model,
                  1,
                  copies,
                  {{"cleanup.policy", "compact"}, {"segment.bytes", kModelSegmentBytes}}});
  plan.push_back({config.topics.profiles,
                  input,
                  copies,
                  {{"cleanup.policy", "compact"},
                   {"max.compaction.lag.ms", kDayMs},
                   {"delete.retention.ms", kWeekMs}}});
  // The newest slate of everybody is always there, and old ones go.
  plan.push_back(
      {config.topics.recommendations, free, copies, {{"cleanup.policy", "compact,delete"}}});
  plan.push_back({config.topics.dead_letter, free, copies, {{"cleanup.policy", "delete"}}});
  return plan;
}

std::vector<TopicFinding> compare_topics(const Config& config,
                                         const std::vector<TopicDescription>& found) {
  const std::int32_t input = input_partition_count(config, found);
  std::vector<TopicFinding> findings;
  for (const TopicDescription& plan : plan_topics(config, input)) {
    const TopicDescription* actual = find_topic(found, plan.name);
    if (actual == nullptr) {
      findings.push_back({plan.name, "is missing", true});
      continue;
    }
    const bool theirs = plan.name == config.topics.items ||
                        std::find(config.topics.input.begin(), config.topics.input.end(),
                                  plan.name) != config.topics.input.end();
    if (theirs) continue;
    const bool is_counted = plan.name == config.topics.learning ||
                            plan.name == config.topics.model || plan.name == config.topics.profiles;
    // A changelog may have more partitions than the input, never fewer.
    const bool fits = plan.name == config.topics.profiles ? actual->partitions >= plan.partitions
                                                          : actual->partitions == plan.partitions;
    if (is_counted && !fits) {
      findings.push_back(
          {plan.name,
           fmt::format("has {} partitions, needs {}", actual->partitions, plan.partitions), false});
    } else if (const auto problem = configuration_problem(plan, *actual)) {
      // Of recommendations and dead letters only the policy is ours to ask for.
      findings.push_back({plan.name, *problem, false});
    }
  }
  return findings;
}

std::int32_t input_partition_count(const Config& config,
                                   const std::vector<TopicDescription>& found) {
  const TopicDescription* topic = find_topic(found, config.topics.events);
  return topic == nullptr ? 0 : topic->partitions;
}

std::string create_command(const Config& config) {
  return "fovea topics create " + (config.path.empty() ? config.name + ".toml" : config.path);
}

Result<std::vector<TopicDescription>> require_topics(const Config& config,
                                                     ingest::KafkaAdmin& admin,
                                                     std::chrono::milliseconds timeout) {
  auto found = admin.describe(names_of(plan_topics(config, 0)), timeout);
  if (!found) return found.error();
  const std::vector<TopicFinding> findings = compare_topics(config, *found);
  if (findings.empty()) return found;
  const TopicFinding& first = findings.front();
  std::string message = fmt::format("topic {} {}", first.topic, first.problem);
  if (first.missing) message += "; create it with: " + create_command(config);
  return stop(message);
}

Result<void> topics(const Config& config, const TopicsOptions& options) {
  auto admin = ingest::open_kafka_admin(kafka_settings(config));
  if (!admin) return admin.error();
  const std::vector<std::string> names = names_of(plan_topics(config, 0));
  auto found = (*admin)->describe(names, kAdminTimeout);
  if (!found) return found.error();

  if (options.create) {
    std::vector<TopicDescription> missing;
    for (TopicDescription& topic : plan_topics(config, input_partition_count(config, *found))) {
      if (find_topic(*found, topic.name) == nullptr) missing.push_back(std::move(topic));
    }
    if (auto created = (*admin)->create(missing, kAdminTimeout); !created) return created;
    for (const TopicDescription& topic : missing) {
      fmt::print("created  {}  {} partition{}\n", topic.name, topic.partitions,
                 topic.partitions == 1 ? "" : "s");
    }
    found = (*admin)->describe(names, kAdminTimeout);
    if (!found) return found.error();
  }

  const std::vector<TopicFinding> findings = compare_topics(config, *found);
  for (const std::string& name : names) {
    const auto wrong = std::find_if(findings.begin(), findings.end(),
                                    [&](const TopicFinding& f) { return f.topic == name; });
    fmt::print("{}  {}{}\n", wrong == findings.end() ? "ok     " : "problem", name,
               wrong == findings.end() ? "" : " " + wrong->problem);
  }
  std::fflush(stdout);
  if (findings.empty()) return {};
  const TopicFinding& first = findings.front();
  return stop(fmt::format("topic {} {}{}", first.topic, first.problem,
                          first.missing ? "; create it with: " + create_command(config) : ""));
}

}  // namespace fovea::topologies
