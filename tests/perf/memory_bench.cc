// Memory of a model by number of items: its tables, what the process holds for learner and two
// views, and a snapshot, beside the table of scorer/README.md; and what a start waits for: its
// snapshot, a file in the page cache, restored by a learner that has nothing yet.
//
//   memory_bench [ITEMS]...     10000 and 1000000 unless named
//
// Every item is announced and, by Zipf's law, chosen once on average, so rows are as a young
// catalogue's. The making is the median of five times. Each size runs in a process of its own, and
// so does each of nine starts: what one frees does not serve the next.
//
// A start    What it fills, the learner's tables and the first view's, is 2.8 times the snapshot's
//            bytes, and all of it fresh: at the 3 GB/s at which this machine gives fresh pages,
//            two thirds of a second for the million; that is the bound on one core.

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "scorer/learner.h"
#include "scorer/model.h"
#include "scorer/model_info.h"
#include "scorer/random.h"
#include "topologies/snapshot_files.h"
#include "vocab/assert.h"

namespace fovea::scorer {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kStarts = 9;

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

double seconds_since(std::chrono::steady_clock::time_point began) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

template <std::size_t N>
double median(std::array<double, N> values) {
  std::sort(values.begin(), values.end());
  return values[N / 2];
}

ModelSettings settings() {
  ModelSettings settings;
  settings.topology = "memory";
  settings.positive.insert(EventType::kView);
  return settings;
}

std::unique_ptr<Learner> new_learner() {
  auto created = Learner::create(settings());
  FOVEA_ASSERT(created.has_value());
  return *std::move(created);
}

std::string snapshot_made(const Learner& learner, double& seconds) {
  std::string snapshot;
  std::array<double, 5> taken{};
  for (double& one : taken) {
    const auto began = std::chrono::steady_clock::now();
    snapshot = learner.snapshot();
    one = seconds_since(began);
  }
  seconds = median(taken);
  return snapshot;
}

// Leaves the snapshot in `directory`.
void measure_memory(std::uint64_t items, const std::string& directory) {
  const std::uint64_t at_start = resident_bytes();
  const auto made = new_learner();
  Learner& learner = *made;
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
  double made_s = 0.0;
  const std::string snapshot = snapshot_made(learner, made_s);
  FOVEA_ASSERT(topologies::write_snapshot(directory, learner.stamp(), snapshot).has_value());

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
  fmt::print("| {} |{} | {:.0f} | {:.0f} | {:.0f} | {:.0f} | {:.2f} |\n", items, parts,
             an_item(tables), static_cast<double>(fixed) / 1e6, static_cast<double>(held) / 1e6,
             static_cast<double>(snapshot.size()) / 1e6,
             static_cast<double>(snapshot.size()) / made_s / 1e9);
}

struct Start {
  double seconds = 0.0;
  double cpu_s = 0.0;
};

double cpu_seconds() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + 1e-6 * static_cast<double>(time.tv_usec);
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

Start start(const std::string& directory) {
  const auto learner = new_learner();
  const double cpu_before = cpu_seconds();
  const auto began = std::chrono::steady_clock::now();
  const auto restored = topologies::restore_newest(
      directory, *learner, [](const std::string& why) { fmt::print(stderr, "{}\n", why); });
  FOVEA_ASSERT(restored.has_value());
  return {seconds_since(began), cpu_seconds() - cpu_before};
}

// What `work` answers in a process of its own.
template <class Work>
auto in_child(const Work& work) {
  decltype(work()) answer{};
  std::array<int, 2> ends{};
  std::fflush(stdout);
  FOVEA_ASSERT(pipe(ends.data()) == 0);
  const pid_t child = fork();
  FOVEA_ASSERT(child >= 0);
  if (child == 0) {
    answer = work();
    std::fflush(stdout);
    const bool told = write(ends[1], &answer, sizeof answer) == sizeof answer;
    std::_Exit(told ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  close(ends[1]);
  FOVEA_ASSERT(read(ends[0], &answer, sizeof answer) == sizeof answer);
  close(ends[0]);
  FOVEA_ASSERT(waitpid(child, nullptr, 0) == child);
  return answer;
}

void measure_starts(std::uint64_t items, const std::string& directory) {
  const double size =
      static_cast<double>(fs::file_size(topologies::newest_snapshot(directory)->path));
  std::array<double, kStarts> seconds{};
  std::array<double, kStarts> cpu_s{};
  for (std::size_t i = 0; i < kStarts; ++i) {
    const Start one = in_child([&] { return start(directory); });
    seconds[i] = one.seconds;
    cpu_s[i] = one.cpu_s;
  }
  fmt::print("| {} | {:.0f} | {:.3f} | {:.3f} to {:.3f} | {:.3f} | {:.2f} |\n", items, size / 1e6,
             median(seconds), *std::min_element(seconds.begin(), seconds.end()),
             *std::max_element(seconds.begin(), seconds.end()), median(cpu_s),
             size / median(seconds) / 1e9);
}

void measure(const std::vector<std::uint64_t>& sizes, const fs::path& root) {
  const auto directory = [&](std::uint64_t items) {
    return (root / std::to_string(items)).string();
  };
  fmt::print(
      "| items | bytes an item, by table | all tables | apart from items, MB | resident: "
      "learner and two views, MB | snapshot, MB | made, GB/s |\n"
      "|---|---|---|---|---|---|---|\n");
  for (const std::uint64_t items : sizes) {
    (void)in_child([&] {
      measure_memory(items, directory(items));
      return true;
    });
  }
  fmt::print(
      "\n| items | snapshot, MB | start, s | from, to | CPU, s | GB/s |\n"
      "|---|---|---|---|---|---|\n");
  for (const std::uint64_t items : sizes) measure_starts(items, directory(items));
}

}  // namespace
}  // namespace fovea::scorer

int main(int argc, char** argv) {
  std::vector<std::uint64_t> sizes;
  for (int i = 1; i < argc; ++i) sizes.push_back(std::strtoull(argv[i], nullptr, 10));
  if (sizes.empty()) sizes = {10'000, 1'000'000};
  std::string pattern = (std::filesystem::temp_directory_path() / "fovea-memory-XXXXXX").string();
  FOVEA_ASSERT(mkdtemp(pattern.data()) != nullptr);
  fovea::scorer::measure(sizes, pattern);
  std::filesystem::remove_all(pattern);
  return EXIT_SUCCESS;
}
