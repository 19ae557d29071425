// fovea model info: what the newest local snapshot holds.

#include <fmt/format.h>

#include <string>
#include <vector>

#include "scorer/model_info.h"
#include "topologies/commands.h"
#include "topologies/json_text.h"
#include "topologies/local_state.h"

namespace fovea::topologies {
namespace {

double mebibytes(std::uint64_t bytes) {
  return static_cast<double>(bytes) / (1U << 20U);
}

void print_json(const LocalModel& local, const std::vector<scorer::TableMemory>& tables) {
  const ModelStamp stamp = local.learner->stamp();
  const auto parent = scorer::parent(local.learner->model());
  const scorer::LearnerStats stats = local.learner->stats();
  std::string memory;
  for (const scorer::TableMemory& table : tables) {
    memory += fmt::format("{}{{\"table\":{},\"rows\":{},\"bytes\":{}}}", memory.empty() ? "" : ",",
                          json_string(table.table), table.rows, table.bytes);
  }
  std::string content;
  for (const auto& [kind, share] : scorer::content_attention(local.learner->model())) {
    content += fmt::format("{}{}:{:.4f}", content.empty() ? "" : ",", json_string(kind), share);
  }
  fmt::print(
      "{{\"snapshot\":{},\"model_id\":\"{:016x}\",\"lineage\":{},\"position\":{},"
      "\"digest\":\"{:016x}\",\"examples\":{},\"gradients\":{},\"catalogue_changes\":{},"
      "\"repeats_skipped\":{},\"items\":{},\"items_evicted\":{},\"parent\":{},\"loss\":{},"
      "\"content_attention\":{{{}}},\"memory\":[{}]}}\n",
      json_string(local.path), stamp.model_id, stamp.lineage, stamp.position,
      local.learner->digest(), stats.examples, stats.gradients, stats.catalogue_changes,
      stats.repeats_skipped, stats.items, stats.items_evicted,
      parent ? fmt::format("{{\"model_id\":\"{:016x}\",\"position\":{}}}", parent->model_id,
                           parent->position)
             : "null",
      stats.loss, content, memory);
}

void print_text(const LocalModel& local, const std::vector<scorer::TableMemory>& tables) {
  const ModelStamp stamp = local.learner->stamp();
  const auto parent = scorer::parent(local.learner->model());
  const scorer::LearnerStats stats = local.learner->stats();
  fmt::print(
      "snapshot          {}\n"
      "model             {:016x}, lineage {}\n"
      "parent            {}\n"
      "position          {}\n"
      "digest            {:016x}\n"
      "examples          {}, {} of them learned by gradient\n"
      "repeats skipped   {}\n"
      "catalogue changes {}\n"
      "items             {}, {} gave way to others\n"
      "loss              {:.4f}\n\n",
      local.path, stamp.model_id, stamp.lineage,
      parent ? fmt::format("{:016x} at {}", parent->model_id, parent->position) : "none",
      stamp.position, local.learner->digest(), stats.examples, stats.gradients,
      stats.repeats_skipped, stats.catalogue_changes, stats.items, stats.items_evicted, stats.loss);
  const auto content = scorer::content_attention(local.learner->model());
  if (!content.empty()) fmt::print("{:<24} {:>12}\n", "content", "attention");
  for (const auto& [kind, share] : content) fmt::print("{:<24} {:>12.3f}\n", kind, share);
  if (!content.empty()) fmt::print("\n");
  fmt::print("{:<24} {:>12} {:>10}\n", "memory", "rows", "MiB");
  std::uint64_t total = 0;
  for (const scorer::TableMemory& table : tables) {
    total += table.bytes;
    fmt::print("{:<24} {:>12} {:>10.2f}\n", table.table, table.rows, mebibytes(table.bytes));
  }
  fmt::print("{:<24} {:>12} {:>10.2f}\n", "all", "", mebibytes(total));
}

}  // namespace

Result<void> model(const Config& config, const ModelOptions& options) {
  const auto local = open_local_model(config);
  if (!local) return local.error();
  if (local->learner == nullptr) return stop(local->why_not);
  const auto tables = scorer::memory(local->learner->model());
  if (options.json) {
    print_json(*local, tables);
  } else {
    print_text(*local, tables);
  }
  return {};
}

}  // namespace fovea::topologies
