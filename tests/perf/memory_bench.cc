// Memory of a model by number of items: its tables, what the process holds for learner and two
// views, and a snapshot, beside the table of scorer/README.md; and how fast a snapshot is made, and
// restored by a learner that has nothing yet, memory to memory, the median of five times.
//
//   memory_bench [ITEMS]...     10000 and 1000000 unless named
//
// Every item is announced and, by Zipf's law, chosen once on average, so rows are as a young
// catalogue's. Each size runs in a process of its own: what one frees does not serve the next.
//
// Restoring   What it fills, the learner's tables and the first view's, is 2.8 times the snapshot's
//             bytes, and all of it fresh: at the 3 GB/s at which this machine gives fresh pages,
//             two thirds of a second for the million; that is the bound on one core.

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "scorer/learner.h"
#include "scorer/model.h"
#include "scorer/model_info.h"
#include "scorer/random.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

ItemRef item_of(std::uint64_t number) {
  return {ItemKey{mix64(number + 1)}, fmt::format("i{}", number)};
}

LearningRecord announcement(std::uint64_t number) {
  LearningRecord record;
  record.source = {"items", 0, static_cast<Offset>(number), 0};
  ItemChange change;
  change.item.item = item_of(number);
  record.body = std::move(change);
  return record;
}

// A choice of item u^n - 1, u uniform, by a user with 20 choices of that kind.
LearningRecord choice(std::uint64_t items, Offset offset, Random& random) {
  const auto draw = [&] {
    const double power = std::pow(static_cast<double>(items), double{random.uniform()});
    return std::min<std::uint64_t>(items - 1, static_cast<std::uint64_t>(power) - 1);
  };
  Example example;
  example.user = UserKey{mix64(random.below(100'000))};
  example.item = item_of(draw());
  example.time = TimeMs{1'700'000'000'000 + 1000 * offset};
  for (int k = 20; k > 0; --k) example.history.push_back({item_of(draw()).key, 60'000 * k});
  example.history_length = 20;
  LearningRecord record;
  record.source = {"events", 0, offset, 0};
  record.body = std::move(example);
  return record;
}

std::uint64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t pages = 0;
  file >> pages >> pages;
  return pages * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
}

template <class Work>
double median_seconds(
    const Work& work, const std::function<void()>& before = [] {}) {
  std::array<double, 5> taken{};
  for (double& seconds : taken) {
    before();
    const auto began = std::chrono::steady_clock::now();
    work();
    seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  }
  std::sort(taken.begin(), taken.end());
  return taken[taken.size() / 2];
}

void measure(std::uint64_t items) {
  ModelSettings settings;
  settings.topology = "memory";
  settings.positive.insert(EventType::kView);
  const std::uint64_t at_start = resident_bytes();
  auto created = Learner::create(settings);
  FOVEA_ASSERT(created.has_value());
  Learner& learner = **created;
  Offset position = 0;
  for (std::uint64_t item = 0; item < items; ++item) {
    FOVEA_ASSERT(learner.fold(announcement(item), position++).has_value());
  }
  Random random(7, 0);
  for (std::uint64_t i = 0; i < items; ++i) {
    FOVEA_ASSERT(
        learner.fold(choice(items, static_cast<Offset>(i), random), position++).has_value());
    if (i % 1'000 == 0) (void)learner.publish();
  }
  FOVEA_ASSERT(learner.publish() && learner.publish());
  const std::uint64_t held = resident_bytes() - at_start;
  std::string snapshot;
  const double made_s = median_seconds([&] { snapshot = learner.snapshot(); });

  const auto an_item = [&](std::uint64_t bytes) {
    return static_cast<double>(bytes) / static_cast<double>(items);
  };
  std::uint64_t fixed = 0;
  std::uint64_t tables = 0;
  std::string parts;
  for (const TableMemory& table : memory(learner.model())) {
    const bool by_item = table.rows == items;
    (by_item ? tables : fixed) += table.bytes;
    if (by_item) parts += fmt::format(" {} {:.0f},", table.table, an_item(table.bytes));
  }
  parts.pop_back();
  auto restored = Learner::create(settings);
  const double restored_s =
      median_seconds([&] { FOVEA_ASSERT((*restored)->restore(snapshot).has_value()); },
                     [&] { restored = Learner::create(settings); });
  const double size = static_cast<double>(snapshot.size());
  fmt::print("| {} |{} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.2f} | {:.2f} |\n", items, parts,
             an_item(tables), static_cast<double>(fixed) / 1e6, static_cast<double>(held) / 1e6,
             size / 1e6, size / made_s / 1e9, size / restored_s / 1e9);
}

}  // namespace
}  // namespace fovea::scorer

int main(int argc, char** argv) {
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {10'000, 1'000'000};
  fmt::print(
      "| items | bytes an item, by table | all tables | apart from items, MB | resident: "
      "learner and two views, MB | snapshot, MB | made, GB/s | restored, GB/s |\n"
      "|---|---|---|---|---|---|---|---|\n");
  for (const std::uint64_t items : sizes) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
      fovea::scorer::measure(items);
      std::fflush(stdout);
      std::_Exit(0);
    }
    int status = 1;
    if (child < 0 || waitpid(child, &status, 0) < 0 || status != 0) return EXIT_FAILURE;
  }
  return EXIT_SUCCESS;
}
